"""The kernel that runs these tests has CAN."""

from collections.abc import Callable

import can
import pytest

from tests.waiting import PATIENCE

from .conftest import CablePair, LinkFactory

pytestmark = pytest.mark.socketcan

MESSAGE = can.Message(arbitration_id=0x351, data=bytes(range(8)), is_extended_id=False)


def test_sender_receives_its_own_frame(can_link: LinkFactory) -> None:
    """The echo proves that a frame has left."""
    with _bus(can_link().name, receive_own_messages=True) as bus:
        bus.send(MESSAGE)
        echo = bus.recv(PATIENCE)
    assert echo is not None
    assert echo.equals(
        MESSAGE, check_channel=False, timestamp_delta=None, check_direction=False
    )
    assert not echo.is_rx


def test_cable_carries_frames(can_cable: Callable[[], CablePair]) -> None:
    """One end receives what the other sends."""
    near, far = can_cable()
    with _bus(near.name) as sender, _bus(far.name) as receiver:
        sender.send(MESSAGE)
        received = receiver.recv(PATIENCE)
    assert received is not None
    assert received.data == MESSAGE.data


def test_link_comes_back(can_link: LinkFactory) -> None:
    """A deleted link can be made again under its old name."""
    link = can_link()
    link.delete()
    assert not link.exists
    link.create()
    link.up()
    with _bus(link.name) as bus:
        bus.send(MESSAGE)


def _bus(channel: str, *, receive_own_messages: bool = False) -> can.BusABC:
    return can.Bus(
        interface="socketcan",
        channel=channel,
        receive_own_messages=receive_own_messages,
        ignore_config=True,
    )
