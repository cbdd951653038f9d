"""Recalculation schedule: how soon a received change is evaluated, and wake times."""

from collections.abc import Iterable
from enum import Enum
from math import inf
from typing import Final, Protocol

RECALCULATION_INTERVAL: Final = 0.02
"""Seconds between two recalculations for changes that are not urgent: the frames of a
telegram come within a few ms of each other, those of a flooded bus without an end."""


class Timed(Protocol):
    """An object whose results change with time, although nothing is received."""

    def wake_times(self, now: float) -> Iterable[float]:
        """Yield the times of such changes, in s of the clock; past ones are ignored."""


def next_wake(now: float, *objects: Timed) -> float | None:
    """Return the next moment after `now` at which any of the objects changes.

    Every rule that acts by time is in one of these objects: this is the only place where
    their moments are collected, so that no rule acts late because it was forgotten.
    """
    return next_of(now, (at for each in objects for at in each.wake_times(now)))


def next_of(now: float, times: Iterable[float]) -> float | None:
    """Return the next of these times after `now`; None: there is none."""
    return min((at for at in times if at > now), default=None)


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
