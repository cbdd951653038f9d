"""Which current counts: by the inverter's own sensor, or that of the whole bank."""

import logging
from typing import Any

import pytest

from custom_components.bms_gateway.engine.inverter.compliance.monitor import (
    Current,
    measured,
)
from custom_components.bms_gateway.engine.model import BatteryStatus, Readings

from .house import DISCHARGE, House, battery_state

# Its own sensor


def test_sensor_takes_precedence_over_the_bank_current() -> None:
    """30 A from a charger at the batteries hide the inverter's current."""
    house = House()
    house.flow(60, 10.0, sensed={"i1": -20.0})
    assert set(house.found()) == {DISCHARGE}
    assert house.found()[DISCHARGE].sensed


def test_sensor_clears_an_inverter_of_another_load() -> None:
    """A load at the batteries is no inverter."""
    house = House()
    house.flow(60, -40.0, sensed={"i1": 0.0})
    assert not house.found()


def test_bank_current_is_used_while_a_sensor_is_unavailable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Unavailable, or stale for a minute; logged once each time."""
    caplog.set_level(logging.INFO)
    house = House()
    house.flow(60, -40.0, sensed={"i1": 0.0})
    house.compliance.sense("i1", None)
    house.flow(31, -40.0)
    assert not house.found()[DISCHARGE].sensed
    house.flow(60, -40.0, sensed={"i1": 0.0})
    assert not house.found()
    house.flow(61 + 31, -40.0)
    assert not house.found()[DISCHARGE].sensed
    silent = "i1: the sensor of its DC current is silent"
    known = "i1: its DC current is known from its sensor"
    assert caplog.messages == [known, silent, known, silent]


# Knowledge of the bank's current


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({}, Current(-20.0, 5.0)),
        ({"current_at": 4.0}, Current(-20.0, 4.0)),
        ({"readings": Readings()}, None),
        ({"status": BatteryStatus.LOST}, None),
        ({"status": BatteryStatus.REJOINING}, None),
        ({"status": BatteryStatus.WAITING}, None),
        ({"status": BatteryStatus.OUT_OF_SERVICE}, Current(-10.0, 5.0)),
        ({"status": BatteryStatus.DUPLICATE}, Current(-10.0, 5.0)),
    ],
)
def test_current_is_unknown_unless_every_battery_reports_it(
    second: dict[str, Any], expected: Current | None
) -> None:
    """An estimate accuses no inverter."""
    assert measured([battery_state(), battery_state(id="b2", **second)]) == expected


def test_current_is_unknown_without_batteries() -> None:
    """It is not 0 A."""
    assert measured([]) is None
