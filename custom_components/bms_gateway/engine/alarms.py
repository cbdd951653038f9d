"""Which protections go out as alarms, which only as warnings."""

from collections.abc import Sequence, Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from .limits import permits, stopped
from .model import Alarm, BatteryState, Direction


@dataclass(frozen=True, slots=True)
class Raised:
    """What the inverters are told: alarms (`protections`) and warnings."""

    protections: frozenset[Alarm] = frozenset()
    warnings: frozenset[Alarm] = frozenset()


NOTHING_RAISED: Final = Raised()

LOST: Final = Alarm.INTERNAL
"""How a blocking loss is told: no bit means "a battery is missing"."""


def raised(
    online: Sequence[BatteryState], blocked: AbstractSet[Direction] = frozenset()
) -> Raised:
    """Return what to tell of the batteries' protections and of a blocking loss.

    A protection is an alarm once no battery allows a direction that it concerns; until
    then the others go on and it is a warning: a Sunny Island stops at any alarm. A
    loss that blocks one direction is a warning, one that blocks both an alarm.
    """
    dead = {
        direction
        for direction in Direction
        if not any(permits(battery.readings, direction) for battery in online)
    }
    alarms: set[Alarm] = set()
    warnings: set[Alarm] = set()
    for battery in online:
        warnings |= battery.readings.warnings or frozenset()
        for alarm in battery.readings.protections or ():
            stops_all = any(stopped([alarm], direction) for direction in dead)
            (alarms if stops_all else warnings).add(alarm)
    if blocked:
        (alarms if blocked == set(Direction) else warnings).add(LOST)
    return Raised(frozenset(alarms), frozenset(warnings))
