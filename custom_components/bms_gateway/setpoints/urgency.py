"""Decides when setpoints have to be on the disk: at once, within seconds, or later.

Flash memory takes a limited number of writes, and automations set the same value again
and again. Anything that a crash must not undo is written at once; the rest can wait.
"""

from enum import Enum, auto
from typing import Final

from ..engine.setpoints import NO_SETPOINTS
from ..engine.temporary_limits import TemporaryLimit
from .serialization import StoredData

WRITE_DELAY: Final = 5.0
"""Seconds for which a change may wait that a crash may undo: dragging a slider, or a
script that sets one number after the other, makes one write."""
CLOCK_DRIFT: Final = 60.0
"""Seconds by which the disk may hold a temporary limit for longer than it lasts; also
up to as long again as it lasts, so that a long one costs few writes."""


class Urgency(Enum):
    """How soon the disk has to hold the present setpoints."""

    AT_ONCE = auto()
    """A restart would allow more than is set."""
    SOON = auto()
    """The setpoints differ; a restart would allow less, or as much."""
    LATER = auto()
    """Only values that move by themselves have moved."""
    NEVER = auto()


def urgency(on_disk: StoredData | None, now: StoredData) -> Urgency:
    """Return how soon the present setpoints have to replace those on disk.

    `on_disk`: None if the content is unknown.
    """
    if on_disk is None or _allows_more(on_disk, now):
        return Urgency.AT_ONCE
    if _requested(on_disk) != _requested(now):
        return Urgency.SOON
    if _has_moved(on_disk, now):
        return Urgency.LATER
    return Urgency.NEVER


def _allows_more(on_disk: StoredData, now: StoredData) -> bool:
    """Return whether a restart would allow anything that is not allowed now."""
    held = {
        temporary_limit.key: temporary_limit
        for temporary_limit in on_disk.setpoints.temporary_limits
    }
    return (
        on_disk.confirmed != now.confirmed
        or on_disk.setpoints.exceed(now.setpoints)
        or on_disk.setpoints.out_of_service != now.setpoints.out_of_service
        or not all(_holds(held.get(e.key), e) for e in now.setpoints.temporary_limits)
    )


def _holds(held: TemporaryLimit | None, temporary_limit: TemporaryLimit) -> bool:
    """Return whether the stored temporary limit is as low and lasts as long."""
    if held is None or (held.watts is None) != (temporary_limit.watts is None):
        return False
    return (
        (held.amps or 0.0) <= (temporary_limit.amps or 0.0)
        and (held.watts or 0.0) <= (temporary_limit.watts or 0.0)
        and _lasts_as_long(held.until, temporary_limit.until)
    )


def _lasts_as_long(held: float | None, wanted: float | None) -> bool:
    return held is None or (wanted is not None and held >= wanted)


def _requested(stored: StoredData) -> object:
    """Return all values that were requested, without the running times."""
    setpoints = stored.setpoints
    return (
        setpoints.bank,
        {k: each for k, each in setpoints.inverters.items() if each != NO_SETPOINTS},
        {
            e.key: (e.amps, e.watts, e.until is None, e.by)
            for e in setpoints.temporary_limits
        },
        {key: change.by for key, change in stored.changes.items()},
    )


def _has_moved(on_disk: StoredData, now: StoredData) -> bool:
    """Return whether running values have moved far enough to be worth a write."""
    lasts = {
        temporary_limit.key: temporary_limit.until
        for temporary_limit in now.setpoints.temporary_limits
    }
    return (
        on_disk.learned != now.learned
        or on_disk.changes != now.changes
        or any(
            held.until > lasting + max(CLOCK_DRIFT, lasting)
            for held in on_disk.setpoints.temporary_limits
            if held.until is not None and (lasting := lasts.get(held.key)) is not None
        )
    )
