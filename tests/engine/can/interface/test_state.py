"""The kernel's answers about a link; on a real kernel: socketcan/test_port.py."""

import errno
import socket
import struct

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.interface import state as link_module
from custom_components.bms_gateway.engine.can.interface.netlink import walk
from custom_components.bms_gateway.engine.can.interface.state import (
    Link,
    PortError,
    check_link,
    read_link,
)
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import BusState, Controller, PortFault

# Recorded: RTM_NEWLINK of Linux 7.2 for an slcan adapter raised with 250000 bit/s.
# Left out: the netlink header and the attributes that are not read.
ANSWER = bytes.fromhex(
    # struct ifinfomsg (linux/rtnetlink.h): family 0, type 0x0118 (280, CAN), index 2,
    # flags 0x000100c1 (IFF_UP 0x1, IFF_RUNNING, IFF_NOARP, IFF_LOWER_UP), change 0
    "0000180102000000c100010000000000"
    # length 9, type 3 IFLA_IFNAME: "can0", padded to 4 bytes
    "0900030063616e3000000000"
    # length 100, type 18 IFLA_LINKINFO
    "64001200"
    #   length 8, type 1 IFLA_INFO_KIND: "can"
    "0800010063616e00"
    #   length 28, type 3 IFLA_INFO_XSTATS: no errors yet
    "1c000300"
    + 24
    * "00"
    #   length 60, type 2 IFLA_INFO_DATA
    + "3c000200"
    #     length 36, type 1 IFLA_CAN_BITTIMING: 0x0003d090 = 250000 bit/s, …
    "2400010090d00300"
    + 28 * "00"
    #     length 8, type 4 IFLA_CAN_STATE: 0, error-active; length 12, type 5: modes
    + "0800040000000000"
    + "0c0005000000000000000000"
)
ADAPTER = Link(is_can=True, is_up=True, echoes=False, bitrate=250_000)
TYPE, FLAGS = 2, 8  # where they stand in struct ifinfomsg


def _changed(offset: int, form: str, value: int) -> bytes:
    answer = bytearray(ANSWER)
    struct.pack_into(form, answer, offset, value)
    return bytes(answer)


@pytest.mark.parametrize(
    ("answer", "link"),
    [
        (ANSWER, ADAPTER),
        (_changed(FLAGS, "=I", 0x40080), Link(True, False, True, 250_000)),
        (_changed(TYPE, "=H", 1), Link(False, True, False, None)),
        (ANSWER[:28], Link(True, True, False, None)),
    ],
    ids=["adapter", "down, with IFF_ECHO", "Ethernet", "vcan: nothing of its own"],
)
def test_answer_of_the_kernel_is_decoded(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, link: Link
) -> None:
    """Each part of an answer is found at its place."""
    monkeypatch.setattr(link_module, "query", lambda _: answer)
    assert read_link("can0") == link


@pytest.mark.parametrize(
    ("number", "state"), [*enumerate(BusState), (6, None), (255, None)]
)
def test_state_of_the_controller_is_decoded(
    monkeypatch: pytest.MonkeyPatch, number: int, state: BusState | None
) -> None:
    """By the kernel's enum can_state; values it may add later are unknown."""
    answer = ANSWER.replace(
        bytes.fromhex("0800040000000000"),
        bytes.fromhex("08000400") + number.to_bytes(4, "little"),
    )
    monkeypatch.setattr(link_module, "query", lambda _: answer)
    assert read_link("can0").state is state


