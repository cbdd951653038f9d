"""What the inverters were told by the daemon, and what they will be told, in figures."""

from dataclasses import dataclass
from typing import Final

from ...engine.limits.compare import compare
from ...engine.model import BatteryState, BatteryStatus, Direction, Readings
from ...engine.rounding import round_down
from .contract import Part
from .understand import Understood

WEAK: Final = 10.0
"""A; what one battery allows in the example, as when it is nearly full."""
STRONG: Final = 100.0
"""A; what each of the others allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What all inverters are told together, in A: by the daemon, by each strategy."""

    daemon: float
    sum: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The bank is charged while one battery allows less than the others."""

    battery: int
    """Its place among the batteries; the one with the largest capacity."""
    told: Told
    carries: Told
    """What of that flows through this battery, if it carries its part by capacity."""


def most(gateway: Understood, direction: Direction) -> Told:
    """Return what is told when the batteries allow more than everything else does."""
    caps, total = _caps(gateway, direction)
    now = round_down(min(total, sum(caps)))
    return Told(daemon=_by_daemon(total, caps), sum=now, share=now)


def example(gateway: Understood) -> Example:
    """Return what is told to charge with; there has to be a battery."""
    capacities = [float(b.values["capacity_ah"]) for b in gateway.of(Part.BATTERY)]
    weak = capacities.index(max(capacities))
    both = compare(
        _battery(capacity, WEAK if place == weak else STRONG, place)
        for place, capacity in enumerate(capacities)
    )[Direction.CHARGE]
    caps, total = _caps(gateway, Direction.CHARGE)
    told = Told(
        daemon=_by_daemon(min(both.sum, total), caps),
        sum=round_down(min(both.sum, total, sum(caps))),
        share=round_down(min(both.share, total, sum(caps))),
    )
    part = capacities[weak] / sum(capacities)
    carries = Told(
        daemon=part * told.daemon, sum=part * told.sum, share=part * told.share
    )
    return Example(battery=weak, told=told, carries=carries)


def _caps(gateway: Understood, direction: Direction) -> tuple[list[float], float]:
    """Return what each inverter may be told at most, and what the bank may take."""
    charge = direction is Direction.CHARGE
    rated = "rated_charge" if charge else "rated_discharge"
    total = "total_charge" if charge else "total_discharge"
    caps = [float(each.values[rated]) for each in gateway.of(Part.INVERTER)]
    return caps, float(gateway.options[total])


def _by_daemon(bank: float, caps: list[float]) -> float:
    """Return what the daemon told: to each inverter what the whole bank may take."""
    return sum(round_down(min(bank, cap)) for cap in caps)


def _battery(capacity: float, amps: float, place: int) -> BatteryState:
    readings = Readings(charge_current_limit=amps)
    return BatteryState(
        id=str(place),
        status=BatteryStatus.ONLINE,
        capacity_ah=capacity,
        readings=readings,
    )
