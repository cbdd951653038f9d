"""Recalculation schedule: how soon a received change is evaluated."""

from enum import Enum
from math import inf
from typing import Final

RECALCULATION_INTERVAL: Final = 0.02
"""Seconds between two recalculations for changes that are not urgent: the frames of a
telegram come within a few ms of each other, those of a flooded bus without an end."""


class Priority(Enum):
    """How soon a change has to be evaluated."""

    NONE = "none"
    """Nothing changed; that a value came again matters only when it would expire."""
    SOON = "soon"
    """A measurement, or another value that sets no limit."""
    AT_ONCE = "at_once"
    """Limits, enables, alarms; anything that makes a telegram due, or a battery
    count."""


class Schedule:
    """The time of the next recalculation."""

    def __init__(self) -> None:
        """Begin with a recalculation due."""
        self._due_at: float | None = -inf
        self._done_at = -inf

    @property
    def due_at(self) -> float | None:
        """When to evaluate the changes since the last time; None: there are none."""
        return self._due_at

    def add(self, priority: Priority) -> bool:
        """Add a change; return whether it is due earlier than those before it."""
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
        """Record that everything was evaluated at `now`."""
        self._due_at, self._done_at = None, now
