"""Rounding that never favours the load."""

from math import floor

_GUARD = 1e-6
"""Of a count: 52.8 V is 528 counts of 0.1 V, though 52.8 * 10 may come out below it."""


def count_down(value: float, per_unit: int) -> int:
    """Return how many whole counts of 1/`per_unit` fit into `value`."""
    return floor(value * per_unit + _GUARD)


def round_down(value: float, per_unit: int = 10) -> float:
    """Return `value` (V or A) cut to whole counts, by default of 0.1."""
    return count_down(value, per_unit) / per_unit
