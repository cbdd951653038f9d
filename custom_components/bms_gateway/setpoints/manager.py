"""The setpoint manager: applies setpoints at once, stores them, ends them in time."""

from collections.abc import Callable, Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..engine.gateway import Gateway
from ..engine.model import Direction
from ..engine.scheduling import next_wake
from ..engine.setpoints import AllSetpoints
from ..engine.temporary_limits import TemporaryLimit
from ..errors import action_error
from .requester import AUTOMATION
from .store import SetpointStore
from .urgency import WRITE_DELAY, Urgency

type TemporaryLimitKey = tuple[str | None, Direction, str]

CLOCK_MOVED: Final = timedelta(seconds=2)
"""A displayed end moves only by more than this: both the wall clock and the gateway's
clock jitter."""


class SetpointManager:
    """Passes setpoints to the engine, stores them, and drops ended temporary limits.

    The engine ends a temporary limit at its exact time; this class removes it from the
    store and from what entities show.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        gateway: Gateway,
        store: SetpointStore,
        on_change: Callable[[], None],
    ) -> None:
        """Start with the stored setpoints; call `on_change` when setpoints change."""
        self._hass = hass
        self._gateway = gateway
        self._store = store
        self._on_change = on_change
        self._ends: dict[TemporaryLimitKey, datetime] = {}
        self._stop_end_timer: Callable[[], None] | None = None
        self._stop_write_timer: Callable[[], None] | None = None

    @property
    def setpoints(self) -> AllSetpoints:
        """All present setpoints."""
        return self._store.setpoints

    @callback
    def async_start(self) -> None:
        """Pass the stored setpoints to the engine; temporary limits resume now."""
        self._gateway.set_setpoints(self._store.start(lambda: self._gateway.now))
        self._follow()

    async def async_stop(self) -> None:
        """Stop the timers; write pending changes and the rest of temporary limits."""
        self._stop()
        self._cancel_write()
        await self._store.async_end(self._gateway.learned)

    async def async_set(self, setpoints: AllSetpoints, by: str) -> None:
        """Apply new setpoints: the engine uses them at once, then they are saved.

        Saved by the end of this call if a restart would allow more, else within
        seconds. Raises ServiceValidationError for a setpoint that rises after an
        unreadable store before the user has confirmed the values: a number may be set
        by a program, even in a person's name.
        """
        if not self._store.confirmed and setpoints.exceed(self.setpoints):
            raise action_error("setpoints_unconfirmed")
        if setpoints == self.setpoints:
            return
        self._store.take(setpoints, by)
        await self._async_apply()

    async def async_confirm(self, setpoints: AllSetpoints, by: str) -> None:
        """Apply the setpoints that the user chose after an unreadable store."""
        self._store.confirm(setpoints, by)
        await self._async_apply()

    async def async_keep_only(self, device_ids: AbstractSet[str]) -> None:
        """Drop the setpoints of removed batteries and inverters."""
        if self._store.keep_only(device_ids):
            await self._async_apply()

    async def async_save_periodically(self) -> None:
        """Store values that move by themselves: learned data and remaining times."""
        self._note_ends()
        await self._store.async_save_periodically(self._gateway.learned)

    def temporary_limits(
        self, device_id: str | None, direction: Direction | None = None
    ) -> tuple[TemporaryLimit, ...]:
        """Return the active temporary limits on an inverter or (None) the bank."""
        now = self._gateway.now
        return tuple(
            temporary_limit
            for temporary_limit in self.setpoints.temporary_limits
            if temporary_limit.device_id == device_id
            and direction in {None, temporary_limit.direction}
            and temporary_limit.is_active(now)
        )

    def ends_at(self, temporary_limit: TemporaryLimit) -> datetime | None:
        """Return when a temporary limit ends by the wall clock; None: when cleared."""
        if temporary_limit.until is None:
            return None
        return _without_jitter(
            self._ends.get(temporary_limit.key), self._end(temporary_limit.until)
        )

    async def _async_apply(self) -> None:
        self._gateway.set_setpoints(self.setpoints)
        self._follow()
        self._on_change()
        match self._store.urgency:
            case Urgency.AT_ONCE:
                await self._async_write()
            case Urgency.SOON if self._hass.is_stopping:
                await self._async_write()
            case Urgency.SOON:
                self._write_later()

    async def _async_write(self) -> None:
        self._cancel_write()
        was_saved = self._store.saved
        await self._store.async_write()
        if self._store.saved != was_saved:
            self._on_change()

    def _write_later(self) -> None:
        """Write later, with all changes until then; further ones do not postpone it."""
        if self._stop_write_timer is None:
            self._stop_write_timer = async_call_later(
                self._hass,
                WRITE_DELAY,
                HassJob(self._async_write_delayed, cancel_on_shutdown=True),
            )

    async def _async_write_delayed(self, _: datetime) -> None:
        self._cancel_write()
        # Unless the change has been reverted meanwhile
        if self._store.urgency in {Urgency.AT_ONCE, Urgency.SOON}:
            await self._async_write()

    def _cancel_write(self) -> None:
        if self._stop_write_timer:
            self._stop_write_timer()
        self._stop_write_timer = None

    async def _async_end(self, _: datetime) -> None:
        """Drop the temporary limits that have ended."""
        self._store.take(self.setpoints.without_ended(self._gateway.now), AUTOMATION)
        await self._async_apply()

    def _follow(self) -> None:
        """Wait for the next end of a temporary limit."""
        self._stop()
        self._note_ends()
        now = self._gateway.now
        if (end := next_wake(now, self.setpoints)) is not None:
            self._stop_end_timer = async_call_later(
                self._hass, end - now, HassJob(self._async_end, cancel_on_shutdown=True)
            )

    def _note_ends(self) -> None:
        shown = self._ends
        self._ends = {
            temporary_limit.key: _without_jitter(
                shown.get(temporary_limit.key), self._end(temporary_limit.until)
            )
            for temporary_limit in self.setpoints.temporary_limits
            if temporary_limit.until is not None
        }

    def _end(self, until: float) -> datetime:
        """Return a time of the gateway's clock as wall-clock time."""
        today = dt_util.utcnow().replace(microsecond=0)
        return today + timedelta(seconds=round(until - self._gateway.now))

    def _stop(self) -> None:
        if self._stop_end_timer:
            self._stop_end_timer()
        self._stop_end_timer = None


def _without_jitter(shown: datetime | None, end: datetime) -> datetime:
    """Return the end to show: the previous one unless a clock was moved."""
    return shown if shown and abs(end - shown) <= CLOCK_MOVED else end
