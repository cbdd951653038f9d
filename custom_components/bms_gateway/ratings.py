"""The most that may be asked: what an inverter is rated for, or all of them."""

from typing import Final

from .engine.config import GatewayConfig
from .engine.limits import total_limit
from .engine.model import Direction

LEAST_CHARGE_VOLTAGE: Final = 48.0
"""V, 3.0 V x 16 cells: told less, inverters dump the battery to get there."""
MOST_CHARGE_VOLTAGE: Final = 60.0
"""V, above what any 48 V battery asks for: 16 cells x 3.65 V are 58.4 V."""
MOST_WITHOUT_INVERTER: Final = 1000.0
"""A, the bank's maximum while no inverter has told its rating: more than any takes."""
DIGITS: Final = 9
"""To so many decimals what is asked, sums and products are rounded: fewer than floats err by, and more
than anybody enters."""


def most_amps(
    config: GatewayConfig, inverter_id: str | None, direction: Direction
) -> float:
    """Return the most (A) that may be asked of an inverter or (None) the bank."""
    if inverter_id is None:
        # 3 x 33.3 is 99.9, not the 99.89999999999999 that floats make of it
        return round(total_limit(config, direction) or MOST_WITHOUT_INVERTER, DIGITS)
    charge = direction is Direction.CHARGE
    return sum(
        each.rated_charge if charge else each.rated_discharge
        for each in config.inverters
        if each.id == inverter_id
    )


def most_watts(
    config: GatewayConfig, inverter_id: str | None, direction: Direction
) -> float:
    """Return the most (W) that may be asked: more could never limit anything."""
    watts = most_amps(config, inverter_id, direction) * MOST_CHARGE_VOLTAGE
    return round(watts, DIGITS)
