"""The state of charge that is told: without jumps when batteries come and go."""

from collections.abc import Sequence
from typing import Final

from .model import BatteryState

LOST_COUNTS: Final = 600.0
"""Seconds for which the last state of charge of a lost battery stays in the mean."""
SLOPE: Final = 0.1
"""% per second that the told value may move after the set of batteries changed."""


def soc_members(
    online: Sequence[BatteryState], lost: Sequence[BatteryState], now: float
) -> dict[str, tuple[float, float]]:
    """Return (state of charge in %, capacity in Ah) of the batteries in the mean."""
    members = {
        b.id: (b.readings.soc, b.capacity_ah)
        for b in online
        if b.readings.soc is not None
    }
    for b in lost:
        recent = b.lost_at is not None and now <= b.lost_at + LOST_COUNTS
        if recent and b.last.soc is not None:
            members[b.id] = (b.last.soc, b.capacity_ah)
    return members


class SmoothSoc:
    """The mean state of charge; after a change of the set it slides to the new one."""

    def __init__(self) -> None:
        """Begin without a value: the first one is told as it is."""
        self._ids: frozenset[str] = frozenset()
        self._soc: float | None = None
        self._at = 0.0
        self._sliding = False

    def update(
        self, members: dict[str, tuple[float, float]], now: float
    ) -> float | None:
        """Take the batteries in the mean; return the state of charge in %."""
        if not members:
            return None
        total = sum(weight for _, weight in members.values())
        socs = [soc for soc, _ in members.values()]
        mean = sum(soc * weight for soc, weight in members.values()) / total
        # Binary fractions may carry a mean of equal values past them.
        mean = min(max(mean, min(socs)), max(socs))
        ids = frozenset(members)
        if self._soc is not None and self._ids and ids != self._ids:
            self._sliding = True
        if self._sliding and self._soc is not None:
            reach = SLOPE * max(0.0, now - self._at)
            self._sliding = abs(mean - self._soc) > reach
            mean = min(max(mean, self._soc - reach), self._soc + reach)
        self._ids, self._soc, self._at = ids, mean, now
        return mean
