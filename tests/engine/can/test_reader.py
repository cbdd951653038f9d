"""How a bus is read: by python-can's Notifier, all that waits in one turn."""

import asyncio
from collections.abc import Iterator

import can
from can.interfaces import virtual
import pytest

from custom_components.bms_gateway.engine.can.reader import Reader
from custom_components.bms_gateway.engine.can.virtual import VirtualLink
from custom_components.bms_gateway.engine.model import Controller

from ..ports import other_node


class _Read:
    """A reader and what it called back with."""

    def __init__(self, bus: VirtualLink) -> None:
        self.ids: list[int] = []
        self.errors: list[Exception] = []
        self.reader = Reader(
            bus,
            on_message=lambda message, _: self.ids.append(message.arbitration_id),
            on_error=self.errors.append,
            on_controller=self._no_controller,
            opened_at=0.0,
            clock=lambda: 1.0,
            wall=lambda: 1.0,
        )

    def _no_controller(self, _: Controller) -> None:
        raise AssertionError("A virtual bus has no controller")


@pytest.fixture
def bus() -> Iterator[VirtualLink]:
    """Open a bus; nothing may read it in the end."""
    with VirtualLink("a") as opened:
        yield opened
    assert not virtual.channels
    assert not can.Notifier._registry.pairs


@pytest.fixture
def node(bus: VirtualLink) -> Iterator[can.BusABC]:
    """Open another node on the bus."""
    with other_node("a") as opened:
        yield opened


def _send(node: can.BusABC, *ids: int) -> None:
    for each in ids:
        node.send(can.Message(arbitration_id=each))


async def test_all_waiting_frames_are_read_at_one_wake_up(
    bus: VirtualLink, node: can.BusABC
) -> None:
    """The Notifier alone would read one frame."""
    read = _Read(bus)
    _send(node, *range(20))
    await asyncio.sleep(0)  # the loop finds the descriptor readable
    await asyncio.sleep(0)
    assert read.ids == list(range(20))
    read.reader.stop()


async def test_stopped_reader_reads_nothing(bus: VirtualLink, node: can.BusABC) -> None:
    """At once, without waiting for anything."""
    read = _Read(bus)
    _send(node, 1)
    read.reader.stop()
    read.reader.stop()
    read.reader.drain()
    for _ in range(3):
        await asyncio.sleep(0)
    assert read.ids == []
    assert bus.recv(0) is not None


async def test_reader_that_is_stopped_by_a_frame_leaves_the_others(
    bus: VirtualLink, node: can.BusABC
) -> None:
    """Later frames may be echoes that prove nothing any longer."""
    read = _Read(bus)

    def stop_at(message: can.Message, _: float) -> None:
        read.ids.append(message.arbitration_id)
        read.reader.stop()

    read.reader._on_message = stop_at
    _send(node, 1, 2)
    read.reader.drain()
    assert read.ids == [1]


async def test_first_error_is_reported_once_and_ends_the_reading(
    bus: VirtualLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Notifier alone would pass it to the loop at each wake-up."""
    error = can.CanOperationError("gone")

    def fail(timeout: float | None = None) -> None:
        raise error

    read = _Read(bus)
    monkeypatch.setattr(bus, "recv", fail)
    for _ in range(3):
        read.reader.drain()
    assert read.errors == [error]
    assert not can.Notifier.find_instances(read.reader._guard)
