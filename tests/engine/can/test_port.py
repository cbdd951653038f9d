"""A port over python-can's virtual interface: reading, sending, losing, reopening."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
import errno
import gc
from itertools import pairwise
import logging
from pathlib import Path
import threading
import time
from typing import override

import can
from can.interfaces import virtual
from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can import backend
from custom_components.bms_gateway.engine.can.port import LONGEST_RETRY, Port
from custom_components.bms_gateway.engine.can.reader import READING, wire_time
from custom_components.bms_gateway.engine.can.virtual import VirtualLink
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import (
    Frame,
    PortFault,
    PortState,
    PortStatus,
)

from ...waiting import PATIENCE, until
from ..ports import Recorder, content, other_node, probe
from ..wires import MovedClock

LIMITS = Frame(0x351, bytes(range(8)))
NAME = Frame(0x35E, b"PYLON   ")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Leave no open bus and no reader thread behind."""
    yield
    assert not virtual.channels
    assert not [t for t in threading.enumerate() if t.name.startswith("Notifier")]


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


# Reading and writing


async def test_frame_reaches_the_other_port_in_order() -> None:
    """Frames of one port reach the other, in order and unchanged."""
    near, far = Recorder("a"), Recorder("a")
    sent = [Frame(0x350 + n, bytes(range(n))) for n in range(9)]
    async with near.opened() as port, far.opened():
        for frame in sent:
            assert port.send(frame)
        await far.receives(9)
    assert [content(frame) for frame in far.frames] == [content(f) for f in sent]
    assert (port.state.sent, far.port.state.received) == (9, 9)


async def test_own_frame_is_an_echo_and_no_frame() -> None:
    """The sender sees that its frame left, and does not take it for a battery's."""
    near = Recorder("a")
    async with near.opened() as port:
        port.send(LIMITS)
        await near.sees_echoes(1)
    assert content(near.echoes[0]) == content(LIMITS)
    assert near.frames == []
    assert port.state.received == 0
    assert port.has_echo
    assert port.echo_is_proof


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        ({"is_extended_id": True}, Frame(0x351, b"\1", extended=True)),
        ({"is_extended_id": False}, Frame(0x351, b"\1")),
        ({"is_extended_id": False, "is_remote_frame": True}, Frame(0x351, remote=True)),
    ],
    ids=["29 bit", "11 bit", "remote"],
)
async def test_kinds_of_frames_are_distinguished(
    message: dict[str, bool], frame: Frame
) -> None:
    """Only an 11-bit data frame may look like one."""
    far = Recorder("a", clock=lambda: 0.0)
    async with far.opened():
        with other_node("a") as node:
            data = b"" if frame.remote else b"\1"
            node.send(can.Message(arbitration_id=0x351, data=data, **message))
        await far.receives(1)
    assert far.frames == [frame]


async def test_port_sends_every_kind_of_frame() -> None:
    """The flags of a frame are sent unchanged."""
    near, far = Recorder("a"), Recorder("a")
    sent = [
        Frame(0x305, bytes(8)),
        Frame(0x12345678, b"\1", extended=True),
        Frame(0x305, remote=True),
    ]
    async with near.opened() as port, far.opened():
        for frame in sent:
            port.send(frame)
        await far.receives(3)
    received = [(*content(f), f.extended, f.remote) for f in far.frames]
    assert received == [(*content(f), f.extended, f.remote) for f in sent]


async def test_error_frame_is_passed_on_but_not_counted_as_received() -> None:
    """It reports bus-off, and is not counted as a received frame."""
    far = Recorder("a")
    async with far.opened() as port:
        with other_node("a") as node:
            node.send(
                can.Message(
                    arbitration_id=0x40, is_error_frame=True, is_extended_id=False
                )
            )
        await far.receives(1)
    assert far.frames[0].error
    assert far.frames[0].can_id == 0x40
    assert not far.frames[0].standard
    assert (port.state.received, port.state.errors) == (0, 1)


async def test_send_before_the_port_is_open_is_refused_and_counted() -> None:
    """It is not kept for later."""
    near, far = Recorder("a"), Recorder("a")
    assert not near.port.send(LIMITS)
    near.port.drain()
    assert near.port.state == PortState(errors=1)
    async with far.opened(), near.opened() as port:
        port.send(NAME)
        await far.receives(1)
    assert [content(frame) for frame in far.frames] == [content(NAME)]


