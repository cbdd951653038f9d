"""The most that may be asked: what an inverter is rated for, or all of them."""

from typing import Final

from ..engine.config import GatewayConfig
from ..engine.limits.rule_inputs import total_limit
from ..engine.model import Direction

LEAST_CHARGE_VOLTAGE: Final = 48.0
"""V, 3.0 V x 16 cells: told less, inverters dump the battery to get there."""
MOST_CHARGE_VOLTAGE: Final = 60.0
"""V, above what any 48 V battery asks for: 16 cells x 3.65 V are 58.4 V."""
MOST_WITHOUT_INVERTER: Final = 1000.0
"""A, the bank's maximum while no inverter has told its rating: more than any takes."""
_DIGITS: Final = 9
"""Decimals to which values, sums and products are rounded: fewer than floats err by, more
than anybody enters."""


def without_noise(value: float) -> float:
    """Return a value as it was meant: 3 x 33.3 is 99.9, whatever floats make of it."""
    return round(value, _DIGITS)


def most_amps(
    config: GatewayConfig, inverter_id: str | None, direction: Direction
) -> float:
    """Return the most (A) that may be asked of an inverter or (None) the bank."""
    if inverter_id is None:
        return without_noise(total_limit(config, direction) or MOST_WITHOUT_INVERTER)
    charge = direction is Direction.CHARGE
    return without_noise(
        sum(
            each.rated_charge if charge else each.rated_discharge
            for each in config.inverters
            if each.id == inverter_id
        )
    )


def most_watts(
    config: GatewayConfig, inverter_id: str | None, direction: Direction
) -> float:
    """Return the most (W) that may be asked: more could never limit anything."""
    return without_noise(
        most_amps(config, inverter_id, direction) * MOST_CHARGE_VOLTAGE
    )
