"""How soon what was heard is reckoned with: at once, at a pace, or not for its own sake."""

from enum import Enum
from math import inf
from typing import Final

RECALCULATION_INTERVAL: Final = 0.02
"""Seconds from one reckoning to the next for what is not urgent: the frames of a
telegram come within a few ms of each other, those of a flooded bus without an end."""


class Priority(Enum):
    """How soon something has to be reckoned with."""

    NONE = "none"
    """Nothing is new; that a value was told again counts when it would be stale."""
    SOON = "soon"
    """A measurement, or another value that sets no limit."""
    AT_ONCE = "at_once"
    """Limits, enables, alarms; whatever makes a set due, or a battery count."""


class Schedule:
    """When to reckon next."""

    def __init__(self) -> None:
        """Begin with something to reckon."""
        self._due_at: float | None = -inf
        self._done_at = -inf

    @property
    def due_at(self) -> float | None:
        """When to reckon with what came since the last time; None: nothing came."""
        return self._due_at

    def add(self, priority: Priority) -> bool:
        """Take what came; return whether it is due earlier than what came before."""
        match priority:
            case Priority.NONE:
                return False
            case Priority.SOON:
                due_at = self._done_at + RECALCULATION_INTERVAL
            case Priority.AT_ONCE:
                due_at = -inf
        earlier = self._due_at is None or due_at < self._due_at
        if earlier:
            self._due_at = due_at
        return earlier

    def done(self, now: float) -> None:
        """Tell that all was reckoned with."""
        self._due_at, self._done_at = None, now