async def test_drain_from_a_callback_keeps_the_order() -> None:
    """A callback that drains is not called again before it returns."""
    received: list[int] = []
    done = asyncio.Event()

    def on_frame(frame: Frame) -> None:
        port.drain()
        received.append(frame.can_id)
        if len(received) == 500:
            done.set()

    port = Port(
        PortConfig(Interface.VIRTUAL, "a"),
        on_frame=on_frame,
        on_echo=lambda _: None,
        on_change=lambda _: opened.set(),
    )
    opened = asyncio.Event()
    task = asyncio.create_task(port.run())
    while port.state.status is not PortStatus.OPEN:
        await opened.wait()
        opened.clear()
    with other_node("a") as node:
        for number in range(500):
            node.send(can.Message(arbitration_id=number, is_extended_id=False))
        await until(done.is_set, news=done)
    task.cancel()
    await asyncio.wait([task])
    assert received == list(range(500))


# Ages


@pytest.mark.parametrize(
    ("wall_age", "since_drain", "age"),
    [(0.0, 10, 0), (3, 10, 3), (10, 10, 10), (3600, 10, 10), (-3600, 10, 0), (5, 0, 0)],
    ids=[
        "now",
        "waited",
        "at the drain",
        "clock forward",
        "clock back",
        "just drained",
    ],
)
async def test_age_is_counted_from_the_time_on_the_wire(
    wall_age: float, since_drain: float, age: float
) -> None:
    """The kernel's time stamp gives the age, bounded by the time when nothing waited."""
    now = 1000.0
    far = Recorder("a", clock=lambda: now, wall=lambda: 5e8)
    async with far.opened() as port:
        port.drain()
        now += since_drain
        with other_node("a") as node:
            node.send(_stamped(5e8 - wall_age))
        await far.receives(1)
    assert far.frames[0].at == now - age


@given(
    timestamp=st.floats(-1e12, 1e12),
    wall=st.floats(-1e12, 1e12),
    drained=st.floats(0, 1e6),
    since=st.floats(0, 1e6),
)
def test_age_stays_within_what_is_possible(
    timestamp: float, wall: float, drained: float, since: float
) -> None:
    """However the wall clock jumps: not in the future, not before the last drain."""
    now = drained + since
    at = wire_time(wall - timestamp, now, drained)
    assert at <= now
    assert at == pytest.approx(drained, abs=1e-6) or at > drained


async def test_frames_keep_their_age_after_the_loop_was_blocked() -> None:
    """One drain then dispatches all frames, each with its real age."""
    now = 1000.0
    far = Recorder("a", clock=lambda: now, wall=lambda: 5e8 + now)
    async with far.opened() as port:
        with other_node("a") as node:
            for number in range(12):
                node.send(_stamped(5e8 + 1000 + 0.5 * number))
            # No await: the loop is blocked
            assert far.frames == []
            now += 7.0
            port.drain()
    assert [frame.at for frame in far.frames] == [1000 + 0.5 * n for n in range(12)]


async def test_frames_after_a_drain_are_younger_than_the_drain() -> None:
    """A clock that jumps between frames adds at most the time since the last drain."""
    now, jump = 1000.0, 0.0
    far = Recorder("a", clock=lambda: now, wall=lambda: 5e8 + now + jump)
    async with far.opened():
        with other_node("a") as node:
            for count in (1, 2, 3):
                now += 1.0
                node.send(_stamped(5e8 + now))
                await far.receives(count)
                jump = 86400.0
    assert [frame.at for frame in far.frames] == [1001, 1001, 1002]


# A flooded bus


FLOOD = 100
"""Frames."""
IN_A_TURN = 8
"""Frames that fit into a turn of the loop."""
SPACING = 2**-5
"""Seconds between two of them on the wire."""
WALL = 2.0**29
"""A wall clock time in 1987, without fractions of a second."""


