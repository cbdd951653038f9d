"""State of charge and of health, without jumps when batteries come and go."""

from collections.abc import Callable, Sequence
from typing import Final

from ..model import BatteryState, Readings

LOST_COUNTS: Final = 600.0
"""Seconds for which the last value of a lost battery stays in the mean."""
SLOPE: Final = 0.1
"""% per second that the sent value may move after the set of batteries changed."""
FULL: Final = 100.0
EMPTY: Final = 0.0
NEARLY: Final = 0.1
"""%; distance kept from 0 and 100 % while they are not really reached."""

type Members = dict[str, tuple[float, float]]
"""(value in %, capacity in Ah) of the batteries in the mean, by their ids."""


def members(
    pick: Callable[[Readings], float | None],
    online: Sequence[BatteryState],
    lost: Sequence[BatteryState],
    now: float,
) -> Members:
    """Return the batteries in the mean; a recently lost one counts with its last value.

    None count if no online battery reports one: a mean of old values alone says nothing
    new. `pick`: the value, in %.
    """
    reported = [(b, pick(b.readings)) for b in online]
    if all(value is None for _, value in reported):
        return {}
    reported += [
        (b, pick(b.last))
        for b in lost
        if b.lost_at is not None and now <= b.lost_at + LOST_COUNTS
    ]
    return {b.id: (value, b.capacity_ah) for b, value in reported if value is not None}


class SmoothedMean:
    """A mean by capacity; when the set of batteries changes, it slides to the new one."""

    def __init__(self) -> None:
        """Begin without a value: the first one is taken over unchanged."""
        self._ids: frozenset[str] = frozenset()
        self._value: float | None = None
        self._at = 0.0
        self._sliding = False

    def update(self, batteries: Members, now: float) -> float | None:
        """Take the batteries in the mean; return the value in %, None without any."""
        if not batteries:
            return None
        total = sum(weight for _, weight in batteries.values())
        values = [value for value, _ in batteries.values()]
        mean = sum(value * weight for value, weight in batteries.values()) / total
        # Rounding errors may move a mean of equal values past them.
        mean = min(max(mean, min(values)), max(values))
        ids = frozenset(batteries)
        if self._value is not None and self._ids and ids != self._ids:
            self._sliding = True
        if self._sliding and self._value is not None:
            reach = SLOPE * max(0.0, now - self._at)
            self._sliding = abs(mean - self._value) > reach
            mean = min(max(mean, self._value - reach), self._value + reach)
        self._ids, self._value, self._at = ids, mean, now
        return _within_ends(mean, values)


def _within_ends(mean: float, values: Sequence[float]) -> float:
    """Return the mean: full only if every battery is, empty only if one really is."""
    if min(values) < FULL:
        mean = min(mean, FULL - NEARLY)
    if min(values) > EMPTY:
        mean = max(mean, EMPTY + NEARLY)
    return mean
