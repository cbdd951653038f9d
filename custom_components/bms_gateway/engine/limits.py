"""What the bank allows in one direction, and why: the rules that bind its current."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .config import Strategy
from .model import Alarm, BatteryState, Direction, Limit, Readings, Rule

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
"""The directions that a protection stops; one not named here stops both."""

NEARLY_FULL_SOC: Final = 90.0
"""%; a battery lost above it may have become full meanwhile: it counts as 0 A."""
TAPERED: Final = 0.5
"""A battery lost while it allowed less than this part of the most it ever allowed was
about to become full: it counts as 0 A."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one battery allows in one direction and what part of the current it takes.

    `amps`: its limit, at least 0. `slice`: its part of the bank's current, above 0 and
    at most 1. `offset`: A, charge positive, what circulates through it at rest.
    """

    id: str
    amps: float
    slice: float
    offset: float = 0.0


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


def raw_limit(readings: Readings, direction: Direction) -> float:
    """Return the limit in A that a battery tells; unknown is nothing allowed."""
    limit = (
        readings.charge_current_limit
        if direction is Direction.CHARGE
        else readings.discharge_current_limit
    )
    return limit or 0.0


def allowed(readings: Readings, direction: Direction) -> float:
    """Return what a battery allows in A: its limit, or 0 where it does not permit."""
    return raw_limit(readings, direction) if permits(readings, direction) else 0.0


def allowed_while_lost(battery: BatteryState, direction: Direction) -> float:
    """Return what a lost battery is reckoned to allow in A, by its last limits.

    It may have become full since: near the top it counts as 0 A for charging.
    """
    last = battery.last
    amps = allowed(last, direction)
    if direction is Direction.DISCHARGE:
        return amps
    nearly_full = last.soc is None or last.soc >= NEARLY_FULL_SOC
    tapered = amps < TAPERED * battery.largest_charge_limit
    return 0.0 if nearly_full or tapered else amps


def shared(direction: Direction, allowances: Sequence[Allowance]) -> Limit:
    """Return the largest bank current that overloads no battery (strategy `share`).

    A battery carries slice x bank current + offset, so it holds the bank to
    (its limit - offset) / slice. Never more than the sum of the limits.
    """
    limit = summed(allowances)
    for battery in allowances:
        amps = (battery.amps - direction.sign * battery.offset) / battery.slice
        if amps < limit.amps:
            limit = Limit(
                amps=max(0.0, amps),
                rule=Rule.BATTERY,
                source=battery.id,
                number=battery.amps,
            )
    return limit


def summed(allowances: Sequence[Allowance]) -> Limit:
    """Return the sum of what the batteries allow (strategy `sum`)."""
    total = sum(battery.amps for battery in allowances)
    return Limit(amps=total, rule=Rule.BATTERIES, number=total)


def tighter(limit: Limit, other: Limit | None) -> Limit:
    """Return the lower of two limits; the first where they are equal."""
    return limit if other is None or other.amps >= limit.amps else other


def capacity_slices(batteries: Sequence[BatteryState]) -> dict[str, float]:
    """Return each battery's part of their common capacity."""
    total = sum(battery.capacity_ah for battery in batteries)
    return {battery.id: battery.capacity_ah / total for battery in batteries}


def bank_limit(
    strategy: Strategy,
    direction: Direction,
    online: Sequence[BatteryState],
    lost: Sequence[BatteryState] = (),
) -> Limit:
    """Return what the batteries allow together in one direction, in A.

    `lost`: batteries that have fallen silent but may still carry their part (loss
    policy `reduce`): they count with their last limits.
    """
    if direction is Direction.DISCHARGE:
        # Of a battery never heard nothing is known, but it need not be empty.
        lost = [b for b in lost if b.last.discharge_current_limit is not None]
    slices = capacity_slices([*online, *lost])
    allowances = [
        Allowance(b.id, allowed(b.readings, direction), slices[b.id]) for b in online
    ] + [Allowance(b.id, allowed_while_lost(b, direction), slices[b.id]) for b in lost]
    if strategy is Strategy.SHARE:
        return shared(direction, allowances)
    # The original ANDs the enables: one battery that does not permit stops the bank.
    for battery in online:
        if not permits(battery.readings, direction):
            return Limit(amps=0.0, rule=Rule.BATTERY, source=battery.id, number=0.0)
    return summed(allowances)