class Flooded:
    """A port with many frames, each of which takes time to be read."""

    def __init__(self) -> None:
        """Start with clocks that agree."""
        self.clock = MovedClock()
        self.jump = 0.0
        """Seconds by which the wall clock was set forward after they were sent."""
        self.recorder = Recorder(
            "a",
            clock=self.clock,
            wall=lambda: WALL + self.clock.now + self.jump,
            each=self._take_time,
        )
        self.sent_at = [self.clock.now + SPACING * n for n in range(FLOOD)]

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[Port]:
        """Open the port with all frames waiting, as after the loop was blocked."""
        async with self.recorder.opened() as port:
            with other_node("a") as node:
                for number, at in enumerate(self.sent_at):
                    node.send(_stamped(WALL + at, number))
            self.clock.now = self.sent_at[-1] + 1
            yield port

    @property
    def received(self) -> list[int]:
        """The numbers of the frames that were dispatched."""
        return [frame.can_id for frame in self.recorder.frames]

    def _take_time(self) -> None:
        self.clock.now += READING / IN_A_TURN


async def test_flood_is_read_in_many_turns_of_the_loop() -> None:
    """In order, a few at a time, however often the port is drained in between."""
    flooded = Flooded()
    async with flooded.waiting() as port:
        counts = [0]
        while counts[-1] < FLOOD:
            for _ in range(3):
                port.drain()
            counts.append(len(flooded.received))
            await asyncio.sleep(0)
    assert flooded.received == list(range(FLOOD))
    assert all(after - before <= IN_A_TURN + 1 for before, after in pairwise(counts))
    assert len(counts) > FLOOD / (IN_A_TURN + 1)


async def test_rest_of_a_flood_is_read_without_another_drain() -> None:
    """The next turns of the loop read it."""
    flooded = Flooded()
    async with flooded.waiting():
        await flooded.recorder.receives(FLOOD)
    assert flooded.received == list(range(FLOOD))


async def test_flood_is_read_for_as_long_as_other_callbacks_took() -> None:
    """In a slow loop a bus is read as fast as frames come; otherwise the budget holds."""
    flooded = Flooded()
    async with flooded.waiting() as port:
        port.drain()
        assert len(flooded.received) <= IN_A_TURN + 1
        flooded.clock.now += 1.0
        await asyncio.sleep(0)
        assert len(flooded.received) == FLOOD
        with other_node("a") as node:
            for number in range(FLOOD):
                node.send(_stamped(WALL + flooded.clock.now, number))
        port.drain()
        assert len(flooded.received) <= FLOOD + IN_A_TURN + 1


async def test_frames_of_a_flood_keep_their_age() -> None:
    """However many turns of the loop it takes to read them."""
    flooded = Flooded()
    async with flooded.waiting():
        await flooded.recorder.receives(FLOOD)
    assert [frame.at for frame in flooded.recorder.frames] == pytest.approx(
        flooded.sent_at, abs=1e-6
    )


async def test_read_until_is_the_time_of_the_last_frame_read() -> None:
    """Once nothing waits, it is the present time."""
    flooded = Flooded()
    async with flooded.waiting() as port:
        port.drain()
        last = flooded.received[-1]
        assert last < FLOOD - 1
        assert port.read_until == pytest.approx(flooded.sent_at[last], abs=1e-6)
        await flooded.recorder.receives(FLOOD)
        await asyncio.sleep(0)
        port.drain()
        assert port.read_until == flooded.clock.now
    flooded.clock.now += 1
    assert port.read_until == flooded.clock.now


@pytest.mark.parametrize("jump", [3600.0, -3600.0], ids=["forward", "back"])
async def test_read_until_does_not_jump_with_the_wall_clock(jump: float) -> None:
    """The frames that still wait may be the important ones."""
    flooded = Flooded()
    async with flooded.waiting() as port:
        flooded.jump = jump
        port.drain()
        while len(flooded.received) < FLOOD:
            assert port.read_until <= flooded.sent_at[0]
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        port.drain()
        assert port.read_until == flooded.clock.now


# Losing and coming back


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
            node.send(_stamped(time.time()))
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
            node.send(_stamped(time.time()))
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
        _wake("a")
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
        _wake("a")
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


# The end


async def test_backoff_does_not_delay_the_end(socket_enabled: None) -> None:
    """A port that waits for its next attempt closes at once."""
    port = Recorder("bms-none", Interface.SOCKETCAN)
    async with port.running():
        await port.until(lambda: port.port.state.status is PortStatus.LOST)
    assert port.port.state == PortState()


async def test_port_opens_again_after_its_end() -> None:
    """It continues its counters."""
    near = Recorder("a")
    for _ in range(2):
        near.echoes.clear()
        async with near.opened() as port:
            port.send(LIMITS)
            await near.sees_echoes(1)
    assert port.state == PortState(sent=2)


