"""USB adapters that pass nothing on: they are to be plugged in anew."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import (
    BatteryStatus,
    PortFault,
    PortState,
    PortStatus,
)
from custom_components.bms_gateway.issues.context import IssueContext

from .situations import CONFIG, OPEN, WELL, keys, seen, the_one, with_i1, with_status

SOCKETCAN, SLCAN = Interface.SOCKETCAN, Interface.SLCAN
STICK = PortConfig(SOCKETCAN, "can0", identity="usb:1d50:606f:A1")
USB = [
    STICK,
    PortConfig(SOCKETCAN, "can0", identity="path:0000:00:14.0-usb-1.2"),
    PortConfig(SLCAN, "/dev/serial/by-id/usb-A1"),
]
OTHERS = [
    PortConfig(SOCKETCAN, "can0", identity="path:spi0.0"),
    PortConfig(SOCKETCAN, "vcan0"),
    PortConfig(SLCAN, "/dev/ttyAMA0"),
    PortConfig(Interface.VIRTUAL, "v"),
]
HEARD = [
    replace(OPEN, received=1),
    # An error frame comes from the adapter, too
    replace(OPEN, errors=1),
    replace(OPEN, received=5, errors=1, unsent=1, received_before=4),
]
SILENT = [
    OPEN,
    # What it was sent, and could not be sent, shows nothing
    replace(OPEN, sent=9, errors=3, unsent=3),
    # It was heard before it was lost and opened again
    replace(OPEN, received=5, errors=1, received_before=6),
]


def battery(
    port: PortConfig,
    state: PortState = OPEN,
    battery_status: BatteryStatus = BatteryStatus.LOST,
) -> IssueContext:
    """Return a situation in which the first battery is not heard on such a port."""
    first, second = CONFIG.batteries
    config = replace(CONFIG, batteries=(replace(first, port=port), second))
    ports = {"b1": state, "b2": OPEN, "i1": OPEN}
    return replace(seen(with_status(battery_status), ports=ports), config=config)


def inverter(port: PortConfig, state: PortState = OPEN) -> IssueContext:
    """Return a situation in which the inverter gives no sign of life on such a port."""
    [only] = CONFIG.inverters
    silent = replace(only, port=port, no_response_after=900.0)
    ports = {"b1": OPEN, "b2": OPEN, "i1": state}
    return replace(
        seen(WELL, ports=ports),
        config=replace(CONFIG, inverters=(silent,)),
        signs_of_life={"i1": 0.0},
    )


@pytest.mark.parametrize("port", USB)
@pytest.mark.parametrize("state", SILENT)
def test_silent_usb_adapter_is_to_be_plugged_in_anew(
    port: PortConfig, state: PortState
) -> None:
    """A battery that was lost, one that never spoke, an inverter: each is told so."""
    assert keys(battery(port, state)) == {"battery_b1": "battery_lost_replug"}
    never = battery(port, state, BatteryStatus.WAITING)
    assert keys(never) == {"battery_b1": "battery_not_polled_replug"}
    gone = inverter(port, state)
    assert keys(gone) == {
        "inverter_not_responding_i1": "inverter_not_responding_replug"
    }
    assert (the_one(gone).fixable, the_one(gone).device_id) == (True, "i1")


@pytest.mark.parametrize(
    ("port", "state"),
    [
        *((port, OPEN) for port in OTHERS),
        *((port, state) for port in USB for state in HEARD),
    ],
)
def test_nothing_else_is_to_be_plugged_in_anew(
    port: PortConfig, state: PortState
) -> None:
    """What is no USB adapter, and one that has passed on anything at all."""
    assert keys(battery(port, state)) == {"battery_b1": "battery_lost"}
    never = battery(port, state, BatteryStatus.WAITING)
    heard = state.received > state.received_before
    assert keys(never) == {
        "battery_b1": "battery_other_protocol" if heard else "battery_not_polled"
    }
    assert keys(inverter(port, state)) == {
        "inverter_not_responding_i1": "inverter_not_responding"
    }


def test_the_repair_tells_the_same_placeholders() -> None:
    """Whether the adapter is to be plugged in anew or not."""
    for battery_status in (BatteryStatus.LOST, BatteryStatus.WAITING):
        found = the_one(battery(STICK, battery_status=battery_status))
        other = the_one(battery(OTHERS[0], battery_status=battery_status))
        assert found.placeholders == other.placeholders
    assert the_one(inverter(STICK)).placeholders == {"name": "Roof", "minutes": "15"}


def test_adapter_that_is_silent_for_another_reason() -> None:
    """Lost; or its inverter has asked before, and does so no more."""
    lost = PortState(status=PortStatus.LOST, fault=PortFault.FAILED)
    assert keys(battery(STICK, lost)) == {"port_b1": "port_failed"}
    asked = replace(inverter(STICK), snapshot=with_i1(last_request_at=0.0).snapshot)
    assert keys(asked) == {"inverter_no_requests_i1": "inverter_no_requests"}


def test_battery_that_speaks_is_well_whatever_its_port_counts() -> None:
    """No repair comes of the counts alone."""
    assert keys(replace(battery(STICK), snapshot=WELL.snapshot)) == {}
