"""Upper bounds of the bank limit, calculated independently of the gateway."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryState,
    Direction,
    Readings,
)

SLACK: Final = 1e-6
"""A or V; the error of binary fractions."""
PROBE: Final = 4.0
"""A; the limit with which a battery that allows 0 A counts until its path is known."""
CARRIED_BEFORE: Final = 1.0
"""A; the limit with which it counts for RETRY once it was seen to carry."""
CARRIES: Final = 2.0
"""A; more than this is current that it carries."""
REACTION: Final = 20.0
RETRY: Final = 300.0
GOING_EMPTY: Final = 5.0
"""Seconds for which a battery going empty counts with its last current."""
UNKNOWN: Final = 10.0
"""Seconds for which a battery whose current is unknown counts as before."""
HOLD: Final = 3.0
"""Seconds for which a higher limit has to hold."""
RAMP: Final = 10.0
"""Seconds in which it ramps from nothing to the rated current."""
NEARLY_FULL: Final = 90.0
"""%; a battery lost from here on counts as one that allows no charging."""
TAPERED: Final = 0.5
"""So does one that allowed less than this part of its largest limit."""
HALVED: Final = 3.0
"""Seconds for which charging is halved while a battery with habitual gaps is
awaited."""
SHORT: Final = 10.0
"""Seconds for which it is awaited: then charging resumes where it was."""
HABITUAL_GAPS: Final = 2
"""Gaps within an hour that make them habitual."""
FULL: Final = 99.0
"""%; from here on no battery is awaited."""
LOOK: Final = 0.25
"""Seconds between two evaluations of a limit that rises."""

_NOT_OF: Final = {
    Direction.CHARGE: {Alarm.UNDER_VOLTAGE, Alarm.DISCHARGE_CURRENT},
    Direction.DISCHARGE: {
        Alarm.OVER_VOLTAGE,
        Alarm.CHARGE_CURRENT,
        Alarm.CHARGE_OVER_TEMPERATURE,
        Alarm.CHARGE_UNDER_TEMPERATURE,
    },
}
"""The protections that do not concern a direction."""


def permits(reported: Readings, direction: Direction) -> bool:
    """Return whether a battery's values permit a direction."""
    charge = direction is Direction.CHARGE
    enabled = reported.charge_enabled if charge else reported.discharge_enabled
    return enabled is not False and not concerning(reported, direction)


def concerning(reported: Readings, direction: Direction) -> Collection[Alarm]:
    """Return the protections that stop a direction."""
    return (reported.protections or frozenset()) - _NOT_OF[direction]


def allowed(reported: Readings, direction: Direction) -> float:
    """Return a battery's reported limit, in A."""
    charge = direction is Direction.CHARGE
    amps = reported.charge_current_limit if charge else reported.discharge_current_limit
    return (amps or 0.0) if permits(reported, direction) else 0.0


def counted_limit(battery: BatteryState, direction: Direction) -> float:
    """Return what a battery counts with, in A: a lost one by its last limits.

    As it may have become full since, it counts as nothing near the top.
    """
    if battery.online:
        return allowed(battery.readings, direction)
    last, amps = battery.last, allowed(battery.last, direction)
    if direction is Direction.DISCHARGE:
        return amps
    unknown = None in (last.soc, last.charge_voltage_limit)
    tapered = amps < TAPERED * battery.largest_charge_limit
    return 0.0 if unknown or (last.soc or 0.0) >= NEARLY_FULL or tapered else amps


@dataclass(slots=True)
class _ZeroLimitPeriod:
    """A time in which a battery allows 0 A."""

    since: float
    carried: float
    """A; its discharge current before."""
    seen_at: float = -1e9
    """When it was last seen to carry."""


