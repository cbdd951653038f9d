"""The broker as Home Assistant's MQTT reaches it; the only module that imports that.

Loaded when MQTT is set up, never before: without it Home Assistant lacks what its
MQTT needs.
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
"""How Home Assistant says that the connection is one of MQTT 3.1.1."""


class Broker:
    """What a gateway needs of MQTT. A broker that is away is no error."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Use whatever connection there is at the moment."""
        self._hass = hass
        self._expires = True
        self._failed = False

    @property
    def connected(self) -> bool:
        """Return whether there is a connection."""
        return DATA_MQTT in self._hass.data and mqtt.is_connected(self._hass)

    def on_connection(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Call the listener when a connection comes or goes; return how to end that."""

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
        """Publish; without a connection the message is dropped.

        `expiry`: seconds after which the broker forgets it, where it can (MQTT 5).
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
