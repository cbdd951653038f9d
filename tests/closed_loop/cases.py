"""Hand-made cases: batteries and a house in a few words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from custom_components.bms_gateway.engine.simulator import (
    Inverter,
    Pack,
    SimulatedInverter,
    TelegramTiming,
)

from .banks import CautiousBattery, Make, battery, cautious_bms
from .loop import Loop

VOLTS: Final = 52.0
"""By which the house's current becomes power."""

type Amps = Callable[[float], float]
"""The surplus of the house in A (negative: its need), by the seconds since the start."""


def loop_of(
    batteries: Sequence[CautiousBattery],
    house: Amps,
    *,
    rated: float = 200.0,
    lag: float = 3.0,
    inverters: int = 1,
    learned: Mapping[str, float] | None = None,
    **options: Any,
) -> Loop:
    """Return batteries in a house with inverters of `rated` A each, both ways."""

    def power(at: float) -> float:
        return house(at) * VOLTS / inverters

    inverter = Inverter(rated_charge=rated, rated_discharge=rated, lag=lag)
    return Loop(
        batteries,
        [SimulatedInverter(f"inverter {k}", inverter, power) for k in range(inverters)],
        learned=learned,
        **options,
    )


def make(
    key: str,
    capacity: float,
    charge: float,
    discharge: float,
    *,
    soc: float = 50.0,
    resistance: float = 0.02,
    period: float = 1.0,
    kind: type[CautiousBattery] = CautiousBattery,
    **options: Any,
) -> CautiousBattery:
    """Return a battery; `resistance`: Ω of 100 Ah of it."""
    own = resistance * 100 / capacity
    pack = Pack(capacity_ah=capacity, resistance=own, polarisation_resistance=own / 2)
    timing = TelegramTiming(
        period=period, phase=0.1 + 0.37 * (len(key) + capacity) % period
    )
    bms = cautious_bms(charge, discharge, **options)
    return battery(
        key,
        Make(pack=pack, bms=bms, timing=timing, soc=soc),
        sum(key.encode()),
        kind,
    )
