"""Which protections go out as alarms, which only as warnings."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ..battery.limits import CONCERNS
from ..model import Alarm, BatteryState, Direction
from ..tolerances import TOLERANCE
from .context import Context
from .sharing.exclusion import CARRIES

PATIENCE: Final = 10.0
"""Seconds, besides the inverters' reaction time, for a protection to have its way by
0 A alone."""
LOST: Final = Alarm.INTERNAL
"""How a loss that blocks is told: no bit means "a battery is missing"."""
_DEFECTS: Final = frozenset({Alarm.SHORT_CIRCUIT, Alarm.CONTACTOR, Alarm.INTERNAL})
"""They concern the battery itself, not a direction: any current it carries counts."""

_OVER_CURRENT: Final = {
    Alarm.CHARGE_CURRENT: Direction.CHARGE,
    Alarm.DISCHARGE_CURRENT: Direction.DISCHARGE,
}


@dataclass(frozen=True, slots=True)
class Raised:
    """What the inverters are told: alarms (`protections`) and warnings."""

    protections: frozenset[Alarm] = frozenset()
    warnings: frozenset[Alarm] = frozenset()

    def with_loss(self) -> Raised:
        """Return it with the alarm of a loss that blocks both directions."""
        return Raised(self.protections | {LOST}, self.warnings - {LOST})


NOTHING_RAISED: Final = Raised()


class Alarms:
    """The batteries' protections and since when they stand."""

    def __init__(self) -> None:
        """Begin with none."""
        self._since: dict[tuple[str, Alarm], float] = {}

    def update(
        self, context: Context, open_ways: Collection[Direction], *, reaction: float
    ) -> Raised:
        """Return what to tell of the protections and of a loss that blocks.

        `open_ways`: the directions that some battery allows which does not stand aside.

        A protection first takes its battery's limit to 0 A and is a warning: others go
        on, and a Sunny Island stops at any alarm. It is an alarm once no battery allows
        a direction that it concerns, or its battery still carries current there after
        PATIENCE and the inverters' `reaction` time (s). One that the current contradicts
        stays a warning, whatever is stopped. That of a lost battery, as far as it is
        heard, is a warning; so is it when a battery ceases to send its alarms or enables.
        A loss that blocks one direction is a warning, one that blocks both an alarm.
        """
        self._since = {
            (battery.id, alarm): self._since.get((battery.id, alarm), context.now)
            for battery, alarm in _conditions(context)
        }
        dead = set(Direction).difference(open_ways)
        alarms: set[Alarm] = set()
        warnings: set[Alarm] = set()
        for battery in context.online:
            warnings |= battery.readings.warnings or frozenset()
            if battery.missing:
                warnings.add(Alarm.INTERNAL)
        for battery in context.lost:
            # Heard but not counted yet: what it raises holds it at 0 A all the same
            warnings |= battery.readings.warnings or frozenset()
            warnings |= battery.readings.protections or frozenset()
        for battery, alarm in _conditions(context):
            waited = context.now - self._since[battery.id, alarm] >= PATIENCE + reaction
            helpless = waited and _carries(battery, alarm)
            stops_all = not dead.isdisjoint(CONCERNS.get(alarm, frozenset(Direction)))
            is_alarm = (stops_all or helpless) and not _contradicted(battery, alarm)
            (alarms if is_alarm else warnings).add(alarm)
        if context.blocked:
            (alarms if context.blocked == set(Direction) else warnings).add(LOST)
        return Raised(frozenset(alarms), frozenset(warnings))


def _contradicted(battery: BatteryState, alarm: Alarm) -> bool:
    """Return whether a battery at rest, or in the other direction, tells too much current."""
    direction, current = _OVER_CURRENT.get(alarm), battery.readings.current
    if direction is None or current is None:
        return False
    return direction.sign * current <= TOLERANCE


def _conditions(context: Context) -> Iterator[tuple[BatteryState, Alarm]]:
    for battery in context.online:
        for alarm in sorted(battery.readings.protections or ()):
            yield battery, alarm


def _carries(battery: BatteryState, alarm: Alarm) -> bool:
    """Return whether a battery still carries what its protection should have ended."""
    current = battery.readings.current
    if current is None:
        return True
    if alarm in _DEFECTS:
        return abs(current) > TOLERANCE
    return any(
        direction.sign * current > CARRIES
        for direction in CONCERNS.get(alarm, frozenset(Direction))
    )
