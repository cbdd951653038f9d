"""Values that are valid now."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    InverterState,
    Readings,
    Status,
)
from custom_components.bms_gateway.throttle.availability import is_received, is_served

BATTERY = BatteryState(
    id="b",
    status=BatteryStatus.ONLINE,
    capacity_ah=100,
    readings=Readings(voltage=52.0),
)
INVERTER = InverterState(id="i")


@pytest.mark.parametrize(
    ("battery", "received"),
    [
        (replace(BATTERY, status=BatteryStatus.WAITING), False),
        (BATTERY, True),
        (replace(BATTERY, status=BatteryStatus.REJOINING), True),
        (replace(BATTERY, status=BatteryStatus.LOST), False),
        (replace(BATTERY, status=BatteryStatus.DUPLICATE), False),
        (replace(BATTERY, status=BatteryStatus.OUT_OF_SERVICE), True),
        (
            replace(BATTERY, status=BatteryStatus.OUT_OF_SERVICE, readings=Readings()),
            False,
        ),
    ],
)
def test_is_received(battery: BatteryState, received: bool) -> None:
    """A battery out of service may still send."""
    assert is_received(battery) is received


@pytest.mark.parametrize(
    ("listening", "status", "confirmed"),
    [
        (True, Status.RUNNING, True),
        (None, Status.RUNNING, False),
        (False, Status.RUNNING, False),
        (True, Status.SILENT, False),
    ],
)
def test_is_served(listening: bool | None, status: Status, confirmed: bool) -> None:
    """An inverter's values are worthless once it cannot be sent any more."""
    assert is_served(replace(INVERTER, listening=listening), status) is confirmed