def test_carrier_and_counters_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the flags and, where the driver counts, an attribute; both None while down."""
    monkeypatch.setattr(link_module, "query", lambda _: ANSWER)
    known = read_link("can0")
    assert (known.index, known.restart_ms, known.queue_length) == (2, None, None)
    assert known.controller == Controller(carrier=True, state=BusState.ERROR_ACTIVE)
    # linux/can/netlink.h: struct can_berr_counter, 16 bits each, transmit errors first;
    # replaces the attribute with the modes, of the same length
    modes = bytes.fromhex("0c00050000000000" + "00000000")
    counters = bytes.fromhex("0800080080000700" + "04000000")
    counted = _changed(FLAGS, "=I", 0x81).replace(modes, counters)
    monkeypatch.setattr(link_module, "query", lambda _: counted)
    assert read_link("can0").controller == Controller(
        carrier=False,
        state=BusState.ERROR_ACTIVE,
        transmit_errors=128,
        receive_errors=7,
    )
    monkeypatch.setattr(link_module, "query", lambda _: _changed(FLAGS, "=I", 0x80))
    assert read_link("can0").controller.carrier is None


@pytest.mark.parametrize(
    ("controller", "fault"),
    [
        (Controller(carrier=True, state=BusState.BUS_OFF), PortFault.BUS_OFF),
        (Controller(carrier=False, state=BusState.BUS_OFF), PortFault.BUS_OFF),
        (Controller(carrier=False, state=BusState.ERROR_ACTIVE), PortFault.NO_CARRIER),
        (Controller(carrier=False), PortFault.NO_CARRIER),
    ],
)
def test_link_whose_controller_is_bus_off_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, controller: Controller, fault: PortFault
) -> None:
    """The report of the controller is kept for display."""
    _pretend(monkeypatch, Link(True, True, True, 500_000, controller=controller))
    with pytest.raises(PortError) as raised:
        check_link(PortConfig(Interface.SOCKETCAN, "can0", 500_000))
    assert (raised.value.fault, raised.value.controller) == (fault, controller)


@given(attributes=st.binary(max_size=64))
def test_reading_of_any_attributes_ends(attributes: bytes) -> None:
    """No answer causes an endless loop, or reading beyond the end."""
    walked = list(walk(attributes))
    assert sum(4 + len(data) for _, data in walked) <= len(attributes) + 3


def test_loopback_is_no_can_link(socket_enabled: None) -> None:
    """Every Linux has a loopback link, which is not CAN."""
    assert not read_link("lo").is_can
    with pytest.raises(OSError, match="device") as raised:
        read_link("bms-none")
    assert raised.value.errno == errno.ENODEV


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        (Link(False, True, True, None), PortFault.NO_SUCH_CHANNEL),
        (Link(True, False, True, 250_000), PortFault.LINK_DOWN),
        (Link(True, True, True, 250_000), PortFault.WRONG_BITRATE),
        (Link(True, True, True, 494_900), PortFault.WRONG_BITRATE),
    ],
    ids=["no CAN", "down", "wrong", "1.02 % off"],
)
def test_link_that_cannot_be_opened_has_a_fault(
    monkeypatch: pytest.MonkeyPatch, link: Link, fault: PortFault
) -> None:
    """The first thing to repair is reported."""
    _pretend(monkeypatch, link)
    with pytest.raises(PortError) as raised:
        check_link(PortConfig(Interface.SOCKETCAN, "can0", 500_000))
    assert raised.value.fault is fault
    assert str(raised.value)


@pytest.mark.parametrize("bitrate", [None, 500_000, 496_000, 504_000])
def test_link_that_can_be_opened_has_no_fault(
    monkeypatch: pytest.MonkeyPatch, bitrate: int | None
) -> None:
    """A controller's clock need not divide to the bitrate exactly."""
    link = Link(True, True, True, bitrate)
    _pretend(monkeypatch, link)
    assert check_link(PortConfig(Interface.SOCKETCAN, "can0", 500_000)) == link


def test_python_without_can_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no CAN at all, that is the fault."""
    monkeypatch.delattr(socket, "AF_CAN")
    with pytest.raises(PortError) as raised:
        check_link(PortConfig(Interface.SOCKETCAN, "can0"))
    assert raised.value.fault is PortFault.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (errno.EPERM, PortFault.NO_PERMISSION),
        (errno.EACCES, PortFault.NO_PERMISSION),
        (errno.EPROTONOSUPPORT, PortFault.NOT_SUPPORTED),
        (errno.EAFNOSUPPORT, PortFault.NOT_SUPPORTED),
        (errno.ENOMEM, PortFault.FAILED),
    ],
)
def test_each_error_of_the_kernel_has_a_fault(
    monkeypatch: pytest.MonkeyPatch, code: int, fault: PortFault
) -> None:
    """Each refusal of the kernel has a fault that a user can act on."""

    def refuse() -> None:
        raise OSError(code, "refused")

    monkeypatch.setattr(link_module, "_check_kernel", refuse)
    with pytest.raises(PortError, match="refused") as raised:
        check_link(PortConfig(Interface.SOCKETCAN, "can0"))
    assert raised.value.fault is fault


def _pretend(monkeypatch: pytest.MonkeyPatch, link: Link) -> None:
    """Simulate a kernel with CAN that has this link."""
    monkeypatch.setattr(link_module, "_check_kernel", lambda: None)
    monkeypatch.setattr(link_module, "read_link", lambda _: link)
