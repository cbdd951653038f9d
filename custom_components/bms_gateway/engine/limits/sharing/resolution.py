"""How finely a battery measures its current: learnt from the values that it tells."""

from collections import deque
from itertools import pairwise
from math import gcd
from typing import Final

COUNT: Final = 0.1
"""A; what currents are told in (0x356): no meter is finer."""
_KEPT: Final = 40
"""Values from which it is learnt."""
_DIFFERENT: Final = 3
"""Different ones, besides 0, of which a fine meter would show by now that it is one: three
of 0.1 A are whole counts of 1 A in one of a thousand cases, and the next one tells."""
WIDEST: Final = 5.0
"""A; no meter is blind up to more. A battery that never carried less than this tells
nothing of where its meter begins."""


class CurrentMeter:
    """What one battery's current meter resolves, in A."""

    def __init__(self) -> None:
        """Begin without a value: it is taken for a fine one until it shows otherwise."""
        self._at: float | None = None
        self._counts: deque[int] = deque(maxlen=_KEPT)
        self.quantum = COUNT
        """A; the steps in which it counts."""
        self.dead_band = 0.0
        """A; it tells 0 for less."""

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
        """Return whether it came to 0 from near its least value: it is blind below."""
        near = 2 * least / COUNT
        return any(
            0 in pair and 0 < max(pair) <= near for pair in pairwise(self._counts)
        )
