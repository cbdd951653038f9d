"""Short gaps of a battery: how often they come, and when they are habitual."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ...config import GatewayConfig
from ...model import BatteryState, Direction
from ..limits import allowed

SHORT: Final = 10.0
"""Seconds after a loss within which a battery is received again whose gap is short: as
long as the gap of the last battery is bridged. Longer ones are losses."""
HALVED: Final = 3.0
"""Seconds after a loss for which charging continues at half the limit. At 1C they are
less than 0.1 % of a battery's capacity: too little to become full from below
ALMOST_FULL."""
HABITUAL_GAPS: Final = 2
"""Short gaps within WINDOW that are habitual: a single one may have any cause."""
WINDOW: Final = 3600.0
"""Seconds for which a gap is remembered."""
MOST: Final = 360
"""Gaps that are remembered: one every 10 s; more would change nothing."""
ALMOST_FULL: Final = 99.0
"""%; a battery that stops sending above it may have ended charging."""


class Gaps:
    """One battery's gaps of the last hour. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ended: deque[float] = deque(maxlen=MOST)
        self._lost_at: float | None = None
        self._received_at: float | None = None
        """When the gap ended, if the battery keeps sending until it counts again."""

    def lose(self, now: float) -> None:
        """Record that an online battery is no longer received."""
        self._lost_at, self._received_at = now, None

    def on_frame(self, now: float) -> None:
        """Record that the limits of a lost battery are received again.

        If it stops sending once more before it counts, its gap continues.
        """
        if self._lost_at is not None:
            self._received_at = now

    def leave(self) -> None:
        """Record that it was put in or out of service: that is no gap."""
        self._lost_at = self._received_at = None

    def end(self) -> None:
        """Record that the battery counts again: only now its gap has surely ended."""
        lost_at, received_at = self._lost_at, self._received_at
        if lost_at is not None and received_at is not None:
            if received_at <= lost_at + SHORT:
                self._ended.append(received_at)
        self._lost_at = self._received_at = None

    def is_habit(self, now: float) -> bool:
        """Return whether its short gaps are habitual."""
        return self.count(now) >= HABITUAL_GAPS

    def count(self, now: float) -> int:
        """Return how many short gaps there were within WINDOW."""
        return sum(1 for ended_at in self._ended if ended_at > now - WINDOW)


class Wait(NamedTuple):
    """The times for which a lost battery is awaited, as in each of its gaps."""

    halved_until: float
    """Until when charging continues at half the limit; at 0 A from then on."""
    until: float
    """Until when charging continues at the old limit once the battery is back."""


def wait(config: GatewayConfig, battery: BatteryState) -> Wait | None:
    """Return how long a lost battery is awaited before charging treats it as lost.

    None: it is not. A gap that is not habitual may be its end. One that last reported a
    protection, forbade charging or was almost full may have switched off for that
    reason.
    """
    if not battery.habitual or battery.lost_at is None:
        return None
    last = battery.last
    full = last.soc is None or last.soc >= ALMOST_FULL
    if full or not allowed(last, Direction.CHARGE):
        return None
    return Wait(
        battery.lost_at + min(HALVED, config.bridge),
        battery.lost_at + min(SHORT, config.bridge),
    )


def awaited(
    config: GatewayConfig, lost: Sequence[BatteryState], now: float
) -> Mapping[str, Wait]:
    """Return how long each lost battery is awaited, by its id.

    None of them is unless all are: one that may have switched off stops charging.
    """
    waits = {b.id: found for b in lost if (found := wait(config, b))}
    ends = [each.until for each in waits.values()]
    return waits if len(waits) == len(lost) and all(now < at for at in ends) else {}