async def test_cancelled_opening_leaves_no_open_bus(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bus that opens too late is closed at once, and not in the loop.

    The kernel may block for a second while a driver is busy with its adapter.
    """
    opening, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    closers: list[threading.Thread] = []

    class Slow(VirtualLink):
        def __init__(self, channel: str) -> None:
            opening.set()
            go_on.wait(PATIENCE)
            super().__init__(channel)

        @override
        def shutdown(self) -> None:
            super().shutdown()
            closers.append(threading.current_thread())
            closed.set()

    monkeypatch.setattr(backend, "VirtualLink", Slow)
    near = Recorder("a")
    async with near.running():
        assert await asyncio.to_thread(opening.wait, PATIENCE)
    assert near.port.state.status is PortStatus.CLOSED
    assert not closed.is_set()
    go_on.set()
    assert await asyncio.to_thread(closed.wait, PATIENCE)
    assert threading.current_thread() not in closers
    # python-can closes a bus that is garbage-collected open, with a warning
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_cancelled_opening_that_fails_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even by asyncio, as an exception that was never retrieved."""
    opening, go_on = threading.Event(), threading.Event()

    class Failing(VirtualLink):
        def __init__(self, channel: str) -> None:
            opening.set()
            go_on.wait(PATIENCE)
            raise can.CanInitializationError("gone meanwhile")

    monkeypatch.setattr(backend, "VirtualLink", Failing)
    async with Recorder("a").running():
        assert await asyncio.to_thread(opening.wait, PATIENCE)
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    gc.collect()
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_port_that_is_cancelled_while_it_closes_a_lost_bus_closes_it_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long that takes: otherwise the bus would stay open."""
    closing, go_on = threading.Event(), threading.Event()

    class SlowToClose(VirtualLink):
        @override
        def recv(self, timeout: float | None = None) -> can.Message | None:
            raise OSError("gone")

        @override
        def shutdown(self) -> None:
            closing.set()
            go_on.wait(PATIENCE)
            super().shutdown()

    monkeypatch.setattr(backend, "VirtualLink", SlowToClose)
    near = Recorder("a")
    task = asyncio.create_task(near.port.run())
    await near.becomes(PortStatus.OPEN)
    _wake("a")
    assert await asyncio.to_thread(closing.wait, PATIENCE)
    task.cancel()
    for _ in range(3):  # turns of the loop, in which it would end
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not virtual.channels


# Opening


async def test_no_variable_or_file_changes_how_a_port_opens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are settings for other programs that use python-can."""
    monkeypatch.setenv("CAN_INTERFACE", "socketcan")
    monkeypatch.setenv("CAN_CHANNEL", "b")
    monkeypatch.setenv("CAN_CONFIG", '{"rx_queue_size": 1, "can_filters": "none"}')
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".canrc").write_text("[default]\nfd = True\nrx_queue_size = 1\n")
    near = Recorder("a")
    async with near.opened() as port:
        assert list(virtual.channels) == ["a"]
        assert port._reader
        assert isinstance(port._reader.bus, virtual.VirtualBus)
        assert port._reader.bus.queue.maxsize == 0


async def test_probe_finds_nothing_wrong() -> None:
    """A channel that opens has no fault, is closed again, and nothing was sent."""
    far = Recorder("a")
    async with far.opened() as port:
        assert await probe(PortConfig(Interface.VIRTUAL, "a")) is None
        port.drain()
        assert len(virtual.channels["a"]) == 1
    assert far.frames == []


async def test_probe_returns_the_fault(socket_enabled: None) -> None:
    """There is no such link, or no CAN in this kernel."""
    fault = await probe(PortConfig(Interface.SOCKETCAN, "bms-none"))
    assert fault in {PortFault.NO_SUCH_CHANNEL, PortFault.NOT_SUPPORTED}


def _stamped(timestamp: float, can_id: int = 0x351) -> can.Message:
    return can.Message(timestamp=timestamp, arbitration_id=can_id, is_extended_id=False)


def _break(port: Port) -> None:
    """Make the bus fail as if it was closed, with python-can's own error."""
    assert port._reader
    bus = port._reader.bus
    assert isinstance(bus, VirtualLink)
    virtual.channels[bus.channel_id].remove(bus.queue)
    bus._open = False
    bus.queue.put(can.Message())


def _wake(channel: str) -> None:
    """Send a frame, so that a failed bus is read."""
    with other_node(channel) as node:
        node.send(can.Message())
