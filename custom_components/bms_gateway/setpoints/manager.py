"""What is asked of a running gateway: heeded at once, kept, and ended in time."""

from collections.abc import Callable, Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..engine.gateway import Gateway
from ..engine.model import Direction
from ..engine.scheduling import next_wake
from ..engine.setpoints import AllSetpoints, TemporaryLimit
from ..errors import action_error
from .expiry import GATHERED_FOR, Due
from .requester import AUTOMATION
from .store import SetpointStore

type TemporaryLimitKey = tuple[str | None, Direction, str]

CLOCK_MOVED: Final = timedelta(seconds=2)
"""An end shown moves only by more: the clocks of the day and of leases both jitter."""


class SetpointManager:
    """Hands setpoints to the engine, keeps them, and lets go of leases that ended.

    The engine ends a lease by itself, at its exact moment; here it leaves the store
    and what entities show.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        gateway: Gateway,
        store: SetpointStore,
        on_change: Callable[[], None],
    ) -> None:
        """Begin with what the store holds; `on_change`: when other things are asked."""
        self._hass = hass
        self._gateway = gateway
        self._store = store
        self._on_change = on_change
        self._ends: dict[TemporaryLimitKey, datetime] = {}
        self._stop_waiting: Callable[[], None] | None = None
        self._stop_gathering: Callable[[], None] | None = None

    @property
    def setpoints(self) -> AllSetpoints:
        """Everything that is asked now."""
        return self._store.setpoints

    @callback
    def async_start(self) -> None:
        """Let the engine heed what is stored; leases go on counting from now."""
        self._gateway.set_setpoints(self._store.start(lambda: self._gateway.now))
        self._follow()

    async def async_stop(self) -> None:
        """Wait for no more ends; keep what was gathered, and what is left of leases."""
        self._stop()
        self._gather_no_more()
        await self._store.async_end(self._gateway.learnt)

    async def async_take(self, setpoints: AllSetpoints, by: str) -> None:
        """Ask for something else: the engine heeds it at once, then it is saved.

        By the end of this call where a restart would allow more, else within seconds.
        Raises ServiceValidationError for a setpoint that rises after an unreadable store
        while no person has confirmed what holds: who sets a number may be a program,
        even in a person's name.
        """
        if not self._store.confirmed and setpoints.exceed(self.setpoints):
            raise action_error("setpoints_unconfirmed")
        if setpoints == self.setpoints:
            return
        self._store.take(setpoints, by)
        await self._async_heed()

    async def async_confirm(self, setpoints: AllSetpoints, by: str) -> None:
        """Ask for what answers an unreadable store."""
        self._store.confirm(setpoints, by)
        await self._async_heed()

    async def async_keep_only(self, device_ids: AbstractSet[str]) -> None:
        """Ask for nothing any more of batteries and inverters that are gone."""
        if self._store.keep_only(device_ids):
            await self._async_heed()

    async def async_keep(self) -> None:
        """Keep what moves by itself: what is learnt, what is left of leases."""
        self._note_ends()
        await self._store.async_keep(self._gateway.learnt)

    def temporary_limits(
        self, device_id: str | None, direction: Direction | None = None
    ) -> tuple[TemporaryLimit, ...]:
        """Return the live leases on an inverter or (None) the bank."""
        now = self._gateway.now
        return tuple(
            temporary_limit
            for temporary_limit in self.setpoints.temporary_limits
            if temporary_limit.device_id == device_id
            and direction in {None, temporary_limit.direction}
            and temporary_limit.is_active(now)
        )

    def ends_at(self, temporary_limit: TemporaryLimit) -> datetime | None:
        """Return when a lease ends by the clock of the day; None: when cleared."""
        if temporary_limit.until is None:
            return None
        return _steady(
            self._ends.get(temporary_limit.key), self._end(temporary_limit.until)
        )

    async def _async_heed(self) -> None:
        self._gateway.set_setpoints(self.setpoints)
        self._follow()
        self._on_change()
        match self._store.due:
            case Due.AT_ONCE:
                await self._async_write()
            case Due.SOON if self._hass.is_stopping:
                await self._async_write()
            case Due.SOON:
                self._gather()

    async def _async_write(self) -> None:
        self._gather_no_more()
        was_saved = self._store.saved
        await self._store.async_write()
        if self._store.saved != was_saved:
            self._on_change()

    def _gather(self) -> None:
        """Write in a while, with all that comes until then: never put off by it."""
        if self._stop_gathering is None:
            self._stop_gathering = async_call_later(
                self._hass,
                GATHERED_FOR,
                HassJob(self._async_write_gathered, cancel_on_shutdown=True),
            )

    async def _async_write_gathered(self, _: datetime) -> None:
        self._gather_no_more()
        # Unless it has been taken back meanwhile
        if self._store.due in {Due.AT_ONCE, Due.SOON}:
            await self._async_write()

    def _gather_no_more(self) -> None:
        if self._stop_gathering:
            self._stop_gathering()
        self._stop_gathering = None

    async def _async_end(self, _: datetime) -> None:
        """Let go of the leases that have ended."""
        self._store.take(self.setpoints.without_ended(self._gateway.now), AUTOMATION)
        await self._async_heed()

    def _follow(self) -> None:
        """Wait for the next end of a lease."""
        self._stop()
        self._note_ends()
        now = self._gateway.now
        if (end := next_wake(now, self.setpoints)) is not None:
            self._stop_waiting = async_call_later(
                self._hass, end - now, HassJob(self._async_end, cancel_on_shutdown=True)
            )

    def _note_ends(self) -> None:
        shown = self._ends
        self._ends = {
            temporary_limit.key: _steady(
                shown.get(temporary_limit.key), self._end(temporary_limit.until)
            )
            for temporary_limit in self.setpoints.temporary_limits
            if temporary_limit.until is not None
        }

    def _end(self, until: float) -> datetime:
        """Return a moment of the gateway's clock by that of the day, as it is now."""
        today = dt_util.utcnow().replace(microsecond=0)
        return today + timedelta(seconds=round(until - self._gateway.now))

    def _stop(self) -> None:
        if self._stop_waiting:
            self._stop_waiting()
        self._stop_waiting = None


def _steady(shown: datetime | None, end: datetime) -> datetime:
    """Return the end to show: the same as before unless a clock was moved."""
    return shown if shown and abs(end - shown) <= CLOCK_MOVED else end
