"""Short gaps of a battery: which are a habit of it, and how often they come."""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from .allowance import allowed
from .config import GatewayConfig
from .model import BatteryState, Direction

GAP: Final = 3.0
"""Seconds after a loss within which a battery is heard again whose gap is a short one.

A battery that speaks each second is lost after 3 s: that makes gaps of up to 6 s. Three
seconds at 1C are less than 0.1 % of its capacity: too little to become full from less
than ALMOST_FULL.
"""
HABIT: Final = 2
"""Short gaps within WINDOW that make a habit: one by itself may be anything."""
NOTABLE: Final = 10.0
"""Seconds after a loss within which a battery is heard again for its gap to be counted
for the user: longer ones are losses, which have a repair of their own."""
WINDOW: Final = 3600.0
"""Seconds for which a gap is remembered."""
MOST: Final = 360
"""Gaps that are remembered: one each 10 s; whether there were more matters to nobody."""
ALMOST_FULL: Final = 99.0
"""%; a battery that falls silent from here on may have ended charging."""


class _Gap(NamedTuple):
    """A gap that is over."""

    ended_at: float
    lasted: float
    """Seconds from the loss until the battery was heard again."""


class Gaps:
    """One battery's gaps of the last hour. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ended: deque[_Gap] = deque(maxlen=MOST)
        self._lost_at: float | None = None
        self._heard: _Gap | None = None
        """The gap that is over if the battery speaks on until it counts again."""

    def lose(self, now: float) -> None:
        """Take it that a battery that counted is not heard any more."""
        self._lost_at, self._heard = now, None

    def hear(self, now: float) -> None:
        """Take it that the limits of a lost battery are heard again.

        If it falls silent once more before it counts, its gap goes on.
        """
        if self._lost_at is not None:
            self._heard = _Gap(now, now - self._lost_at)

    def leave(self) -> None:
        """Take it that it was put in or out of service: that is no gap."""
        self._lost_at = self._heard = None

    def end(self) -> None:
        """Take it that the battery counts again: only now its gap is sure to be over."""
        if self._heard is not None and self._heard.lasted <= NOTABLE:
            self._ended.append(self._heard)
        self._lost_at = self._heard = None

    def is_habit(self, now: float) -> bool:
        """Return whether short gaps are a habit of it."""
        short = (gap for gap in self._ended if gap.lasted <= GAP)
        return _lately(short, now) >= HABIT

    def count(self, now: float) -> int:
        """Return how many gaps there were within WINDOW, habit or not."""
        return _lately(self._ended, now)


def waits_until(config: GatewayConfig, battery: BatteryState) -> float | None:
    """Return until when charging waits for a lost battery, as for each of its gaps.

    None: it does not. A gap that is no habit of it may be its end. One that last told a
    protection, forbade charging or was almost full may have switched off for that.
    """
    if not battery.habitual or battery.lost_at is None:
        return None
    said = battery.last
    full = said.soc is None or said.soc >= ALMOST_FULL
    if full or not allowed(said, Direction.CHARGE):
        return None
    return battery.lost_at + min(GAP, config.bridge)


def _lately(gaps: Iterable[_Gap], now: float) -> int:
    return sum(1 for gap in gaps if gap.ended_at > now - WINDOW)
