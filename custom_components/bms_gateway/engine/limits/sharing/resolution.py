"""Resolution of a battery's current meter: learned from the values that it reports."""

from collections import deque
from itertools import pairwise
from math import gcd
from typing import Final

COUNT: Final = 0.1
"""A; the unit of currents in 0x356: no meter is finer."""
_KEPT: Final = 40
"""Number of values from which it is learned."""
_DIFFERENT: Final = 3
"""Number of different values other than 0 by which a fine meter would have revealed
itself: three multiples of 0.1 A are all whole steps of 1 A in one of a thousand cases,
and the next value decides."""
WIDEST: Final = 5.0
"""A; no meter has a larger dead band. A battery that never carried less than this shows
nothing of where its meter begins."""


class CurrentMeter:
    """What one battery's current meter resolves, in A."""

    def __init__(self) -> None:
        """Create it without values: it counts as fine until it shows otherwise."""
        self._at: float | None = None
        self._counts: deque[int] = deque(maxlen=_KEPT)
        self.quantum = COUNT
        """A; the steps in which it counts."""
        self.dead_band = 0.0
        """A; it reports 0 for less."""

    def update(self, at: float, amps: float) -> None:
        """Take a current that was measured at `at`; the same one counts once."""
        if at == self._at:
            return
        self._at = at
        self._counts.append(abs(round(amps / COUNT)))
        different = set(self._counts) - {0}
        self.quantum, self.dead_band = COUNT, 0.0
        if len(different) < _DIFFERENT:
            return
        self.quantum = gcd(*different) * COUNT
        least = min(different) * COUNT
        if least <= WIDEST and self._begins_there(least):
            self.dead_band = least

    def blur(self, before: float, after: float) -> float:
        """Return by how much, in A, a change between two of its values may be wrong."""
        touches_zero = 0.0 in (before, after)
        return max(self.quantum, self.dead_band if touches_zero else 0.0)

    def _begins_there(self, least: float) -> bool:
        """Return whether it fell to 0 from near its lowest value: a dead band."""
        near = 2 * least / COUNT
        return any(
            0 in pair and 0 < max(pair) <= near for pair in pairwise(self._counts)
        )
