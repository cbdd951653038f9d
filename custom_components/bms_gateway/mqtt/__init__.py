"""MQTT through Home Assistant's own: taken up when it is there, never waited for.

The manifest names no dependency on it: a set-up of MQTT that fails would fail ours,
and no inverter would be told anything. The package has this name because
Home Assistant's checker lets only a module `mqtt` import that integration then.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.importlib import async_import_module
from homeassistant.setup import async_when_setup

from .commands import Commands
from .publisher import Offline, Publisher
from .settings import mqtt_settings

if TYPE_CHECKING:
    from ..coordinator import BmsGatewayConfigEntry
    from .broker import Broker


class Uplink:
    """What one gateway has to do with MQTT, if there is any."""

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
        """Take MQTT up now if it is set up, else as soon as it is."""
        self._entry.async_on_unload(self._async_stop)
        self._entry.async_on_unload(
            self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._async_stop_all)
        )
        async_when_setup(self._hass, "mqtt", self._async_take_up)

    async def async_apply(self) -> None:
        """Take over changed options and names."""
        async with self._changing:
            settings = mqtt_settings(self._hass, self._entry)
            if settings == self._settings:
                return
            self._settings = settings
            await self._async_end(Offline.SWITCHED_OFF)
            self._begin()

    async def _async_take_up(self, hass: HomeAssistant, _: str) -> None:
        module = await async_import_module(hass, f"{__package__}.broker")
        self._broker = cast("type[Broker]", module.Broker)(hass)
        self._begin()

    @callback
    def _begin(self) -> None:
        # What awaits MQTT cannot be called off when the gateway is unloaded
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
