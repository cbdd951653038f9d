"""Decides when an entity writes a value: the pace and smallest step of each kind.

Live values wait for the update interval, to spare the recorder of a small computer.
Alarms, losses, status, enables and reasons do not; `snapshots.py` lets them pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple

MAX_DELAY: Final = 30.0
"""Seconds that a limit waits at most after it was shown out of turn."""
SLOW_INTERVAL: Final = 300.0
"""Seconds after which a value is shown however little it has moved: Home Assistant's
statistics are no finer, and each row in a database costs."""


class Pace(Enum):
    """When a value that has moved by its step is written."""

    AT_ONCE = auto()
    NOTABLE = auto()
    """At once if it falls far, reaches or leaves 0, or has another reason; another
    notable move waits up to MAX_DELAY, a smaller one for the update interval."""
    INTERVAL = auto()
    """At the next tick of the update interval."""


class Kind(Enum):
    """The kinds of values, by how they move."""

    STATE = auto()
    """Status, alarms, enables, requests, life, ports."""
    LIMIT = auto()
    LIVE = auto()
    """Any other value, and counters."""
    CURRENT = auto()
    POWER = auto()
    VOLTAGE = auto()
    VOLTAGE_SPREAD = auto()
    CELL_VOLTAGE = auto()
    CELL_VOLTAGE_SPREAD = auto()
    TEMPERATURE = auto()
    STATE_OF_CHARGE = auto()
    """The mean of several batteries, which moves by fractions."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: the pace of a kind of value, and its smallest step."""

    pace: Pace
    step: float = 0.0
    """A smaller move waits for SLOW_INTERVAL. A change to 0 and any other kind of change
    does not wait."""
    part: float = inf
    """A move by this fraction of the value counts even if it is less than a step."""


TABLE: Final[Mapping[Kind, Row]] = {
    Kind.STATE: Row(Pace.AT_ONCE),
    Kind.LIMIT: Row(Pace.NOTABLE, step=1.0, part=0.1),
    Kind.LIVE: Row(Pace.INTERVAL),
    Kind.CURRENT: Row(Pace.INTERVAL, step=1.0),
    Kind.POWER: Row(Pace.INTERVAL, step=50.0),
    Kind.VOLTAGE: Row(Pace.INTERVAL, step=0.2),
    Kind.VOLTAGE_SPREAD: Row(Pace.INTERVAL, step=0.1),
    Kind.CELL_VOLTAGE: Row(Pace.INTERVAL, step=0.02),
    Kind.CELL_VOLTAGE_SPREAD: Row(Pace.INTERVAL, step=0.005),
    Kind.TEMPERATURE: Row(Pace.INTERVAL, step=0.5),
    Kind.STATE_OF_CHARGE: Row(Pace.INTERVAL, step=1.0),
}
"""The decision table: A, W, V, °C or %, in the unit of the value."""

NOTABLE_MOVE: Final = TABLE[Kind.LIMIT].part
"""The fraction of itself by which a limit has to move to be shown at once."""


class Shown(NamedTuple):
    """The state that an entity displays."""

    available: bool
    value: str | int | float | None
    attributes: Mapping[str, Any]
    exact: object = None
    """A value whose change does not wait even if the state moves by less than a step."""


def is_worth_writing(kind: Kind, old: Shown, new: Shown, waited: float) -> bool:
    """Return whether an entity's new state is written, `waited` s after the old one."""
    if waited >= SLOW_INTERVAL or TABLE[kind].pace is Pace.AT_ONCE:
        return new != old
    settled = partial(_settled, TABLE[kind])
    attributes = {
        key: settled(old.attributes.get(key), each)
        for key, each in new.attributes.items()
    }
    value = settled(old.value, new.value)
    return new._replace(value=value, attributes=attributes) != old


def _settled[T](row: Row, old: T, new: T) -> T:
    """Return the old number if the new one differs by less than a step and a part."""
    if isinstance(old, float) and isinstance(new, float) and new != 0:
        moved = abs(new - old)
        return old if moved < row.step and moved < row.part * abs(old) else new
    return new
