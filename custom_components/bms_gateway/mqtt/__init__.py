"""MQTT through Home Assistant's own client: used when it is there, never waited for.

The manifest declares no dependency: if the set-up of MQTT failed, ours would fail too,
and no inverter would be sent anything. The package has this name because Home
Assistant's checker then lets only a module `mqtt` import that integration.
"""

import asyncio
from typing import TYPE_CHECKING, Final, cast

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.importlib import async_import_module
from homeassistant.setup import async_when_setup
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .commands import Commands
from .publisher import Offline, Publisher
from .settings import mqtt_settings

if TYPE_CHECKING:
    from ..runtime import BmsGatewayConfigEntry
    from .broker import Broker


class MqttAvailability:
    """Waits for MQTT to be set up, once for all gateways: it cannot be cancelled."""

    def __init__(self) -> None:
        """Start without gateways."""
        self._broker: type[Broker] | None = None
        self._uplinks: set[Uplink] = set()

    @callback
    def async_add(self, uplink: Uplink) -> None:
        """Pass MQTT to this gateway: now if it is set up, else as soon as it is."""
        self._uplinks.add(uplink)
        if self._broker:
            uplink.async_connect(self._broker)

    @callback
    def async_remove(self, uplink: Uplink) -> None:
        """Drop a gateway that has stopped."""
        self._uplinks.discard(uplink)

    async def async_mqtt_available(self, hass: HomeAssistant, _: str) -> None:
        """Pass MQTT to every running gateway."""
        module = await async_import_module(hass, f"{__package__}.broker")
        self._broker = cast("type[Broker]", module.Broker)
        for uplink in tuple(self._uplinks):
            uplink.async_connect(self._broker)


_AVAILABILITY: Final[HassKey[MqttAvailability]] = HassKey(f"{DOMAIN}_mqtt")


@callback
def async_await_mqtt(hass: HomeAssistant) -> None:
    """Start waiting for MQTT, before the first gateway starts."""
    hass.data[_AVAILABILITY] = availability = MqttAvailability()
    async_when_setup(hass, "mqtt", availability.async_mqtt_available)


class Uplink:
    """The MQTT side of one gateway, if there is MQTT."""

    def __init__(self, hass: HomeAssistant, entry: BmsGatewayConfigEntry) -> None:
        """Do nothing before `async_start`."""
        self._hass = hass
        self._entry = entry
        self._settings = mqtt_settings(hass, entry)
        self._broker: Broker | None = None
        self._publisher: Publisher | None = None
        self._commands: Commands | None = None
        self._ended = False
        self._changing = asyncio.Lock()

    @callback
    def async_start(self) -> None:
        """Use MQTT now if it is set up, else as soon as it is."""
        self._entry.async_on_unload(self._async_stop)
        self._entry.async_on_unload(
            self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._async_stop_all)
        )
        availability = self._hass.data[_AVAILABILITY]
        self._entry.async_on_unload(lambda: availability.async_remove(self))
        availability.async_add(self)

    async def async_apply(self) -> None:
        """Apply changed options and names."""
        async with self._changing:
            settings = mqtt_settings(self._hass, self._entry)
            if settings == self._settings:
                return
            self._settings = settings
            await self._async_end(Offline.SWITCHED_OFF)
            self._begin()

    @callback
    def async_connect(self, broker: type[Broker]) -> None:
        """Start: MQTT is set up."""
        self._broker = broker(self._hass)
        self._begin()

    @callback
    def _begin(self) -> None:
        # Home Assistant may stop before MQTT is set up
        if self._ended or self._broker is None or not self._settings.enabled:
            return
        link = (self._hass, self._entry, self._broker, self._settings)
        self._publisher = Publisher(*link)
        self._publisher.async_start()
        if self._settings.commands:
            self._commands = Commands(*link)
            self._commands.async_start()

    async def _async_stop(self) -> None:
        await self._async_stop_for(Offline.STOPPED)

    async def _async_stop_all(self, _: Event) -> None:
        await self._async_stop_for(Offline.HOME_ASSISTANT_STOPPED)

    async def _async_stop_for(self, reason: Offline) -> None:
        self._ended = True
        await self._async_end(reason)

    async def _async_end(self, reason: Offline) -> None:
        commands, self._commands = self._commands, None
        publisher, self._publisher = self._publisher, None
        if commands:
            commands.async_end()
        if publisher:
            await publisher.async_end(reason)
