"""The BMS of a pack: limits, protections and measurements."""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp
from random import Random
from typing import Final, NamedTuple

from ..model import Alarm, Telegram
from ..rounding import round_down
from .physics import Pack, PackState, Path, soc_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Bms:
    """The settings of a BMS; currents in A, at least 0, voltages of the pack in V."""

    max_charge: float
    max_discharge: float
    charge_voltage_limit: float = 56.8
    """3.55 V a cell, at 16 cells."""
    discharge_voltage_limit: float = 46.4
    """2.9 V a cell, at 16 cells."""
    soh: float = 100.0
    modules: int = 1
    name: str = "PYLON"
    cell_spread: float = 0.02
    """V between the highest and the lowest cell."""
    full_below: float = 97.0
    """%, below which a full pack allows charging again."""
    empty_above: float = 4.0
    """%, above which an empty pack allows discharging again."""
    opens_at_end: bool = True
    """Block the path, too, when full or empty; otherwise only the limit is 0."""
    noise: float = 0.0
    """A, the standard deviation of the measured current."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BmsState:
    """The state that a BMS keeps."""

    full: bool = False
    empty: bool = False
    mean_current: float = 0.0
    """A, mean of the last seconds, so that a short peak trips nothing."""
    protections: frozenset[Alarm] = frozenset()
    warnings: frozenset[Alarm] = frozenset()


class Protection(NamedTuple):
    """One protection of a BMS: warns and trips beyond a value, and clears before it."""

    alarm: Alarm
    sign: int
    """+1: protects against high values; -1: against low ones."""
    warn: float
    warn_end: float
    trip: float
    trip_end: float
    charge: bool
    """Whether the protection blocks charging."""
    discharge: bool


_MEAN_TIME: Final = 10.0
"""Seconds over which excess current is averaged."""

# In the order of `_watched`: V a cell, °C, current over the largest allowed. Values
# typical of LFP packs; the currents' end is far down so that a tripped
# path opens again only after half a minute.
PROTECTIONS: Final = (
    Protection(Alarm.OVER_VOLTAGE, 1, 3.60, 3.50, 3.65, 3.45, True, False),
    Protection(Alarm.UNDER_VOLTAGE, -1, 2.90, 3.00, 2.70, 3.00, False, True),
    Protection(Alarm.OVER_TEMPERATURE, 1, 50.0, 45.0, 60.0, 50.0, True, True),
    Protection(Alarm.UNDER_TEMPERATURE, -1, 2.0, 5.0, -10.0, 0.0, True, True),
    Protection(Alarm.CHARGE_CURRENT, 1, 1.1, 1.0, 1.25, 0.05, True, False),
    Protection(Alarm.DISCHARGE_CURRENT, 1, 1.1, 1.0, 1.25, 0.05, False, True),
)
type _Threshold = tuple[Alarm, int, float, float]

_TRIPS: Final[tuple[_Threshold, ...]] = tuple(
    (protection.alarm, protection.sign, protection.trip, protection.trip_end)
    for protection in PROTECTIONS
)
_WARNINGS: Final[tuple[_Threshold, ...]] = tuple(
    (protection.alarm, protection.sign, protection.warn, protection.warn_end)
    for protection in PROTECTIONS
)
# Any other protection blocks both directions.
_SPARES_CHARGE: Final = frozenset(
    protection.alarm for protection in PROTECTIONS if not protection.charge
)
_SPARES_DISCHARGE: Final = frozenset(
    protection.alarm for protection in PROTECTIONS if not protection.discharge
)

# Part of its largest current that a pack allows, over its state of charge in %.
CHARGE_TAPER: Final = ((0.0, 0.5), (10.0, 1.0), (90.0, 1.0), (97.0, 0.3), (100.0, 0.05))
DISCHARGE_TAPER: Final = ((0.0, 0.1), (5.0, 0.3), (15.0, 1.0))

# SOC below which a Pylontech requests charging, urgent and mild (CAN protocol 1.2).
FORCE_CHARGE_SOC: Final = 5.0
FORCE_CHARGE_2_SOC: Final = 9.0


def evaluate(
    bms: Bms, state: BmsState, pack: Pack, cells: PackState, dt: float
) -> BmsState:
    """Return the state after a look at the pack, `dt` seconds after the last one."""
    soc = soc_of(pack, cells)
    kept = exp(-dt / _MEAN_TIME)
    mean = cells.current + kept * (state.mean_current - cells.current)
    watched = _watched(bms, pack, cells, mean)
    return BmsState(
        full=soc >= (bms.full_below if state.full else 100.0),
        empty=soc <= (bms.empty_above if state.empty else 0.0),
        mean_current=mean,
        protections=_after(state.protections, watched, _TRIPS),
        warnings=_after(state.warnings, watched, _WARNINGS),
    )


def raised(state: BmsState, alarms: frozenset[Alarm]) -> BmsState:
    """Return the state with more protections raised."""
    if alarms <= state.protections:
        return state
    return replace(state, protections=state.protections | alarms)


def path_of(bms: Bms, state: BmsState) -> Path:
    """Return the directions in which the BMS keeps its switches closed."""
    charge, discharge = allowed(state)
    if bms.opens_at_end:
        return Path(charge, discharge)
    return Path(charge or state.full, discharge or state.empty)


def allowed(state: BmsState) -> tuple[bool, bool]:
    """Return whether the BMS allows charging and discharging."""
    return (
        not (state.full or state.protections - _SPARES_CHARGE),
        not (state.empty or state.protections - _SPARES_DISCHARGE),
    )


def limits(
    bms: Bms, state: BmsState, pack: Pack, cells: PackState
) -> tuple[float, float]:
    """Return the currents that the BMS allows, charge and discharge, in A."""
    soc = min(max(soc_of(pack, cells), 0.0), 100.0)
    charge, discharge = allowed(state)
    return (
        round_down(charge * bms.max_charge * _taper(CHARGE_TAPER, soc)),
        round_down(discharge * bms.max_discharge * _taper(DISCHARGE_TAPER, soc)),
    )


def report(
    bms: Bms, state: BmsState, pack: Pack, cells: PackState, rng: Random | None = None
) -> Telegram:
    """Return what the BMS reports, in the steps of its instruments.

    With `rng` the current is noisy, by the settings.
    """
    soc = min(max(soc_of(pack, cells), 0.0), 100.0)
    charge, discharge = allowed(state)
    charge_limit, discharge_limit = limits(bms, state, pack, cells)
    noise = rng.gauss(0.0, bms.noise) if rng is not None and bms.noise else 0.0
    cell = cells.voltage / pack.cells
    return Telegram(
        charge_voltage_limit=bms.charge_voltage_limit,
        charge_current_limit=charge_limit,
        discharge_current_limit=discharge_limit,
        discharge_voltage_limit=bms.discharge_voltage_limit,
        soc=soc,
        soh=bms.soh,
        voltage=round(cells.voltage, 2),
        current=round(cells.current + noise, 1),
        temperature=round(cells.temperature, 1),
        charge_enabled=charge,
        discharge_enabled=discharge,
        force_charge=soc <= FORCE_CHARGE_SOC,
        force_charge_2=soc <= FORCE_CHARGE_2_SOC,
        protections=state.protections,
        warnings=state.warnings,
        modules=bms.modules,
        name=bms.name,
        cell_voltage_min=round(cell - bms.cell_spread / 2, 3),
        cell_voltage_max=round(cell + bms.cell_spread / 2, 3),
        cell_temperature_min=float(round(cells.temperature - 1)),
        cell_temperature_max=float(round(cells.temperature + 1)),
        capacity_ah=pack.capacity_ah,
    )


def _watched(
    bms: Bms, pack: Pack, cells: PackState, mean_current: float
) -> tuple[float, ...]:
    """Return the values that the protections watch, in their order."""
    cell = cells.voltage / pack.cells
    return (
        cell + bms.cell_spread / 2,
        cell - bms.cell_spread / 2,
        cells.temperature,
        cells.temperature,
        mean_current / bms.max_charge,
        -mean_current / bms.max_discharge,
    )


def _after(
    alarms: frozenset[Alarm],
    watched: tuple[float, ...],
    thresholds: tuple[_Threshold, ...],
) -> frozenset[Alarm]:
    """Return the active alarms: raised beyond `begin`, cleared before `end`."""
    for value, (alarm, sign, begin, end) in zip(watched, thresholds, strict=True):
        if alarm in alarms:
            if sign * value < sign * end:
                alarms -= {alarm}
        elif sign * value >= sign * begin:
            alarms |= {alarm}
    return alarms


def _taper(points: tuple[tuple[float, float], ...], soc: float) -> float:
    """Return the part of the largest current that is allowed at `soc` %."""
    if soc <= points[0][0]:
        return points[0][1]
    for (low, at_low), (high, at_high) in pairwise(points):
        if soc <= high:
            return at_low + (at_high - at_low) * (soc - low) / (high - low)
    return points[-1][1]
