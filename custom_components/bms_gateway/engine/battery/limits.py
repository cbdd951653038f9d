"""The limits of one battery: enables, protections and current limits by direction."""

from collections.abc import Iterable, Mapping
from typing import Final

from ..model import Alarm, BatteryState, Direction, Readings

_BOTH: Final = frozenset(Direction)
_CHARGE: Final = frozenset({Direction.CHARGE})
_DISCHARGE: Final = frozenset({Direction.DISCHARGE})

CONCERNS: Final[Mapping[Alarm, frozenset[Direction]]] = {
    Alarm.OVER_VOLTAGE: _CHARGE,
    Alarm.CHARGE_CURRENT: _CHARGE,
    Alarm.CHARGE_OVER_TEMPERATURE: _CHARGE,
    Alarm.CHARGE_UNDER_TEMPERATURE: _CHARGE,
    Alarm.UNDER_VOLTAGE: _DISCHARGE,
    Alarm.DISCHARGE_CURRENT: _DISCHARGE,
}
"""The directions that a protection stops; one not listed here stops both."""

NEARLY_FULL_SOC: Final = 90.0
"""%; a battery lost above it may have become full meanwhile: it counts as 0 A."""
TAPERED: Final = 0.5
"""A battery lost while it allowed less than this part of the most it ever allowed was
about to become full: it counts as 0 A."""


def stopped(protections: Iterable[Alarm] | None, direction: Direction) -> bool:
    """Return whether one of these protections stops the direction."""
    return any(direction in CONCERNS.get(alarm, _BOTH) for alarm in protections or ())


def permits(readings: Readings, direction: Direction) -> bool:
    """Return whether a battery permits the direction at all.

    An enable that it never sent is not "off".
    """
    enabled = (
        readings.charge_enabled
        if direction is Direction.CHARGE
        else readings.discharge_enabled
    )
    return enabled is not False and not stopped(readings.protections, direction)


def raw_limit(readings: Readings, direction: Direction) -> float | None:
    """Return the reported limit in A, whatever the enables say."""
    if direction is Direction.CHARGE:
        return readings.charge_current_limit
    return readings.discharge_current_limit


def allowed(readings: Readings, direction: Direction) -> float:
    """Return the allowed current in A: 0 if not permitted or not reported."""
    if not permits(readings, direction):
        return 0.0
    return raw_limit(readings, direction) or 0.0


def allowed_while_lost(battery: BatteryState, direction: Direction) -> float:
    """Return the current in A that a lost battery may allow, by its last limits.

    It may have become full since: for charging it counts as 0 A near the top, and if it
    never reported its charge voltage limit.
    """
    last = battery.last
    amps = allowed(last, direction)
    if direction is Direction.DISCHARGE:
        return amps
    is_unknown = None in (last.soc, last.charge_voltage_limit)
    nearly_full = is_unknown or (last.soc or 0.0) >= NEARLY_FULL_SOC
    tapered = amps < TAPERED * battery.largest_charge_limit
    return 0.0 if nearly_full or tapered else amps
