"""Compares the limits that the daemon sent with those of this integration, in A."""

from dataclasses import dataclass
from typing import Final

from ...engine.limits.compare import compare
from ...engine.model import BatteryState, BatteryStatus, Direction, Readings
from ...engine.rounding import round_down
from .builder import ImportedGateway
from .schema import Part

WEAK_LIMIT: Final = 10.0
"""A; the limit of one battery in the example, as when it is nearly full."""
STRONG_LIMIT: Final = 100.0
"""A; the limit of each of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalLimits:
    """The sum of limits sent to inverters, in A: by the daemon, by each strategy."""

    daemon: float
    sum: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An example: the bank is charged while one battery allows less than the others."""

    battery: int
    """The index of that battery; the one with the largest capacity."""
    limits: TotalLimits
    battery_current: TotalLimits
    """The part of that current through this battery, if it carries its share by
    capacity."""


def highest_limits(gateway: ImportedGateway, direction: Direction) -> TotalLimits:
    """Return the limits if the batteries allow more than everything else does."""
    caps, total = _caps(gateway, direction)
    now = round_down(min(total, sum(caps)))
    return TotalLimits(daemon=_by_daemon(total, caps), sum=now, share=now)


def example(gateway: ImportedGateway) -> Example:
    """Return the charge limits of the example; requires at least one battery."""
    capacities = [float(b.values["capacity_ah"]) for b in gateway.of(Part.BATTERY)]
    weak = capacities.index(max(capacities))
    both = compare(
        _battery(capacity, WEAK_LIMIT if place == weak else STRONG_LIMIT, place)
        for place, capacity in enumerate(capacities)
    )[Direction.CHARGE]
    caps, total = _caps(gateway, Direction.CHARGE)
    limits = TotalLimits(
        daemon=_by_daemon(min(both.sum, total), caps),
        sum=round_down(min(both.sum, total, sum(caps))),
        share=round_down(min(both.share, total, sum(caps))),
    )
    part = capacities[weak] / sum(capacities)
    battery_current = TotalLimits(
        daemon=part * limits.daemon, sum=part * limits.sum, share=part * limits.share
    )
    return Example(battery=weak, limits=limits, battery_current=battery_current)


def _caps(gateway: ImportedGateway, direction: Direction) -> tuple[list[float], float]:
    """Return the maximum of each inverter, and that of the bank."""
    charge = direction is Direction.CHARGE
    rated = "rated_charge" if charge else "rated_discharge"
    total = "total_charge" if charge else "total_discharge"
    caps = [float(each.values[rated]) for each in gateway.of(Part.INVERTER)]
    return caps, float(gateway.options[total])


def _by_daemon(bank: float, caps: list[float]) -> float:
    """Return the daemon's limit: it sent each inverter the whole bank's limit."""
    return sum(round_down(min(bank, cap)) for cap in caps)


def _battery(capacity: float, amps: float, place: int) -> BatteryState:
    readings = Readings(charge_current_limit=amps)
    return BatteryState(
        id=str(place),
        status=BatteryStatus.ONLINE,
        capacity_ah=capacity,
        readings=readings,
    )