class Counts:
    """The most with which each battery may count in one direction."""

    def __init__(self, direction: Direction) -> None:
        """Create it without knowledge."""
        self._direction = direction
        self._zero_periods: dict[str, _ZeroLimitPeriod] = {}
        self._carried: dict[str, float] = {}
        self._unknown_since: dict[str, float] = {}

    def update(self, counted: Collection[BatteryState], now: float) -> dict[str, float]:
        """Take the batteries that count; return A by id."""
        ids = {battery.id for battery in counted}
        self._zero_periods = {
            k: zero_period for k, zero_period in self._zero_periods.items() if k in ids
        }
        return {battery.id: self._count(battery, now) for battery in counted}

    def forget(self, online: Collection[str]) -> None:
        """Drop the start of an unknown current of batteries not online."""
        known = self._unknown_since.items()
        self._unknown_since = {key: at for key, at in known if key in online}

    def unknown(self, battery: BatteryState, now: float) -> bool:
        """Return whether its current has long been unknown."""
        since = self._unknown_since.get(battery.id, now)
        return battery.current_at == now > since + UNKNOWN + 1e-6

    def _count(self, battery: BatteryState, now: float) -> float:
        key, direction = battery.id, self._direction
        if not battery.online:
            self._unknown_since.pop(key, None)
            return counted_limit(battery, direction)
        amps = counted_limit(battery, direction)
        current = battery.readings.current
        if current is not None:
            self._unknown_since.pop(key, None)
        else:
            self._unknown_since.setdefault(key, now)
        flowing = 0.0 if current is None else direction.sign * current
        if amps > 0:
            self._zero_periods.pop(key, None)
            self._carried[key] = flowing
            return amps
        carried = self._carried.get(key, 0.0)
        zero_period = self._zero_periods.setdefault(key, _ZeroLimitPeriod(now, carried))
        if flowing > CARRIES and now >= zero_period.since + REACTION:
            zero_period.seen_at = now
        if direction in battery.excluded and not self.unknown(battery, now):
            return 0.0
        if now < zero_period.seen_at + RETRY:
            return CARRIED_BEFORE
        bridges = (
            direction is Direction.DISCHARGE and now < zero_period.since + GOING_EMPTY
        )
        bridge = max(0.0, zero_period.carried) + 2.0
        return max(PROBE, bridge) if bridges else PROBE


class RampBound:
    """How far a limit may have risen: after a fall it holds, then ramps."""

    def __init__(self) -> None:
        """Create it before the first limit: that is sent without a ramp."""
        self._fell = False
        self._before: tuple[float, float] | None = None
        self._most: list[tuple[float, float]] = []

    def at_most(
        self, amps: float, most: float, now: float, *, rated: float, flowing: float
    ) -> float:
        """Take a limit and its bound by all other rules; return its bound, in A.

        `rated`: A, what it may rise by in RAMP; `flowing`: A, at which it may begin.
        """
        before, self._before = self._before, (now, amps)
        self._most = [each for each in self._most if each[0] > now - HOLD]
        held = min((bound for _, bound in self._most), default=most)
        self._most.append((now, most))
        if before is None or not self._fell:
            self._fell = before is not None and amps < before[1] - 1e-6
            return most
        ramped = max(before[1], flowing) + rated / RAMP * (now - before[0] + LOOK)
        return min(most, max(before[1], min(held, ramped)))

    def wait(self, most: float, now: float) -> None:
        """Note that only half of the previous limit is sent for a short time.

        Afterwards that limit is sent again, and no more. `most`: its bound by all other
        rules, in A.
        """
        if self._before is not None:
            held = min(most, self._before[1])
            self._fell = self._fell or held < self._before[1] - 1e-6
            self._before = now, held
            self._most.append((now, held))

    def forget(self) -> None:
        """Note that nothing is sent and nothing was evaluated."""
        self._most.clear()


class Peak:
    """Bounds of the voltage reference: a minute's highest, falling slowly."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lowest: list[tuple[float, float]] = []
        self._highest: list[tuple[float, float]] = []

    def take(self, batteries: Sequence[BatteryState], now: float) -> None:
        """Take the batteries online; a value reported once is no lower bound."""
        known = [max(b.voltages) for b in batteries]
        if known:
            sure = [sorted(b.voltages)[-2:][0] for b in batteries]
            full = 3.65 * max(b.cells or 15 for b in batteries)
            self._lowest = _kept(self._lowest, now, min(*sure, full))
            self._highest = _kept(self._highest, now, max(known))

    def at_least(self, now: float) -> float:
        """Return a lower bound of the reference."""
        return max((v for at, v in self._lowest if at > now - 60.0), default=0.0)

    def at_most(self, now: float) -> float:
        """Return an upper bound of the reference, whenever it was taken."""
        fallen = (v - 0.01 * max(0.0, now - at - 180.0) for at, v in self._highest)
        return max(fallen, default=0.0)


def _kept(
    peaks: list[tuple[float, float]], now: float, volts: float
) -> list[tuple[float, float]]:
    """Return the peaks that no later one exceeds."""
    return [*(each for each in peaks if each[1] > volts), (now, volts)]
