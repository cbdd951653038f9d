"""Why a port cannot be open, and exactly what to do about it."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.can.interface.discovery import set_up_commands
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import (
    PortFault,
    PortReason,
    PortState,
    PortStatus,
)
from custom_components.bms_gateway.issues.context import Issue, IssueContext

from .contexts import CONFIG, keys, the_one, with_port

SERIAL = PortConfig(Interface.SLCAN, "/dev/serial/by-id/usb-A1")
ADAPTER = PortConfig(Interface.SOCKETCAN, "can0", identity="usb:1d50:606f:A1")


def lost(
    fault: PortFault | None,
    port: PortConfig = CONFIG.batteries[0].port,
    link: str | None = None,
) -> IssueContext:
    """Return a context in which the first battery's port is lost."""
    first, second = CONFIG.batteries
    config = replace(CONFIG, batteries=(replace(first, port=port), second))
    state = PortState(status=PortStatus.LOST, fault=fault, detail="so", link=link)
    return replace(with_port(state), config=config)


@pytest.mark.parametrize("fault", PortFault)
def test_lost_port_is_reported_with_its_fault(fault: PortFault) -> None:
    """The battery behind it is not an issue of its own."""
    assert keys(lost(fault)) == {"port_b1": f"port_{fault}"}


def test_lost_port_without_a_fault_is_reported() -> None:
    """An unknown reason is no reason to be silent."""
    assert keys(lost(None)) == {"port_b1": "port_failed"}


@pytest.mark.parametrize(
    ("port", "fault", "key"),
    [
        (ADAPTER, PortFault.NO_SUCH_CHANNEL, "port_adapter_gone"),
        (SERIAL, PortFault.NO_SUCH_CHANNEL, "port_adapter_gone"),
        (ADAPTER, PortFault.AMBIGUOUS, "port_ambiguous"),
        (ADAPTER, PortFault.NO_PERMISSION, "port_no_permission"),
        (SERIAL, PortFault.NO_PERMISSION, "port_serial_refused"),
        (
            replace(ADAPTER, bring_up=True),
            PortFault.NO_PERMISSION,
            "port_set_up_refused",
        ),
        (SERIAL, PortFault.WRONG_BITRATE, "port_bitrate_refused"),
        (SERIAL, PortFault.LINK_DOWN, "port_failed"),
        (SERIAL, PortFault.BUSY, "port_busy"),
    ],
)
def test_fault_text_depends_on_the_kind_of_port(
    port: PortConfig, fault: PortFault, key: str
) -> None:
    """A missing adapter is not a link that does not exist."""
    assert the_one(lost(fault, port)).key == key


@pytest.mark.parametrize("reason", PortReason)
def test_reason_has_a_text_of_its_own(reason: PortReason) -> None:
    """It is more specific than the fault; a fault without one is reported as before."""
    before = lost(PortFault.FAILED, SERIAL)
    port = replace(before.port("b1"), reason=reason)
    now = replace(with_port(port), config=before.config)
    assert the_one(before).key == "port_failed"
    assert the_one(now).key == f"port_{reason}"
    assert the_one(now).placeholders == the_one(before).placeholders


def test_lost_port_is_reported_with_commands() -> None:
    """Those of the engine, ready to copy."""
    found = the_one(lost(PortFault.LINK_DOWN))
    assert found.placeholders == {
        "name": "Garage",
        "channel": "can0",
        "adapter": "can0",
        "bitrate": "250",
        "commands": "\n".join(set_up_commands("can0", 250_000)),
        "detail": "so",
    }
    assert found.device_id == "b1"


def test_adapter_is_reported_with_its_present_link() -> None:
    """Its name when it was chosen may belong to another one by now."""
    found = the_one(lost(PortFault.LINK_DOWN, ADAPTER, link="can3")).placeholders
    assert (found["channel"], found["adapter"]) == ("can3", "usb:1d50:606f:A1")
    assert found["commands"] == "\n".join(set_up_commands("can3", 500_000))


@pytest.mark.parametrize("fault", PortFault)
@pytest.mark.parametrize("port", [CONFIG.batteries[0].port, ADAPTER, SERIAL])
def test_only_links_that_can_be_set_up_have_a_dialog(
    port: PortConfig, fault: PortFault
) -> None:
    """A serial adapter's bitrate is its own."""
    mendable = fault in {
        PortFault.LINK_DOWN,
        PortFault.WRONG_BITRATE,
        PortFault.BUS_OFF,
        PortFault.NO_CARRIER,
    }
    fixable = mendable and port.interface is Interface.SOCKETCAN
    assert the_one(lost(fault, port)).fixable is fixable


def test_opening_port_keeps_its_issue() -> None:
    """It must not come and go with each attempt."""
    opening = with_port(PortState(status=PortStatus.OPENING))
    assert keys(opening) == {}
    raised = {"port_b1": Issue("port_link_down", {})}
    assert keys(opening, raised) == {"port_b1": "port_link_down"}
