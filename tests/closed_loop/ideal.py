"""The physical optimum: the limit of a rule that knew everything."""

from collections.abc import Sequence
from dataclasses import dataclass

from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.simulator.physics import (
    Path,
    solve_bus,
    source_voltage,
)

from .banks import CautiousBattery


@dataclass(frozen=True, slots=True)
class Ideal:
    """The possible current at one time in one direction, in A.

    `bank`: the largest current with no battery over its own, nor over the lowest
    charge voltage limit. `batteries`: the current that each may carry: its limit, or the
    current that circulates through it anyway.
    """

    bank: float
    batteries: Sequence[float]


def ideal(batteries: Sequence[CautiousBattery], direction: Direction) -> Ideal:
    """Return the optimum now."""
    sign = direction.sign
    sources = [source_voltage(b.pack, b.cells) for b in batteries]
    resistances = [b.pack.resistance for b in batteries]
    paths = [b.path for b in batteries]
    _, circulating = solve_bus(sources, resistances, paths, 0.0)
    caps = [
        max(b.allows(direction), sign * amps)
        for b, amps in zip(batteries, circulating, strict=True)
    ]
    packs = list(zip(sources, resistances, paths, strict=True))
    # The bus voltage at which a battery carries all that it may; the first one binds.
    ends = [
        source + sign * resistance * cap
        for (source, resistance, path), cap in zip(packs, caps, strict=True)
        if (path.charge if sign > 0 else path.discharge)
    ]
    if not ends:
        return Ideal(0.0, caps)
    if sign > 0:
        ends.append(min(b.bms.charge_voltage_limit for b in batteries))
    volts = min(ends) if sign > 0 else max(ends)
    return Ideal(max(0.0, sign * sum(_through(volts, *p) for p in packs)), caps)


def _through(volts: float, source: float, resistance: float, path: Path) -> float:
    current = (volts - source) / resistance
    return current if (path.charge if current > 0 else path.discharge) else 0.0
