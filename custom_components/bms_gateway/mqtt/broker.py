"""The MQTT broker through Home Assistant; the only module that imports its MQTT.

Loaded when MQTT is set up, never before: without it Home Assistant lacks the
requirements of its MQTT.
"""

from collections.abc import Callable
import logging
from typing import Final

from homeassistant.components import mqtt
from homeassistant.components.mqtt.models import DATA_MQTT, ReceiveMessage
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

_LOGGER = logging.getLogger(__name__)

_NO_EXPIRY: Final = "mqtt_message_expiry_interval_not_supported"
"""Home Assistant's error for a connection with MQTT 3.1.1."""


class Broker:
    """The MQTT functions that a gateway needs. A missing broker is not an error."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Use whatever connection exists at the time."""
        self._hass = hass
        self._expires = True
        self._failed = False

    @property
    def connected(self) -> bool:
        """Return whether there is a connection."""
        return DATA_MQTT in self._hass.data and mqtt.is_connected(self._hass)

    def on_connection(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Call the listener on connect and disconnect; return how to unsubscribe."""

        @callback
        def changed(connected: bool) -> None:
            self._expires = True  # it may be another broker
            listener(connected)

        return mqtt.async_subscribe_connection_status(self._hass, changed)

    async def async_publish(
        self,
        topic: str,
        payload: str,
        *,
        retain: bool = False,
        expiry: int | None = None,
    ) -> None:
        """Publish a message; without a connection it is dropped.

        `expiry`: seconds after which the broker discards it, where it can (MQTT 5).
        """
        if not self.connected:
            return
        failed_before = self._failed
        try:
            await self._publish(topic, payload, retain, expiry)
        except HomeAssistantError as err:
            if not self._failed:
                _LOGGER.warning("Cannot publish over MQTT: %s", err)
            self._failed = True
            return
        if failed_before and self._failed:
            _LOGGER.info("Publishing over MQTT works again")
            self._failed = False

    async def async_subscribe(
        self, topic: str, listener: Callable[[ReceiveMessage], None]
    ) -> Callable[[], None]:
        """Call the listener, a callback, with each message; its payload is bytes."""
        return await mqtt.async_subscribe(self._hass, topic, listener, encoding=None)

    async def _publish(
        self, topic: str, payload: str, retain: bool, expiry: int | None
    ) -> None:
        if expiry is not None and self._expires:
            try:
                await mqtt.async_publish(
                    self._hass,
                    topic,
                    payload,
                    0,
                    retain,
                    message_expiry_interval=expiry,
                )
            except ServiceValidationError as err:
                if err.translation_key != _NO_EXPIRY:
                    raise
                self._expires = False
            else:
                return
        await mqtt.async_publish(self._hass, topic, payload, 0, retain)
