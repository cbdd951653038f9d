"""Capacity of a battery: cells, remaining charge and stored energy."""

from typing import Final

from ..model import BatteryState
from ..model.nominal_voltage import nominal_or_standard

CELL_VOLTAGE: Final = 3.2
"""V, the nominal voltage of a lithium iron phosphate cell."""


def cells_in_series(battery: BatteryState) -> int:
    """Return its cells in series: by its limits, before them by its nominal voltage."""
    return battery.cells or nominal_or_standard(battery.nominal).most_cells


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
