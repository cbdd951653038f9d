"""A full bank, as an inverter sees it that stops charging at 100 %."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.presets import Make

from ..plant import Plant, inverter

BELOW_LIMIT: dict[str, Any] = {"soc": 100.0, "voltage": 55.2}
"""100 %, but not at the charge voltage limit of 56.0 V, where a charge tapers off."""


@pytest.mark.parametrize(
    ("reports", "without", "sent"),
    [
        ({}, 0, 99.0),
        ({"charge_enabled": False}, 0, 100.0),
        ({"charge_current_limit": 0.0}, 0, 100.0),
        # SMA's and Victron's batteries have no enables in 0x35C
        ({"charge_current_limit": 0.0}, 0x35C, 100.0),
    ],
)
def test_a_battery_that_takes_no_more_is_full(
    reports: dict[str, Any], without: int, sent: float
) -> None:
    """By its enable or by its limit: one that ended its charge is not held at 99 %."""
    midnite = inverter("i1", make=Make.MIDNITE)
    plant = Plant(inverters=[midnite], reports={"b1": BELOW_LIMIT | reports})
    plant.packs["b1"].without = {without}
    plant.started(10.0)
    confirmed = plant.inverter().confirmed
    assert confirmed is not None
    assert confirmed.soc == sent
