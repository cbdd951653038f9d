"""Demand of a house over time: steps in both directions, and slow changes."""

from bisect import bisect_right
from random import Random
from typing import Final

from custom_components.bms_gateway.engine.simulator.household import Wander

VOLTS: Final = 51.2
"""By which a part of the rated current becomes power."""
WANDERS: Final = 0.06
"""Part of the rated power by which it varies in addition to its steps."""


class House:
    """Power to spare (W, positive) or needed, in steps of random height and length."""

    def __init__(self, charge: float, discharge: float, seed: int, length: float):
        """Create a house for `length` seconds; inverters have that rated current (A)."""
        rng = Random(seed)
        self._charge, self._discharge = charge * VOLTS, discharge * VOLTS
        self._wander = Wander(seed, 13.0)
        lean = rng.choice((-0.6, -0.3, 0.0, 0.0, 0.3, 0.6))
        self._starts, self._levels = [0.0], [rng.uniform(-1, 1)]
        while self._starts[-1] < length:
            self._starts.append(self._starts[-1] + rng.expovariate(1 / 45))
            self._levels.append(min(max(lean + rng.uniform(-1.2, 1.2), -1.2), 1.2))

    def __call__(self, at: float) -> float:
        """Return the power, `at` seconds after the start."""
        level = self._levels[bisect_right(self._starts, at) - 1]
        level += WANDERS * (2 * self._wander(at) - 1)
        return level * (self._charge if level > 0 else self._discharge)
