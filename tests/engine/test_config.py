"""What the user chose: which ports are one channel."""

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
    """Its name counts where no adapter is known."""
    assert CAN0.is_same_place(port) is port.is_same_place(CAN0) is is_same


def test_an_adapter_is_the_same_whatever_its_link_is_called() -> None:
    """And another one is not, though it bears the name."""
    renamed = PortConfig(Interface.SOCKETCAN, "can5", identity="usb-1")
    other = PortConfig(Interface.SOCKETCAN, "can0", identity="usb-2")
    assert ADAPTER.is_same_place(renamed)
    assert not ADAPTER.is_same_place(other)
