"""Configuration: which ports are the same channel."""

import pytest

from custom_components.bms_gateway.engine.config import Interface, PortConfig

CAN0 = PortConfig(Interface.SOCKETCAN, "can0")
ADAPTER = PortConfig(Interface.SOCKETCAN, "can0", identity="usb-1")


@pytest.mark.parametrize(
    ("port", "is_same"),
    [
        (PortConfig(Interface.SOCKETCAN, "can0", 250_000, bring_up=True), True),
        (PortConfig(Interface.SOCKETCAN, "can1"), False),
        (PortConfig(Interface.VIRTUAL, "can0"), False),
        (ADAPTER, True),
    ],
)
def test_a_channel_is_the_same_however_it_is_set_up(
    port: PortConfig, is_same: bool
) -> None:
    """Its name counts if no adapter is known."""
    assert CAN0.is_same_place(port) is port.is_same_place(CAN0) is is_same


def test_an_adapter_is_the_same_whatever_its_link_is_called() -> None:
    """Another one is not, even under the same name."""
    renamed = PortConfig(Interface.SOCKETCAN, "can5", identity="usb-1")
    other = PortConfig(Interface.SOCKETCAN, "can0", identity="usb-2")
    assert ADAPTER.is_same_place(renamed)
    assert not ADAPTER.is_same_place(other)


SOCKETCAN, SLCAN = Interface.SOCKETCAN, Interface.SLCAN


@pytest.mark.parametrize(
    ("port", "is_usb"),
    [
        (PortConfig(SOCKETCAN, "can0", identity="usb:1d50:606f:4D"), True),
        (PortConfig(SOCKETCAN, "can0", identity="path:0000:00:14.0-usb-1.2"), True),
        (PortConfig(SOCKETCAN, "can1", identity="path:xhci-hcd.0-usb-2#1"), True),
        (PortConfig(SLCAN, "/dev/serial/by-id/usb-CANable"), True),
        (PortConfig(SLCAN, "/dev/ttyACM0"), True),
        # On a board, in the machine, virtual, or unknown
        (PortConfig(SOCKETCAN, "can0", identity="path:spi0.0"), False),
        (PortConfig(SOCKETCAN, "can0", identity="path:0000:03:00.0"), False),
        (PortConfig(SLCAN, "/dev/ttyAMA0"), False),
        (PortConfig(SLCAN, "/dev/ttyS1"), False),
        (PortConfig(SOCKETCAN, "can0"), False),
        (PortConfig(Interface.VIRTUAL, "usb"), False),
    ],
)
def test_usb_adapters_are_recognised_by_identity(
    port: PortConfig, is_usb: bool
) -> None:
    """By serial number or socket, or as most serial adapters are."""
    assert port.is_usb is is_usb
