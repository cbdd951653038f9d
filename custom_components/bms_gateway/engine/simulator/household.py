"""A simulated household: sun by day, steady and sudden loads, with short days."""

from dataclasses import dataclass
from math import cos, pi, sin
from random import Random
from typing import Final

DAY: Final = 600.0
"""Seconds of a simulated day; half of it is light."""

_POINTS: Final = 64


class Wander:
    """A smooth random curve between 0 and 1, the same for the same seed; it repeats."""

    def __init__(self, seed: int, period: float) -> None:
        """Draw the points; `period` seconds lie between two of them."""
        rng = Random(seed)
        self._points = tuple(rng.random() for _ in range(_POINTS))
        self._period = period

    def __call__(self, at: float) -> float:
        """Return the value at a time in seconds."""
        whole, part = divmod(at / self._period, 1.0)
        before = self._points[int(whole) % _POINTS]
        after = self._points[(int(whole) + 1) % _POINTS]
        return before + (after - before) * (1 - cos(pi * part)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a household is, in W."""

    sun: float
    """Power of the panels at noon without a cloud."""
    load: float
    """Highest consumption of the house."""


class Household:
    """The power that a house has left (W, positive) or needs (negative)."""

    def __init__(self, size: Size, seed: int = 0) -> None:
        """Create a house; another seed gives another one of the same size."""
        self._size = size
        self._clouds = Wander(3 * seed, 11.0)
        self._kitchen = Wander(3 * seed + 1, 5.0)
        self._machines = Wander(3 * seed + 2, 37.0)
        # Houses differ in where their day begins, so that not all turn at once.
        self._dawn = DAY * Random(seed).uniform(0.05, 0.15)

    def __call__(self, at: float) -> float:
        """Return the surplus (W) `at` seconds after the start; negative: demand."""
        height = max(sin(2 * pi * (at + self._dawn) / DAY), 0.0)
        sun = self._size.sun * height * (0.4 + 0.6 * self._clouds(at))
        # Cubed: now and then a kettle, mostly nothing.
        part = 0.1 + 0.5 * self._machines(at) + 0.4 * self._kitchen(at) ** 3
        return sun - self._size.load * part
