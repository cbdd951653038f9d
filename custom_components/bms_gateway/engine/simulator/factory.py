"""Simulated counterparts of a gateway's configuration, all different."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
import time
from typing import Final, NamedTuple

from ..battery.capacity import CELL_VOLTAGE
from ..config import BatteryConfig, GatewayConfig, Interface, InverterConfig, PortConfig
from ..model import Clock
from ..model.nominal_voltage import nominal_or_standard
from .batteries import SimulatedBattery, TelegramTiming
from .bms import Bms
from .household import Household, Size
from .inverters import Inverter, SimulatedInverter
from .makes import behaving_like
from .physics import Pack
from .simulator import Simulator


class _Make(NamedTuple):
    """A make of battery, of 16 cells; resistances are those of a pack of 100 Ah, in Ω."""

    resistance: float
    charge_rate: float
    """Largest charge current in A per Ah."""
    discharge_rate: float
    charge_voltage_limit: float
    soc: float
    period: float
    phase: float
    frame_gap: float


# All different, so that every rule for unequal batteries is exercised.
_MAKES: Final = (
    _Make(0.020, 0.50, 1.00, 56.8, 62.0, 1.00, 0.10, 0.02),
    _Make(0.032, 0.40, 0.60, 56.3, 55.0, 1.07, 0.45, 0.05),
    _Make(0.016, 0.50, 0.80, 56.8, 71.0, 2.00, 0.80, 0.00),
    _Make(0.026, 0.30, 0.50, 56.0, 48.0, 1.50, 0.30, 0.08),
)
_LAGS: Final = (1.5, 4.0, 2.5, 8.0)
"""Time constants of the inverters in seconds, in turn."""

_NOISE: Final = 0.15
"""A, the standard deviation of a measured current."""


def simulator_for(
    config: GatewayConfig,
    *,
    ports: Mapping[str, PortConfig] | None = None,
    clock: Clock = time.monotonic,
    seed: int = 0,
) -> Simulator:
    """Return a simulator of the batteries and inverters of a gateway.

    Args:
        config: the gateway's configuration.
        ports: the port on which to simulate each battery or inverter, by its id. By
            default the gateway's own, if it is virtual; others are left out.
        clock: seconds, monotonic.
        seed: another one gives other noise and other households.
    """
    if ports is None:
        everyone: tuple[BatteryConfig | InverterConfig, ...]
        everyone = (*config.batteries, *config.inverters)
        ports = {
            one.id: one.port
            for one in everyone
            if one.port.interface is Interface.VIRTUAL
        }
    nominal = next((one.nominal_voltage for one in config.batteries), None)
    volts = CELL_VOLTAGE * nominal_or_standard(nominal).most_cells
    return Simulator(
        [
            _battery(one, k, Random(seed + k))
            for k, one in enumerate(config.batteries)
            if one.id in ports
        ],
        [
            _inverter(one, k, seed + k, volts)
            for k, one in enumerate(config.inverters)
            if one.id in ports
        ],
        ports=ports,
        clock=clock,
    )


def _battery(config: BatteryConfig, number: int, rng: Random) -> SimulatedBattery:
    """Return the counterpart of one of the gateway's batteries."""
    make = _MAKES[number % len(_MAKES)]
    capacity = config.capacity_ah
    resistance = make.resistance * 100 / capacity
    wake_time = None if config.poll_interval is None else 3 * config.poll_interval
    pack = Pack(
        capacity_ah=capacity,
        resistance=resistance,
        polarisation_resistance=resistance / 2,
    )
    bms = Bms(
        max_charge=make.charge_rate * capacity,
        max_discharge=make.discharge_rate * capacity,
        charge_voltage_limit=make.charge_voltage_limit,
        modules=max(round(capacity / 100), 1),
        noise=_NOISE,
    )
    cells = nominal_or_standard(config.nominal_voltage).most_cells
    pack, bms = _with_cells(pack, bms, cells)
    return SimulatedBattery(
        config.id,
        pack,
        bms,
        soc=make.soc,
        timing=TelegramTiming(
            period=make.period,
            phase=make.phase,
            frame_gap=make.frame_gap,
            wake_time=wake_time,
        ),
        rng=rng,
    )


def _with_cells(pack: Pack, bms: Bms, cells: int) -> tuple[Pack, Bms]:
    """Return a pack and its BMS with more or fewer cells of the same kind in series."""
    size = cells / pack.cells
    return (
        replace(
            pack,
            cells=cells,
            resistance=pack.resistance * size,
            polarisation_resistance=pack.polarisation_resistance * size,
            heat_capacity=pack.heat_capacity * size,
        ),
        replace(
            bms,
            charge_voltage_limit=bms.charge_voltage_limit * size,
            discharge_voltage_limit=bms.discharge_voltage_limit * size,
        ),
    )


def _inverter(
    config: InverterConfig, number: int, seed: int, volts: float
) -> SimulatedInverter:
    """Return the counterpart of one of the gateway's inverters, with its house.

    `volts`: of the bank.
    """
    size = Size(
        sun=1.2 * config.rated_charge * volts,
        load=config.rated_discharge * volts,
    )
    return SimulatedInverter(
        config.id,
        behaving_like(
            config.make,
            Inverter(
                rated_charge=config.rated_charge,
                rated_discharge=config.rated_discharge,
                lag=_LAGS[number % len(_LAGS)],
            ),
        ),
        Household(size, seed),
    )
