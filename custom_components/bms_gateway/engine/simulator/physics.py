"""Packs on one DC bus: voltage, resistance and blocked paths divide the current."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Final

# Rest voltage of an LFP cell over its state of charge: the flat middle and the steep
# ends of every maker's data sheet. Beyond 0 and 100 % a cell is being abused;
# the curve continues a little so that protections can be tested.
_REST_SOC: Final = (
    *(-5.0, 0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0),
    *(60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 100.0, 105.0),
)
_REST_VOLTAGE: Final = (
    *(2.00, 2.80, 3.00, 3.10, 3.20, 3.23, 3.26, 3.28, 3.29),
    *(3.30, 3.32, 3.33, 3.34, 3.36, 3.40, 3.50, 3.90),
)
_SLOPE: Final = tuple(
    (_REST_VOLTAGE[k + 1] - _REST_VOLTAGE[k]) / (_REST_SOC[k + 1] - _REST_SOC[k])
    for k in range(len(_REST_SOC) - 1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The cells of one battery and what connects them to the bus."""

    capacity_ah: float
    resistance: float = 0.02
    """Ω of cells, fuse and cables: responds to a step of the current at once."""
    polarisation_resistance: float = 0.01
    """Ω more, once the current has flowed for a few time constants."""
    polarisation_time: float = 120.0
    """Seconds, the time constant of the polarisation."""
    cells: int = 16
    ambient: float = 20.0
    """°C around the pack."""
    cooling_time: float = 10_000.0
    """Seconds, the time constant of cooling down."""
    heat_capacity: float = 450.0
    """J/K per Ah: 16 cells of about 2 kg per 100 Ah, with their case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackState:
    """A pack at one time."""

    charge_ah: float
    """Remaining charge in Ah."""
    polarisation: float = 0.0
    """V, positive after charging."""
    current: float = 0.0
    """A, charge positive."""
    voltage: float = 0.0
    """V at the cells' side of the switches."""
    temperature: float = 20.0
    """°C."""


@dataclass(frozen=True, slots=True)
class Path:
    """The directions in which a pack's switches let current pass.

    A blocked direction leaves the other one open, through the switch's body diode.
    """

    charge: bool = True
    discharge: bool = True


BOTH_WAYS: Final = Path()
NO_PATH: Final = Path(charge=False, discharge=False)


def state_of(pack: Pack, soc: float) -> PackState:
    """Return a pack at rest; `soc` in %."""
    return PackState(
        charge_ah=pack.capacity_ah * soc / 100,
        voltage=rest_voltage(pack, soc),
        temperature=pack.ambient,
    )


def soc_of(pack: Pack, state: PackState) -> float:
    """Return the true state of charge in %; abuse takes it below 0 or above 100."""
    return 100 * state.charge_ah / pack.capacity_ah


def rest_voltage(pack: Pack, soc: float) -> float:
    """Return the open-circuit voltage in V; `soc` in %."""
    k = bisect_right(_REST_SOC, soc) - 1
    if k < 0:
        return pack.cells * _REST_VOLTAGE[0]
    if k >= len(_SLOPE):
        return pack.cells * _REST_VOLTAGE[-1]
    return pack.cells * (_REST_VOLTAGE[k] + _SLOPE[k] * (soc - _REST_SOC[k]))


def source_voltage(pack: Pack, state: PackState) -> float:
    """Return the voltage behind the resistance, in V: at rest plus polarisation."""
    return rest_voltage(pack, soc_of(pack, state)) + state.polarisation


def solve_bus(
    sources: Sequence[float],
    resistances: Sequence[float],
    paths: Sequence[Path],
    demand: float,
) -> tuple[float, list[float]]:
    """Return the bus voltage and each pack's current for a demand.

    The sum of currents over the voltage is a rising chain of straight lines with a
    bend wherever a one-way path begins to carry, so the voltage is found exactly.

    Args:
        sources: V behind the resistance of each pack.
        resistances: Ω of each pack, above 0.
        paths: the directions in which each pack lets current pass.
        demand: A into all packs together, charge positive.

    Returns:
        The bus voltage in V, 0 when no pack is connected, and currents in A, charge
        positive. They add up to the demand unless no path leads its way: then no
        more flows than what circulates, and the voltage is where that begins.
    """
    packs = list(zip(sources, resistances, paths, strict=True))

    def flow(voltage: float) -> float:
        return sum(_through(voltage, *pack) for pack in packs)

    bends = sorted(
        source for source, _, path in packs if path.charge is not path.discharge
    )
    at = bisect_right(bends, demand, key=flow)
    low = bends[at - 1] if at else None
    high = bends[at] if at < len(bends) else None
    conductance = weighted = 0.0
    for source, resistance, path in packs:
        upwards = path.charge and (
            path.discharge or (low is not None and source <= low)
        )
        downwards = path.discharge and (high is not None and source >= high)
        if upwards or downwards:
            conductance += 1 / resistance
            weighted += source / resistance
    if conductance:
        voltage = (demand + weighted) / conductance
    else:
        voltage = next((bend for bend in (low, high) if bend is not None), 0.0)
    return voltage, [_through(voltage, *pack) for pack in packs]


def step(
    packs: Sequence[Pack],
    states: Sequence[PackState],
    paths: Sequence[Path],
    demand: float,
    dt: float,
) -> tuple[float, list[PackState]]:
    """Apply a demand (A, charge positive) for `dt` seconds, at most about 10.

    Returns:
        The bus voltage in V (0: no pack is connected) and the packs' new states.
    """
    sources = [source_voltage(*pair) for pair in zip(packs, states, strict=True)]
    voltage, currents = solve_bus(
        sources, [pack.resistance for pack in packs], paths, demand
    )
    return voltage, [
        _advance(pack, state, source, current, dt)
        for pack, state, source, current in zip(
            packs, states, sources, currents, strict=True
        )
    ]


def _through(voltage: float, source: float, resistance: float, path: Path) -> float:
    """Return the current of one pack (A, charge positive) at a bus voltage."""
    current = (voltage - source) / resistance
    allowed = path.charge if current > 0 else path.discharge
    return current if allowed else 0.0


def _advance(
    pack: Pack, state: PackState, source: float, current: float, dt: float
) -> PackState:
    """Return a pack's state after `dt` seconds of a steady current."""
    kept = exp(-dt / pack.polarisation_time)
    settled = pack.polarisation_resistance * current
    heat = pack.resistance * current * current * dt
    cooled = (state.temperature - pack.ambient) * dt / pack.cooling_time
    warmed = heat / (pack.heat_capacity * pack.capacity_ah)
    return PackState(
        charge_ah=state.charge_ah + current * dt / 3600,
        polarisation=settled + kept * (state.polarisation - settled),
        current=current,
        voltage=source + pack.resistance * current,
        temperature=state.temperature + warmed - cooled,
    )
