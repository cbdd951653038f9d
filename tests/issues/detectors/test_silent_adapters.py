"""USB adapters that pass on no frames and should be replugged."""

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

from .contexts import CONFIG, OPEN, WELL, keys, seen, the_one, with_i1, with_status

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
RECEIVED = [
    replace(OPEN, received=1),
    # An error frame comes from the adapter, too
    replace(OPEN, errors=1),
    replace(OPEN, received=5, errors=1, unsent=1, received_before=4),
]
SILENT = [
    OPEN,
    # Frames that were sent, and those that could not be, show nothing
    replace(OPEN, sent=9, errors=3, unsent=3),
    # Received before it was lost and opened again
    replace(OPEN, received=5, errors=1, received_before=6),
]


def battery(
    port: PortConfig,
    state: PortState = OPEN,
    battery_status: BatteryStatus = BatteryStatus.LOST,
) -> IssueContext:
    """Return a context in which the first battery is not received on such a port."""
    first, second = CONFIG.batteries
    config = replace(CONFIG, batteries=(replace(first, port=port), second))
    ports = {"b1": state, "b2": OPEN, "i1": OPEN}
    return replace(seen(with_status(battery_status), ports=ports), config=config)


def inverter(port: PortConfig, state: PortState = OPEN) -> IssueContext:
    """Return a context in which the inverter is silent on such a port."""
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
def test_silent_usb_adapter_should_be_replugged(
    port: PortConfig, state: PortState
) -> None:
    """For a battery that was lost, one never received, and an inverter."""
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
        *((port, state) for port in USB for state in RECEIVED),
    ],
)
def test_other_adapters_need_not_be_replugged(
    port: PortConfig, state: PortState
) -> None:
    """Those that are not USB, and one that has passed on any frame."""
    assert keys(battery(port, state)) == {"battery_b1": "battery_lost"}
    never = battery(port, state, BatteryStatus.WAITING)
    received = state.received > state.received_before
    assert keys(never) == {
        "battery_b1": "battery_other_protocol" if received else "battery_not_polled"
    }
    assert keys(inverter(port, state)) == {
        "inverter_not_responding_i1": "inverter_not_responding"
    }


def test_placeholders_are_the_same_with_and_without_replugging() -> None:
    """Both texts can be filled."""
    for battery_status in (BatteryStatus.LOST, BatteryStatus.WAITING):
        found = the_one(battery(STICK, battery_status=battery_status))
        other = the_one(battery(OTHERS[0], battery_status=battery_status))
        assert found.placeholders == other.placeholders
    assert the_one(inverter(STICK)).placeholders == {"name": "Roof", "minutes": "15"}


def test_adapter_silent_for_another_reason_is_not_replugged() -> None:
    """Lost; or its inverter has sent requests before and stopped."""
    lost = PortState(status=PortStatus.LOST, fault=PortFault.FAILED)
    assert keys(battery(STICK, lost)) == {"port_b1": "port_failed"}
    asked = replace(inverter(STICK), snapshot=with_i1(last_request_at=0.0).snapshot)
    assert keys(asked) == {"inverter_no_requests_i1": "inverter_no_requests"}


def test_battery_that_sends_raises_no_issue() -> None:
    """The counters alone raise none."""
    assert keys(replace(battery(STICK), snapshot=WELL.snapshot)) == {}
