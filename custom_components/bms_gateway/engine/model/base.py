"""Shared by all values: the clock, and the two directions of current."""

from collections.abc import Callable
from enum import StrEnum

type Clock = Callable[[], float]


class Direction(StrEnum):
    """The two ways that current can flow, each with a limit of its own."""

    CHARGE = "charge"
    DISCHARGE = "discharge"

    @property
    def sign(self) -> int:
        """Return +1 for charging, -1 for discharging."""
        return 1 if self is Direction.CHARGE else -1

    @property
    def opposite(self) -> Direction:
        """Return the other direction."""
        return Direction.DISCHARGE if self is Direction.CHARGE else Direction.CHARGE
