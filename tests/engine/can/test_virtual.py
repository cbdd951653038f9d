"""The virtual bus: a node that joins receives everything from then on."""

from queue import Queue
from typing import override

import can
from can.interfaces import virtual
import pytest

from custom_components.bms_gateway.engine.can.virtual import VirtualLink

MESSAGE = can.Message(arbitration_id=0x351, data=bytes(8), is_extended_id=False)


class _Prompt(list["Queue[can.Message]"]):
    """The queues of a bus; another node sends as soon as one joins."""

    @override
    def append(self, joined: Queue[can.Message], /) -> None:
        super().append(joined)
        joined.put(MESSAGE)


def test_a_frame_that_is_sent_while_a_node_joins_is_received(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The node is opened in a thread, and others of the process send meanwhile."""
    monkeypatch.setitem(virtual.channels, "a", _Prompt())
    with VirtualLink("a") as bus:
        received = bus.recv(0)
    assert received is not None
    assert received.arbitration_id == MESSAGE.arbitration_id


def test_own_messages_come_back() -> None:
    """They are the proof that a frame has left."""
    with VirtualLink("a") as bus:
        bus.send(MESSAGE)
        echo = bus.recv(0)
    assert echo is not None
    assert not echo.is_rx
