"""Capacity of a battery: cells, remaining charge and stored energy."""

from typing import Final

from ..model import BatteryState

CELL_VOLTAGE: Final = 3.2
"""V, the nominal voltage of a lithium iron phosphate cell."""
CELLS: Final = 16
"""Cells in series in nearly every 48 V pack, until its limits show it."""
MOST_FOR_15_CELLS: Final = 54.4
"""V; a higher charge voltage limit means 16 cells: 15 would have 3.63 V each, and full
is 3.65 V. Batteries of 15 cells request 52.5 to 54 V, of 16 cells 55 to 58.4."""


def cells_of(charge_voltage_limit: float) -> int:
    """Return the cells in series of a pack with this charge voltage limit (V)."""
    return 15 if charge_voltage_limit <= MOST_FOR_15_CELLS else CELLS


def remaining_ah(battery: BatteryState) -> float | None:
    """Return the charge left in Ah: as reported, otherwise state of charge x capacity."""
    readings = battery.readings
    if readings.remaining_ah is not None:
        return readings.remaining_ah
    return None if readings.soc is None else battery.available_ah * readings.soc / 100


def capacity_kwh(battery: BatteryState) -> float | None:
    """Return the capacity in kWh; None before its first telegram."""
    return _kwh(battery, battery.available_ah)


def stored_kwh(battery: BatteryState) -> float | None:
    """Return the energy left in kWh, by the nominal voltage: load does not change it."""
    left = remaining_ah(battery)
    return None if left is None else _kwh(battery, left)


def _kwh(battery: BatteryState, charge: float) -> float | None:
    if battery.cells is None:
        return None
    return charge * battery.cells * CELL_VOLTAGE / 1000
