"""Start-up check: the first limits of a battery have to agree."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.battery.limits import allowed
from custom_components.bms_gateway.engine.battery.startup_check import (
    with_lowest_recent_limits,
)
from custom_components.bms_gateway.engine.model import Alarm, Direction, Readings

from ..states import READINGS, online


def _allowed(*telegrams: Readings) -> tuple[float, float]:
    """Return the currents that a battery allows for charging and discharging."""
    *recent, now = telegrams
    readings = with_lowest_recent_limits(
        replace(online(), readings=now), recent
    ).readings
    charge, discharge = (allowed(readings, direction) for direction in Direction)
    return charge, discharge


@pytest.mark.parametrize("first", [100.0, 91.0, 110.0])
def test_agreeing_limits_are_used_as_they_are(first: float) -> None:
    """The present ones."""
    readings = replace(READINGS, charge_current_limit=first)
    assert _allowed(readings, READINGS) == (100.0, 100.0)


@pytest.mark.parametrize(
    "other",
    [
        replace(READINGS, charge_current_limit=89.0),
        replace(READINGS, charge_current_limit=0.0),
        replace(READINGS, charge_enabled=False),
        replace(READINGS, protections=frozenset({Alarm.OVER_VOLTAGE})),
    ],
)
def test_disagreeing_limits_use_the_lowest(other: Readings) -> None:
    """Whichever came first; the other direction is unchanged."""
    lowest = allowed(other, Direction.CHARGE)
    assert _allowed(other, READINGS) == (lowest, 100.0)
    assert _allowed(READINGS, other) == (lowest, 100.0)


def test_a_single_telegram_is_used() -> None:
    """Also for a battery that allows nothing."""
    full = replace(READINGS, charge_current_limit=0.0)
    assert _allowed(READINGS) == (100.0, 100.0)
    assert _allowed(full, full, full) == (0.0, 100.0)
