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
from .energy_store import Counters
from .engine.gateway import Gateway
from .engine.model import Snapshot
from .event_detector import Event, Watch
from .issues.conditions import Conditions
from .issues.context import IssueContext
from .issues.registry import Issues
from .setpoints.manager import SetpointManager
from .setpoints.store import SetpointStore
from .simulation import Simulation
from .state_throttle import PATIENCE, show

_LOGGER = logging.getLogger(__name__)

KEEP_INTERVAL: Final = timedelta(seconds=60)
"""The most learned data a crash can lose. A fixed interval: a save that every change
postpones would never happen."""

WATCHES: Final[HassKey[dict[str, Watch]]] = HassKey(f"{DOMAIN}_watches")
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
        counters: Counters,
    ) -> None:
        """Take the gateway's present snapshot; follow it only after `async_follow`."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=entry.title)
        self.gateway = gateway
        self.store = store
        self.counters = counters
        self.setpoint_manager = SetpointManager(
            hass, gateway, store, self._async_setpoints_changed
        )
        self.recorder = Recorder(hass, gateway)
        self._current_sensors = CurrentSensors(hass, entry, gateway)
        self.simulation = Simulation() if entry.data.get(CONF_SIMULATED) else None
        self.config = gateway_config(entry)
        self.data = gateway.snapshot
        self._moved: set[str] = set()
        self._moved_since = self.data.at
        self.devices = Devices(hass, entry)
        # Conditions that existed before a reload raise no new events
        watches = hass.data.setdefault(WATCHES, {})
        self._watch = watches.setdefault(entry.entry_id, Watch())
        self._conditions = Conditions()
        self._issues = Issues(hass, entry.entry_id)
        self._event_listeners: list[EventListener] = []
        self._interval: float | None = None
        self._stop_ticking: Callable[[], None] | None = None
        self._stop_keeping: Callable[[], None] | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._stop_counting: Callable[[], None] | None = None

    @callback
    def async_follow(self) -> None:
        """Start following the gateway."""
        self._stop_listening = self.gateway.subscribe(self._async_take_news)
        self._current_sensors.async_apply()
        self._stop_counting = self.counters.async_on_save(self._async_show_again)
        self._stop_keeping = async_track_time_interval(
            self.hass,
            self._async_keep,
            KEEP_INTERVAL,
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
            self._stop_counting,
            self._stop_ticking,
            self._stop_keeping,
        ):
            if stop:
                stop()
        self._stop_listening = self._stop_counting = None
        self._stop_ticking = self._stop_keeping = None
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
        await self.counters.async_keep_only(each.id for each in self.config.batteries)
        self._moved.clear()
        self._async_show(show(self.data, self.gateway.snapshot))

    @callback
    def _async_setpoints_changed(self) -> None:
        # A user who changes a setpoint expects to see the effect at once
        self._moved.clear()
        self._async_show_again()

    @callback
    def _async_show_again(self) -> None:
        """Write the same snapshot again, with the repairs that are due now."""
        self._async_show(self.data)

    async def _async_keep(self, _now: datetime) -> None:
        await self.setpoint_manager.async_keep()
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
        self._moved.clear()
        self._moved_since = latest.at
        self._async_show(latest)

    @callback
    def _async_take_news(self, latest: Snapshot) -> None:
        if latest.at >= self._moved_since + PATIENCE:
            self._moved.clear()
            self._moved_since = latest.at
        shown = show(self.data, latest, self._moved)
        if shown != self.data:
            self._async_show(shown)

    @callback
    def _async_show(self, shown: Snapshot) -> None:
        latest = self.gateway.snapshot
        self.devices.async_tell(latest)
        events = self._watch.update(latest, latest.at)
        self._conditions.update(latest, latest.at)
        self._issues.async_tell(
            IssueContext(
                entry_id=self.config_entry.entry_id,
                snapshot=latest,
                config=self.config,
                setpoints=self.setpoint_manager.setpoints,
                changes=self.store.changes,
                confirmed=self.store.confirmed,
                saved=self.store.saved,
                energy_saved=self.counters.saved,
                unsteady=self._watch.unsteady,
                lost_since=self._watch.lost_since,
                asking=self._watch.asking,
                apart=self._conditions.apart,
                signs_of_life=self._conditions.signs_of_life,
                borne=self._conditions.borne,
            )
        )
        self.async_set_updated_data(shown)
        for event in events:
            for listener in tuple(self._event_listeners):
                listener(event)
