"""The coordinator: hands snapshots to entities at a pace the recorder can take."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util.hass_dict import HassKey

from .can_log.recorder import Recorder
from .config_entry import gateway_config
from .const import CONF_SIMULATED, CONF_UPDATE_INTERVAL, DEFAULT_UPDATE_INTERVAL, DOMAIN
from .current_sensors import CurrentSensors
from .device_registry import Devices
from .energy_store import EnergyStore
from .engine.gateway import Gateway
from .engine.model import Snapshot
from .event_detector import Event, EventDetector
from .issues.conditions import Conditions
from .issues.context import IssueContext
from .issues.registry import Issues
from .setpoints.manager import SetpointManager
from .setpoints.store import SetpointStore
from .simulation import Simulation
from .state_throttle import MAX_DELAY, show

_LOGGER = logging.getLogger(__name__)

SAVE_INTERVAL: Final = timedelta(seconds=60)
"""The most learned data a crash can lose. A fixed interval: a save that every change
postpones would never happen."""

EVENT_DETECTORS: Final[HassKey[dict[str, EventDetector]]] = HassKey(
    f"{DOMAIN}_event_detectors"
)
"""The event detector of each entry by its id. It outlives a reload."""

type EventListener = Callable[[Event], None]
type BmsGatewayConfigEntry = ConfigEntry[BmsGatewayCoordinator]


class BmsGatewayCoordinator(DataUpdateCoordinator[Snapshot]):
    """Hands the gateway's snapshots to the entities.

    `data` is the displayed snapshot: live values as of the last tick of the update
    interval, values that cannot wait as of now.
    """

    config_entry: BmsGatewayConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BmsGatewayConfigEntry,
        gateway: Gateway,
        store: SetpointStore,
        energy_store: EnergyStore,
    ) -> None:
        """Take the gateway's present snapshot; follow it only after `async_follow`."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=entry.title)
        self.gateway = gateway
        self.store = store
        self.energy_store = energy_store
        self.setpoint_manager = SetpointManager(
            hass, gateway, store, self._async_setpoints_changed
        )
        self.recorder = Recorder(hass, gateway)
        self._current_sensors = CurrentSensors(hass, entry, gateway)
        self.simulation = Simulation() if entry.data.get(CONF_SIMULATED) else None
        self.config = gateway_config(entry)
        self.data = gateway.snapshot
        self._out_of_turn: set[str] = set()
        self._tick_at = self.data.at
        self.devices = Devices(hass, entry)
        # Conditions that existed before a reload raise no new events
        detectors = hass.data.setdefault(EVENT_DETECTORS, {})
        self._event_detector = detectors.setdefault(entry.entry_id, EventDetector())
        self._conditions = Conditions()
        self._issues = Issues(hass, entry.entry_id)
        self._event_listeners: list[EventListener] = []
        self._interval: float | None = None
        self._stop_ticking: Callable[[], None] | None = None
        self._stop_saving: Callable[[], None] | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._stop_energy: Callable[[], None] | None = None

    @callback
    def async_follow(self) -> None:
        """Start following the gateway."""
        self._stop_listening = self.gateway.subscribe(self._async_on_snapshot)
        self._current_sensors.async_apply()
        self._stop_energy = self.energy_store.async_on_save(self._async_show_again)
        self._stop_saving = async_track_time_interval(
            self.hass,
            self._async_save,
            SAVE_INTERVAL,
            name=f"{self.name} keep",
            cancel_on_shutdown=True,
        )
        self._async_tick_each_interval()
        self._async_show(self.gateway.snapshot)

    @callback
    def async_leave(self) -> None:
        """Stop following: remove the timers and all repairs that are not ignored."""
        for stop in (
            self._stop_listening,
            self._stop_energy,
            self._stop_ticking,
            self._stop_saving,
        ):
            if stop:
                stop()
        self._stop_listening = self._stop_energy = None
        self._stop_ticking = self._stop_saving = None
        self._current_sensors.async_end()
        self._issues.async_end()

    @callback
    def async_on_event(self, listener: EventListener) -> Callable[[], None]:
        """Call `listener` with every event; return how to unsubscribe."""
        self._event_listeners.append(listener)
        return partial(self._event_listeners.remove, listener)

    async def async_apply(self) -> None:
        """Apply a changed configuration to the running gateway."""
        self.config = gateway_config(self.config_entry)
        self.name = self.config_entry.title
        self.gateway.apply(self.config)
        self._current_sensors.async_apply()
        self._async_tick_each_interval()
        self.devices.async_sync()
        await self.setpoint_manager.async_keep_only(
            {each.id for each in self.config.devices}
        )
        await self.energy_store.async_keep_only(
            each.id for each in self.config.batteries
        )
        self._out_of_turn.clear()
        self._async_show(show(self.data, self.gateway.snapshot))

    @callback
    def _async_setpoints_changed(self) -> None:
        # A user who changes a setpoint expects to see the effect at once
        self._out_of_turn.clear()
        self._async_show_again()

    @callback
    def _async_show_again(self) -> None:
        """Write the same snapshot again, with the repairs that are due now."""
        self._async_show(self.data)

    async def _async_save(self, _now: datetime) -> None:
        await self.setpoint_manager.async_save_periodically()
        self._async_show_again()

    @callback
    def _async_tick_each_interval(self) -> None:
        interval = self.config_entry.options.get(
            CONF_UPDATE_INTERVAL, DEFAULT_UPDATE_INTERVAL
        )
        if interval == self._interval and self._stop_ticking:
            return
        if self._stop_ticking:
            self._stop_ticking()
        self._interval = interval
        self._stop_ticking = async_track_time_interval(
            self.hass,
            self._async_tick,
            timedelta(seconds=interval),
            name=f"{self.name} update interval",
            cancel_on_shutdown=True,
        )

    @callback
    def _async_tick(self, _now: datetime) -> None:
        latest = self.gateway.snapshot
        self._out_of_turn.clear()
        self._tick_at = latest.at
        self._async_show(latest)

    @callback
    def _async_on_snapshot(self, latest: Snapshot) -> None:
        if latest.at >= self._tick_at + MAX_DELAY:
            self._out_of_turn.clear()
            self._tick_at = latest.at
        shown = show(self.data, latest, self._out_of_turn)
        if shown != self.data:
            self._async_show(shown)

    @callback
    def _async_show(self, shown: Snapshot) -> None:
        latest = self.gateway.snapshot
        self.devices.async_update(latest)
        events = self._event_detector.update(latest, latest.at)
        self._conditions.update(latest, latest.at)
        self._issues.async_update(
            IssueContext(
                entry_id=self.config_entry.entry_id,
                snapshot=latest,
                config=self.config,
                setpoints=self.setpoint_manager.setpoints,
                changes=self.store.changes,
                confirmed=self.store.confirmed,
                saved=self.store.saved,
                energy_saved=self.energy_store.saved,
                unsteady=self._event_detector.unsteady,
                lost_since=self._event_detector.lost_since,
                requesting=self._event_detector.requesting,
                voltage_difference=self._conditions.voltage_difference,
                signs_of_life=self._conditions.signs_of_life,
                highest_limits=self._conditions.highest_limits,
            )
        )
        self.async_set_updated_data(shown)
        for event in events:
            for listener in tuple(self._event_listeners):
                listener(event)
