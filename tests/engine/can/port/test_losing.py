"""A port that loses its bus, and opens it again."""

import asyncio
import errno
import logging
import threading
import time
from typing import override

import can
from can.interfaces import virtual
import pytest

from custom_components.bms_gateway.engine.can import backend
from custom_components.bms_gateway.engine.can.port import LONGEST_RETRY, Port
from custom_components.bms_gateway.engine.can.virtual import VirtualLink
from custom_components.bms_gateway.engine.config import Interface
from custom_components.bms_gateway.engine.model import PortFault, PortState, PortStatus

from ....waiting import PATIENCE, until
from ...ports import Recorder, other_node
from .frames import LIMITS, stamped, wake_port

MOST_RETRIES = 6


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Skip the first waits between two attempts to open; return the waits."""
    waits: list[float] = []
    sleep = asyncio.sleep

    async def skip(delay: float) -> None:
        waits.append(delay)
        await sleep(0 if len(waits) < MOST_RETRIES else delay)

    monkeypatch.setattr(asyncio, "sleep", skip)
    return waits


async def test_port_reopens_after_an_error(
    quick_retries: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """A bus that fails is closed and opened again; each change is reported once."""
    caplog.set_level(logging.INFO, logger="custom_components")
    far = Recorder("a")
    async with far.opened() as port:
        _break(port)
        await far.until(lambda: len(far.changes) == 4)
        with other_node("a") as node:
            node.send(stamped(time.time()))
            await far.receives(1)
    assert far.statuses == [
        (PortStatus.OPENING, None),
        (PortStatus.OPEN, None),
        (PortStatus.LOST, PortFault.FAILED),
        (PortStatus.OPEN, None),
        (PortStatus.CLOSED, None),
    ]
    assert far.changes[2].detail == "Cannot operate on a closed bus"
    assert quick_retries == [1.0]
    logged = [each.levelname for each in caplog.records if each.name != "asyncio"]
    assert logged == ["WARNING", "INFO"]


async def test_port_is_silent_until_a_frame_is_received(
    quick_retries: list[float],
) -> None:
    """After each opening; a send that failed does not count as received."""
    far = Recorder("a")
    silent = [far.port.state.is_silent]
    assert not far.port.send(LIMITS)
    async with far.opened() as port:
        assert port.send(LIMITS)
        await far.sees_echoes(1)
        silent += [port.state.is_silent]
        with other_node("a") as node:
            node.send(stamped(time.time()))
            await far.receives(1)
        silent += [port.state.is_silent]
        _break(port)
        await far.until(lambda: len(far.changes) == 4)
        silent += [port.state.is_silent]
        with other_node("a") as node:
            node.send(can.Message(arbitration_id=0x40, is_error_frame=True))
            await far.receives(2)
        silent += [port.state.is_silent]
    assert silent == [False, True, False, True, False]
    assert not far.port.state.is_silent


async def test_send_on_a_dead_bus_loses_the_port(quick_retries: list[float]) -> None:
    """The sender gets it as a result, the others as a change of the port."""
    near = Recorder("a")
    async with near.opened() as port:
        _break(port)
        assert not port.send(LIMITS)
        assert port.state.status is PortStatus.LOST
        assert port.state.errors == 1
        assert not port.send(LIMITS)
        await near.becomes(PortStatus.OPEN)
    assert quick_retries == [1.0]


class _BrokenBus(VirtualLink):
    """A bus whose reading and sending fails when the test sets an error."""

    on_recv: Exception | None = None
    on_send: Exception | None = None
    reads = 0
    may_close = threading.Event()

    @override
    def recv(self, timeout: float | None = None) -> can.Message | None:
        type(self).reads += 1
        if self.on_recv:
            raise self.on_recv
        return super().recv(timeout)

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if self.on_send:
            raise self.on_send
        super().send(msg, timeout)

    @override
    def shutdown(self) -> None:
        self.may_close.wait(PATIENCE)
        super().shutdown()


@pytest.fixture
def broken_bus(monkeypatch: pytest.MonkeyPatch) -> type[_BrokenBus]:
    """Open buses that fail when the test sets an error."""

    class Broken(_BrokenBus):
        pass

    Broken.may_close.set()
    monkeypatch.setattr(backend, "VirtualLink", Broken)
    return Broken


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (can.CanOperationError("down", errno.ENETDOWN), PortFault.LINK_DOWN),
        (can.CanOperationError("gone", errno.ENODEV), PortFault.NO_SUCH_CHANNEL),
        (OSError(errno.ENXIO, "gone"), PortFault.NO_SUCH_CHANNEL),
        (OSError(errno.EACCES, "no"), PortFault.NO_PERMISSION),
        (OSError("odd"), PortFault.FAILED),
        (ValueError("t35x8"), PortFault.FAILED),
        (can.CanTimeoutError("late"), PortFault.FAILED),
        (AssertionError("one field only"), PortFault.FAILED),
    ],
    ids=repr,
)
async def test_error_while_reading_only_loses_the_port(
    broken_bus: type[_BrokenBus],
    quick_retries: list[float],
    error: Exception,
    fault: PortFault,
) -> None:
    """Nothing reaches the exception handler of the loop."""
    exceptions: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: exceptions.append(context)
    )
    far = Recorder("a")
    async with far.opened():
        broken_bus.on_recv = error
        wake_port("a")
        await far.until(lambda: (PortStatus.LOST, fault) in far.statuses)
        broken_bus.on_recv = None
        await far.becomes(PortStatus.OPEN)
    assert exceptions == []


@pytest.mark.parametrize(
    "error",
    [
        can.CanOperationError("Transmit buffer full"),
        can.CanOperationError("Failed to transmit", errno.ENOBUFS),
    ],
    ids=repr,
)
async def test_full_queue_does_not_lose_the_port(
    broken_bus: type[_BrokenBus], error: Exception
) -> None:
    """The link is up, only its peer is not: reading continues."""
    near = Recorder("a")
    async with near.opened() as port:
        broken_bus.on_send = error
        assert not port.send(LIMITS)
        assert port.state == PortState(status=PortStatus.OPEN, errors=1)
        broken_bus.on_send = None
        assert port.send(LIMITS)


async def test_failed_bus_is_not_read_again(broken_bus: type[_BrokenBus]) -> None:
    """Its descriptor stays readable until it is closed, which would keep a core busy."""
    broken_bus.may_close.clear()
    far = Recorder("a")
    async with far.opened() as port:
        broken_bus.on_recv = OSError("gone")
        broken_bus.reads = 0
        wake_port("a")
        await far.becomes(PortStatus.LOST, PortFault.FAILED)
        for _ in range(10):
            await asyncio.sleep(0)
        port.drain()
        assert broken_bus.reads == 1
        broken_bus.may_close.set()


async def test_retries_back_off_and_are_logged_once(
    socket_enabled: None,
    quick_retries: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A missing channel is tried less and less often, up to a bound."""
    caplog.set_level(logging.INFO)
    port = Recorder("bms-none", Interface.SOCKETCAN)
    async with port.running():
        await until(lambda: len(quick_retries) >= MOST_RETRIES)
        assert port.port.state.status is PortStatus.LOST
        assert port.port.state.detail
    assert quick_retries == [1.0, 2.0, 4.0, 5.0, 5.0, LONGEST_RETRY]
    assert [state.status for state in port.changes] == [
        PortStatus.OPENING,
        PortStatus.LOST,
        PortStatus.CLOSED,
    ]
    # The integration's warning; python-can has logged no error. asyncio may have logged
    # that the machine was busy.
    logged = [each.levelname for each in caplog.records if each.name != "asyncio"]
    assert logged == ["WARNING"]


async def test_backoff_starts_anew_after_the_port_was_open(
    broken_bus: type[_BrokenBus], quick_retries: list[float]
) -> None:
    """A link that worked is opened again quickly."""
    far = Recorder("a")
    async with far.opened() as port:
        for _ in range(2):
            _break(port)
            await far.becomes(PortStatus.LOST, PortFault.FAILED)
            await far.becomes(PortStatus.OPEN)
    assert quick_retries == [1.0, 1.0]


def _break(port: Port) -> None:
    """Make the bus fail as if it was closed, with python-can's own error."""
    assert port._reader
    bus = port._reader.bus
    assert isinstance(bus, VirtualLink)
    virtual.channels[bus.channel_id].remove(bus.queue)
    bus._open = False
    bus.queue.put(can.Message())
