"""The coordinator: hands snapshots to entities at a pace the recorder can take."""

from collections.abc import Callable
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .const import CONF_UPDATE_INTERVAL, DEFAULT_UPDATE_INTERVAL
from .engine.config import GatewayConfig
from .engine.gateway import Gateway
from .engine.model import Snapshot
from .monitor import Monitor
from .throttle.snapshots import show
from .throttle.states import MAX_DELAY

_LOGGER = logging.getLogger(__name__)


class BmsGatewayCoordinator(DataUpdateCoordinator[Snapshot]):
    """Hands the gateway's snapshots to the entities.

    `data` is the displayed snapshot: live values as of the last tick of the update
    interval, values that cannot wait as of now.
    """

    config_entry: ConfigEntry[Any]

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        gateway: Gateway,
        config: GatewayConfig,
    ) -> None:
        """Take the gateway's present snapshot; follow it only after `async_follow`."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=entry.title)
        self.gateway = gateway
        self.config = config
        self.data = gateway.snapshot
        self._monitor: Monitor | None = None
        self._out_of_turn: set[str] = set()
        self._tick_at = self.data.at
        self._interval: float | None = None
        self._stop_ticking: Callable[[], None] | None = None
        self._stop_listening: Callable[[], None] | None = None

    @callback
    def async_follow(self, monitor: Monitor) -> None:
        """Start following the gateway; the monitor gets each snapshot first."""
        self._monitor = monitor
        self._stop_listening = self.gateway.subscribe(self._async_on_snapshot)
        self._async_tick_each_interval()

    @callback
    def async_leave(self) -> None:
        """Stop following, and remove the timer."""
        for stop in (self._stop_listening, self._stop_ticking):
            if stop:
                stop()
        self._stop_listening = self._stop_ticking = None

    @callback
    def async_configure(self, config: GatewayConfig) -> None:
        """Take a changed configuration, title and update interval."""
        self.config = config
        self.name = self.config_entry.title
        self._async_tick_each_interval()

    @callback
    def async_show_latest(self) -> None:
        """Write whatever cannot wait, also limits that were shown out of turn."""
        self._out_of_turn.clear()
        self._async_show(show(self.data, self.gateway.snapshot))

    @callback
    def async_show_all(self) -> None:
        """Write the latest snapshot whole."""
        latest = self.gateway.snapshot
        self._out_of_turn.clear()
        self._tick_at = latest.at
        self._async_show(latest)

    @callback
    def async_setpoints_changed(self) -> None:
        """Write changed setpoints: the user expects to see the effect at once."""
        self._out_of_turn.clear()
        self.async_show_again()

    @callback
    def async_show_again(self) -> None:
        """Write the same snapshot again, with the repairs that are due now."""
        self._async_show(self.data)

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
        self.async_show_all()

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
        if self._monitor:
            self._monitor.async_update(self.gateway.snapshot, self.config)
        self.async_set_updated_data(shown)
        if self._monitor:
            self._monitor.async_deliver()
