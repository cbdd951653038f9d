"""The runtime data of a config entry: the gateway and everything that serves it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .can_log.recorder import Recorder
from .config_entry import gateway_config
from .const import CONF_SIMULATED
from .coordinator import BmsGatewayCoordinator
from .current_sensors import CurrentSensors
from .device_registry import Devices
from .energy.store import EnergyStore
from .engine.config import GatewayConfig
from .engine.gateway import Gateway
from .monitor import Monitor
from .setpoints.manager import SetpointManager
from .setpoints.store import SetpointStore
from .simulation import Simulation

SAVE_INTERVAL: Final = timedelta(seconds=60)
"""The most learned data a crash can lose. A fixed interval: a save that every change
postpones would never happen."""

type BmsGatewayConfigEntry = ConfigEntry[BmsGatewayRuntime]


@dataclass(frozen=True, slots=True, kw_only=True)
class BmsGatewayRuntime:
    """The running gateway of a config entry, and its collaborators."""

    hass: HomeAssistant
    entry: BmsGatewayConfigEntry
    gateway: Gateway
    coordinator: BmsGatewayCoordinator
    setpoint_store: SetpointStore
    setpoint_manager: SetpointManager
    energy_store: EnergyStore
    current_sensors: CurrentSensors
    devices: Devices
    monitor: Monitor
    recorder: Recorder
    simulation: Simulation | None

    @property
    def config(self) -> GatewayConfig:
        """The present configuration."""
        return self.coordinator.config

    async def async_start(self) -> None:
        """Start the gateway with its stored setpoints, and counting energy."""
        if self.simulation:
            await self.simulation.async_apply(self.config)
        self.setpoint_manager.async_start()
        await self.gateway.start()
        self.energy_store.async_follow(self.gateway)
        self.entry.async_on_unload(self._async_leave)

    @callback
    def async_follow(self) -> None:
        """Start updating entities; they exist by now, so that no event is lost."""
        self.coordinator.async_follow(self.monitor)
        self.current_sensors.async_apply()
        for stop in (
            self.energy_store.async_on_save(self.coordinator.async_show_again),
            async_track_time_interval(
                self.hass,
                self._async_save,
                SAVE_INTERVAL,
                name=f"{self.entry.title} save",
                cancel_on_shutdown=True,
            ),
        ):
            self.entry.async_on_unload(stop)
        self.coordinator.async_show_all()

    async def async_apply(self) -> None:
        """Apply a changed configuration to the running gateway."""
        config = gateway_config(self.entry)
        self.coordinator.async_configure(config)
        self.gateway.apply(config)
        self.current_sensors.async_apply()
        self.devices.async_sync()
        await self.setpoint_manager.async_keep_only({e.id for e in config.devices})
        await self.energy_store.async_keep_only(e.id for e in config.batteries)
        self.coordinator.async_show_latest()

    async def async_stop(self) -> None:
        """Stop sending and close the ports, then save what is not saved yet."""
        await self.gateway.stop()
        await self.setpoint_manager.async_stop()
        await self.energy_store.async_end()
        await self.recorder.async_end()
        if self.simulation:
            await self.simulation.async_end()

    async def _async_save(self, _now: datetime) -> None:
        await self.setpoint_manager.async_save_periodically()
        self.coordinator.async_show_again()

    @callback
    def _async_leave(self) -> None:
        self.coordinator.async_leave()
        self.current_sensors.async_end()
        self.monitor.async_end()


async def async_build(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry, config: GatewayConfig
) -> BmsGatewayRuntime:
    """Load the stored data of an entry, and build its gateway; nothing runs yet."""
    setpoint_store = SetpointStore(hass, entry.entry_id)
    await setpoint_store.async_load(each.id for each in config.inverters)
    # Devices may have been removed while the gateway was not running
    setpoint_store.keep_only({each.id for each in config.devices})
    energy_store = EnergyStore(hass, entry.entry_id, entry.title)
    await energy_store.async_load()
    gateway = Gateway(config, learned=setpoint_store.learned)
    coordinator = BmsGatewayCoordinator(hass, entry, gateway, config)
    devices = Devices(hass, entry)
    return BmsGatewayRuntime(
        hass=hass,
        entry=entry,
        gateway=gateway,
        coordinator=coordinator,
        setpoint_store=setpoint_store,
        setpoint_manager=SetpointManager(
            hass, gateway, setpoint_store, coordinator.async_setpoints_changed
        ),
        energy_store=energy_store,
        current_sensors=CurrentSensors(hass, entry, gateway),
        devices=devices,
        monitor=Monitor(hass, entry, devices, setpoint_store, energy_store),
        recorder=Recorder(hass, gateway),
        simulation=Simulation() if entry.data.get(CONF_SIMULATED) else None,
    )
