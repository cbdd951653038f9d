"""Short gaps of a battery: which are a habit of it, and how often they come."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ...config import GatewayConfig
from ...model import BatteryState, Direction
from ..limits import allowed

SHORT: Final = 10.0
"""Seconds after a loss within which a battery is heard again whose gap is a short one:
as long as the gap of the last battery is bridged. Longer ones are losses."""
HALVED: Final = 3.0
"""Seconds after a loss for which half is charged. At 1C they are less than 0.1 % of a
battery's capacity: too little to become full from less than ALMOST_FULL."""
HABITUAL_GAPS: Final = 2
"""Short gaps within WINDOW that make a habit: one by itself may be anything."""
WINDOW: Final = 3600.0
"""Seconds for which a gap is remembered."""
MOST: Final = 360
"""Gaps that are remembered: one each 10 s; whether there were more matters to nobody."""
ALMOST_FULL: Final = 99.0
"""%; a battery that falls silent from here on may have ended charging."""


class Gaps:
    """One battery's gaps of the last hour. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ended: deque[float] = deque(maxlen=MOST)
        self._lost_at: float | None = None
        self._received_at: float | None = None
        """When the gap ended, if the battery speaks on until it counts again."""

    def lose(self, now: float) -> None:
        """Take it that a battery that counted is not heard any more."""
        self._lost_at, self._received_at = now, None

    def on_frame(self, now: float) -> None:
        """Take it that the limits of a lost battery are heard again.

        If it falls silent once more before it counts, its gap goes on.
        """
        if self._lost_at is not None:
            self._received_at = now

    def leave(self) -> None:
        """Take it that it was put in or out of service: that is no gap."""
        self._lost_at = self._received_at = None

    def end(self) -> None:
        """Take it that the battery counts again: only now its gap is sure to be over."""
        lost_at, received_at = self._lost_at, self._received_at
        if lost_at is not None and received_at is not None:
            if received_at <= lost_at + SHORT:
                self._ended.append(received_at)
        self._lost_at = self._received_at = None

    def is_habit(self, now: float) -> bool:
        """Return whether short gaps are a habit of it."""
        return self.count(now) >= HABITUAL_GAPS

    def count(self, now: float) -> int:
        """Return how many short gaps there were within WINDOW."""
        return sum(1 for ended_at in self._ended if ended_at > now - WINDOW)


class Wait(NamedTuple):
    """How long a lost battery is awaited, as in each of its gaps."""

    halved_until: float
    """Until when half is charged; nothing from then on."""
    until: float
    """Until when charging goes on where it was, if the battery is back."""


def wait(config: GatewayConfig, battery: BatteryState) -> Wait | None:
    """Return how long a lost battery is awaited before it counts as lost to charging.

    None: it does not. A gap that is no habit of it may be its end. One that last told a
    protection, forbade charging or was almost full may have switched off for that.
    """
    if not battery.habitual or battery.lost_at is None:
        return None
    said = battery.last
    full = said.soc is None or said.soc >= ALMOST_FULL
    if full or not allowed(said, Direction.CHARGE):
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
