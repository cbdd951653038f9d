"""Upper ends of setpoint ranges: the rating of an inverter, or of all of them."""

from typing import Final

from ..engine.config import GatewayConfig
from ..engine.limits.rule_inputs import total_limit
from ..engine.model import Direction

MIN_CHARGE_VOLTAGE: Final = 48.0
"""V, 3.0 V x 16 cells: at a lower value, inverters discharge the battery to reach it.
"""
MAX_CHARGE_VOLTAGE: Final = 60.0
"""V, above the request of any 48 V battery: 16 cells x 3.65 V are 58.4 V."""
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


def max_watts(
    config: GatewayConfig, inverter_id: str | None, direction: Direction
) -> float:
    """Return the highest settable power (W): more could never limit anything."""
    return without_noise(max_amps(config, inverter_id, direction) * MAX_CHARGE_VOLTAGE)
