"""Upper ends of setpoint ranges: the rating of an inverter, or of all of them."""

from collections.abc import Iterable
from typing import Final

from ..engine.aggregate.mixed_voltages import bank_voltage_of
from ..engine.config import GatewayConfig
from ..engine.limits.rule_inputs import total_limit
from ..engine.model import BatteryState, Direction
from ..engine.model.nominal_voltage import nominal_or_standard

MAX_CHARGE_VOLTAGE: Final = 60.0
"""V, above the request of any battery: 16 cells x 3.65 V are 58.4 V."""
_CELL_MIN: Final = 3.0
"""V a cell: at a lower charge voltage limit, inverters discharge the battery to reach
it."""
_CELL_MAX: Final = 3.75
"""V a cell, above the request of any battery: full is 3.65 V."""
MAX_WITHOUT_INVERTER: Final = 1000.0
"""A, the bank's maximum while no inverter has a rating: more than any takes."""
_DIGITS: Final = 9
"""Decimals to which values, sums and products are rounded: coarser than float errors,
finer than anybody enters."""


def without_noise(value: float) -> float:
    """Return a value as it was meant: 3 x 33.3 is 99.9, despite float errors."""
    return round(value, _DIGITS)


def max_amps(
    config: GatewayConfig, inverter_id: str | None, direction: Direction
) -> float:
    """Return the highest settable current (A) of an inverter or (None) the bank."""
    if inverter_id is None:
        return without_noise(total_limit(config, direction) or MAX_WITHOUT_INVERTER)
    charge = direction is Direction.CHARGE
    return without_noise(
        sum(
            each.rated_charge if charge else each.rated_discharge
            for each in config.inverters
            if each.id == inverter_id
        )
    )


def charge_voltage_range(
    config: GatewayConfig, batteries: Iterable[BatteryState]
) -> tuple[float, float]:
    """Return the settable charge voltages (V) of a bank: 48 to 60 V for 16 cells.

    By the nominal voltage of its batteries; 48 V until that is known.
    """
    configured = {each.nominal_voltage for each in config.batteries} - {None}
    nominal = bank_voltage_of(batteries)
    if nominal is None and len(configured) == 1:
        nominal = configured.pop()
    cells = nominal_or_standard(nominal).most_cells
    return _CELL_MIN * cells, _CELL_MAX * cells


def max_watts(
    config: GatewayConfig, inverter_id: str | None, direction: Direction
) -> float:
    """Return the highest settable power (W): more could never limit anything."""
    return without_noise(max_amps(config, inverter_id, direction) * MAX_CHARGE_VOLTAGE)
