"""Alarms: which protections are sent as alarms, and which only as warnings."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ..battery.limits import CONCERNS
from ..model import Alarm, BatteryState, Direction
from ..tolerances import TOLERANCE
from .context import Context
from .sharing.exclusion import CARRIES

ALARM_DELAY: Final = 10.0
"""Seconds, in addition to the inverters' reaction time, in which 0 A alone may resolve
a protection."""
LOSS_ALARM: Final = Alarm.INTERNAL
"""The alarm sent for a loss that blocks: no bit means "a battery is missing"."""
_DEFECTS: Final = frozenset({Alarm.SHORT_CIRCUIT, Alarm.CONTACTOR, Alarm.INTERNAL})
"""They concern the battery itself, not a direction: any current it carries counts."""

_OVER_CURRENT: Final = {
    Alarm.CHARGE_CURRENT: Direction.CHARGE,
    Alarm.DISCHARGE_CURRENT: Direction.DISCHARGE,
}


@dataclass(frozen=True, slots=True)
class Raised:
    """What is sent to the inverters: alarms (`protections`) and warnings."""

    protections: frozenset[Alarm] = frozenset()
    warnings: frozenset[Alarm] = frozenset()

    def with_loss(self) -> Raised:
        """Return it with the alarm of a loss that blocks both directions."""
        return Raised(self.protections | {LOSS_ALARM}, self.warnings - {LOSS_ALARM})


NOTHING_RAISED: Final = Raised()


class Alarms:
    """The batteries' protections, each with the time when it was raised."""

    def __init__(self) -> None:
        """Create it without protections."""
        self._since: dict[tuple[str, Alarm], float] = {}

    def update(
        self, context: Context, permitted: Collection[Direction], *, reaction: float
    ) -> Raised:
        """Return what to send for the protections, and for a loss that blocks.

        `permitted`: the directions that some battery permits which is not excluded.

        A protection first takes its battery's limit to 0 A and is a warning: the other
        batteries continue, and a Sunny Island stops at any alarm. It becomes an alarm
        once no battery permits a direction that it concerns, or its battery still
        carries current there after ALARM_DELAY and the inverters' `reaction` time (s).
        One that the current contradicts stays a warning, whatever is stopped. A
        protection of a lost battery, as far as it is still received, is a warning; so
        is a battery that no longer sends its alarms or enables. A loss that blocks one
        direction is a warning, one that blocks both an alarm.
        """
        self._since = {
            (battery.id, alarm): self._since.get((battery.id, alarm), context.now)
            for battery, alarm in _conditions(context)
        }
        stopped = set(Direction).difference(permitted)
        alarms: set[Alarm] = set()
        warnings: set[Alarm] = set()
        for battery in context.online:
            warnings |= battery.readings.warnings or frozenset()
            if battery.missing:
                warnings.add(Alarm.INTERNAL)
        for battery in context.lost:
            # Received but not online yet: its protections hold it at 0 A all the same
            warnings |= battery.readings.warnings or frozenset()
            warnings |= battery.readings.protections or frozenset()
        for battery, alarm in _conditions(context):
            waited = (
                context.now - self._since[battery.id, alarm] >= ALARM_DELAY + reaction
            )
            unresolved = waited and _carries(battery, alarm)
            stops_all = not stopped.isdisjoint(
                CONCERNS.get(alarm, frozenset(Direction))
            )
            is_alarm = (stops_all or unresolved) and not _contradicted(battery, alarm)
            (alarms if is_alarm else warnings).add(alarm)
        if context.blocked:
            (alarms if context.blocked == set(Direction) else warnings).add(LOSS_ALARM)
        return Raised(frozenset(alarms), frozenset(warnings))


def _contradicted(battery: BatteryState, alarm: Alarm) -> bool:
    """Return whether a battery reports too much current but carries none that way."""
    direction, current = _OVER_CURRENT.get(alarm), battery.readings.current
    if direction is None or current is None:
        return False
    return direction.sign * current <= TOLERANCE


def _conditions(context: Context) -> Iterator[tuple[BatteryState, Alarm]]:
    for battery in context.online:
        for alarm in sorted(battery.readings.protections or ()):
            yield battery, alarm


def _carries(battery: BatteryState, alarm: Alarm) -> bool:
    """Return whether a battery still carries a current that had to stop."""
    current = battery.readings.current
    if current is None:
        return True
    if alarm in _DEFECTS:
        return abs(current) > TOLERANCE
    return any(
        direction.sign * current > CARRIES
        for direction in CONCERNS.get(alarm, frozenset(Direction))
    )
