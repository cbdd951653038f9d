"""A port on the kernel's CAN links."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
import errno
import logging
from pathlib import Path
import socket
import time

import can
from can.interfaces.socketcan import socketcan
import pytest

from custom_components.bms_gateway.engine.can import (
    port as port_module,
    socketcan as socketcan_bus,
)
from custom_components.bms_gateway.engine.can.bus import is_full
from custom_components.bms_gateway.engine.can.interface.state import read_link
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import (
    Clock,
    Frame,
    PortFault,
    PortStatus,
)
from tests.engine.ports import Recorder, content, one_clock, other_node, probe
from tests.waiting import until

from .adapter import plugged
from .conftest import Link, LinkFactory

pytestmark = pytest.mark.socketcan

SOCKETCAN = Interface.SOCKETCAN
LIMITS = Frame(0x351, bytes(range(8)))
NAME = Frame(0x35E, b"PYLON   ")


@pytest.fixture(autouse=True)
async def nothing_amiss(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Check that no error was logged or reached the loop, and no descriptor is left."""
    exceptions: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: exceptions.append(context))
    before = _descriptors()
    yield
    await loop.shutdown_default_executor()
    # A bus whose opening was cancelled is closed now
    await until(lambda: _descriptors() == before, lambda: f"{before} descriptors")
    assert exceptions == []
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try often to reopen a link."""
    monkeypatch.setattr(port_module, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(port_module, "LONGEST_RETRY", 0.02)


# Opening


async def test_link_that_vanishes_while_it_is_opened_leaves_no_socket(
    can_link: LinkFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """python-can leaves it to garbage collection."""
    link = can_link()
    opened: list[socket.socket] = []

    def gone(sock: socket.socket, channel: str) -> None:
        opened.append(sock)
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(socketcan, "bind_socket", gone)
    port = Recorder(link.name, SOCKETCAN)
    async with port.running():
        await port.becomes(PortStatus.LOST, PortFault.NO_SUCH_CHANNEL)
    assert [sock.fileno() for sock in opened] == [-1]
    caplog.clear()  # python-can's own error


# Reading and writing


async def test_only_own_frames_are_echoes(can_link: LinkFactory) -> None:
    """Frames of other programs on this machine are not."""
    link = can_link()
    near, far = _recorder(link), _recorder(link)
    async with near.opened() as port, far.opened():
        assert port.send(LIMITS)
        await near.sees_echoes(1)
        await far.receives(1)
    assert [content(frame) for frame in near.echoes] == [content(LIMITS)]
    assert [content(frame) for frame in far.frames] == [content(LIMITS)]
    assert near.frames == far.echoes == []


async def test_echo_of_a_virtual_link_is_proof(can_link: LinkFactory) -> None:
    """It has no hardware that could hold a frame back."""
    async with _recorder(can_link()).opened() as port:
        assert port.has_echo
        assert port.echo_is_proof


async def test_timer_after_a_blocked_loop_sees_how_far_was_read(
    can_link: LinkFactory,
) -> None:
    """It may be due before all frames are read: the others came after `read_until`."""
    link = can_link()
    far = _recorder(link)
    loop = asyncio.get_running_loop()
    seen = loop.create_future()
    async with far.opened() as port:
        with other_node(link.name, SOCKETCAN) as node:
            _send(node, 200)
            loop.call_later(
                0, lambda: seen.set_result((len(far.frames), port.read_until))
            )
            count, until = await seen
            await far.receives(200)
    assert count > 0
    assert all(frame.at >= until for frame in far.frames[count:])
    assert [frame.can_id for frame in far.frames] == list(range(200))


async def test_frames_keep_their_age_while_the_loop_is_blocked(
    can_link: LinkFactory,
) -> None:
    """Frames read 7 s late are 7 s old, by the kernel's stamps."""
    link = can_link()
    late = 0.0
    far = _recorder(link, late=lambda: late)
    async with far.opened() as port:
        with other_node(link.name, SOCKETCAN) as node:
            port.drain()
            before = time.time()
            _send(node, 12)
            after = time.time()
        late = 7.0
        await far.receives(12)
    assert all(before <= frame.at <= after for frame in far.frames)


async def test_error_frame_of_the_controller_is_counted_as_an_error(
    quick_retries: None,
) -> None:
    """An adapter reports a missing acknowledgement (CAN_ERR_ACK, 0x20)."""
    with plugged() as adapter:
        far = Recorder(adapter.name, SOCKETCAN)
        async with far.opened() as port:
            adapter.send("e1a")
            await far.receives(1)
            adapter.send("t35110A")
            await far.receives(2)
    assert far.frames[0].error
    assert far.frames[0].can_id & 0x20
    assert content(far.frames[1]) == (0x351, b"\x0a")
    assert (port.state.received, port.state.errors) == (1, 1)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x305, bytes(8)),
        Frame(0x35C, b"\xc0\x01"),
        Frame(0x7FF),
        Frame(0x18A2FF80, b"\x01", extended=True),
        Frame(0x351, remote=True),
    ],
)
async def test_every_kind_of_frame_is_sent_unchanged(
    can_link: LinkFactory, frame: Frame
) -> None:
    """With identifier, length, data and flags."""
    link = can_link()
    near, far = _recorder(link), _recorder(link)
    async with near.opened() as port, far.opened():
        assert port.send(frame)
        await far.receives(1)
        await near.sees_echoes(1)
    for seen in (far.frames[0], near.echoes[0]):
        assert replace(seen, at=0.0) == frame


# Losing and coming back


async def test_port_reopens_when_the_link_comes_up(
    can_link: LinkFactory, quick_retries: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Loss and return are logged once each."""
    caplog.set_level(logging.INFO, logger="custom_components")
    link = can_link()
    near = _recorder(link)
    async with near.opened() as port:
        link.down()
        await near.becomes(PortStatus.LOST, PortFault.LINK_DOWN)
        assert not port.send(LIMITS)
        link.up()
        await near.becomes(PortStatus.OPEN)
        assert port.send(LIMITS)
        await near.sees_echoes(1)
    ours = [r for r in caplog.records if r.name.startswith("custom_components")]
    assert [r.levelname for r in ours] == ["WARNING", "INFO"]


async def test_port_reopens_when_the_link_is_created_again(
    can_link: LinkFactory, quick_retries: None
) -> None:
    """Its socket is replaced, as after an adapter was unplugged."""
    link = can_link()
    near, far = _recorder(link), _recorder(link)
    async with near.opened() as port, far.opened():
        link.delete()
        await near.becomes(PortStatus.LOST, PortFault.NO_SUCH_CHANNEL)
        link.create()
        await near.becomes(PortStatus.LOST, PortFault.LINK_DOWN)
        link.up()
        await near.becomes(PortStatus.OPEN)
        await far.becomes(PortStatus.OPEN)
        assert port.send(LIMITS)
        await far.receives(1)


async def test_send_on_a_removed_link_loses_the_port(
    can_link: LinkFactory, quick_retries: None
) -> None:
    """The sender may be the first to notice."""
    link = can_link()
    near = _recorder(link)
    async with near.opened() as port:
        link.delete()
        assert not port.send(LIMITS)
        assert port.state.fault is PortFault.NO_SUCH_CHANNEL


async def test_drain_on_a_link_that_is_down_loses_the_port(
    can_link: LinkFactory, quick_retries: None
) -> None:
    """It raises nothing, and the loop does not read the socket again."""
    link = can_link()
    far = _recorder(link)
    async with far.opened() as port:
        link.down()
        port.drain()
        assert port.state.fault is PortFault.LINK_DOWN


async def test_unplugged_adapter_loses_the_port(quick_retries: None) -> None:
    """The link is removed with its adapter."""
    with plugged() as adapter:
        near = Recorder(adapter.name, SOCKETCAN)
        async with near.running():
            await near.becomes(PortStatus.OPEN)
            adapter.unplug()
            await near.becomes(PortStatus.LOST, PortFault.NO_SUCH_CHANNEL)


# A peer that takes nothing


async def test_full_queue_refuses_frames_and_keeps_the_port_open(
    quick_retries: None,
) -> None:
    """Queued frames are sent later, however old; no echo comes before."""
    with plugged() as adapter:
        near = Recorder(adapter.name, SOCKETCAN)
        async with near.opened() as port:
            queued = 0
            while port.send(Frame(queued)):
                queued += 1
            # One in the driver, one about to enter it, ten in the queue
            assert queued == 12
            assert (port.state.status, port.state.errors) == (PortStatus.OPEN, 1)
            await _turn_loop()
            port.drain()
            assert near.echoes == []
            await adapter.takes(12)
            await near.sees_echoes(12)
            assert port.send(NAME)
            await adapter.takes(13)
            await near.sees_echoes(13)
    assert [int(line[1:4], 16) for line in adapter.received] == [*range(12), 0x35E]
    assert [frame.can_id for frame in near.echoes] == [*range(12), 0x35E]


async def test_second_frame_has_no_echo_on_an_slcan_link_without_peer(
    quick_retries: None,
) -> None:
    """The echo of the first proves only that the driver has it."""
    with plugged() as adapter:
        near = Recorder(adapter.name, SOCKETCAN)
        async with near.opened() as port:
            assert not port.echo_is_proof
            assert port.send(NAME)
            assert port.send(NAME)
            await _turn_loop()
            port.drain()
            assert near.echoes == []
            await adapter.takes(2)
            await near.sees_echoes(2)


async def test_port_closes_while_echoes_are_withheld(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The test helpers would report a timer that is left."""
    monkeypatch.setattr(socketcan_bus, "ECHO_RECHECK", 3600)
    with plugged() as adapter:
        near = Recorder(adapter.name, SOCKETCAN)
        async with near.opened() as port:
            assert port.send(NAME)
            assert port.send(NAME)
            port.drain()
        assert near.echoes == []


# Opening


async def test_port_waits_for_a_missing_link(quick_retries: None) -> None:
    """python-can logs no error meanwhile."""
    link = Link()
    near = _recorder(link)
    async with near.running():
        await near.becomes(PortStatus.LOST, PortFault.NO_SUCH_CHANNEL)
        link.create()
        await near.becomes(PortStatus.LOST, PortFault.LINK_DOWN)
        link.up()
        await near.becomes(PortStatus.OPEN)
    link.delete()


async def test_faults_of_opening_are_distinguished(can_link: LinkFactory) -> None:
    """Each mistake of a user has its own fault."""
    link = can_link()
    assert await probe(PortConfig(SOCKETCAN, link.name)) is None
    link.down()
    assert await probe(PortConfig(SOCKETCAN, link.name)) is PortFault.LINK_DOWN
    for name in ("bms-none", "lo", "", "a-name-of-17-char", "a\0b", "ü"):
        assert await probe(PortConfig(SOCKETCAN, name)) is PortFault.NO_SUCH_CHANNEL


async def test_bitrate_has_to_be_that_of_the_link() -> None:
    """A wrong bitrate would disturb the bus: the port stays closed."""
    with plugged(bitrate=250_000) as adapter:
        assert read_link(adapter.name).bitrate == 250_000
        right = PortConfig(SOCKETCAN, adapter.name, 250_000)
        wrong = PortConfig(SOCKETCAN, adapter.name, 500_000)
        assert await probe(right) is None
        assert await probe(wrong) is PortFault.WRONG_BITRATE


async def test_link_without_bitrate_opens_with_any(can_link: LinkFactory) -> None:
    """A virtual link has none."""
    link = can_link()
    assert read_link(link.name).bitrate is None
    assert await probe(PortConfig(SOCKETCAN, link.name, 250_000)) is None


async def test_no_variable_changes_how_a_port_opens(
    can_link: LinkFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are settings for other programs: here, that others receive nothing."""
    link = can_link()
    monkeypatch.setenv("CAN_INTERFACE", "virtual")
    monkeypatch.setenv("CAN_CHANNEL", "vcan-other")
    monkeypatch.setenv("CAN_CONFIG", '{"local_loopback": false}')
    near, far = _recorder(link), _recorder(link)
    async with near.opened() as port, far.opened():
        assert port.send(LIMITS)
        await far.receives(1)


async def test_cancelled_opening_leaves_no_socket(can_link: LinkFactory) -> None:
    """However early the port is cancelled."""
    link = can_link()
    for turns in range(8):
        async with _recorder(link).running():
            for _ in range(turns):
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOBUFS, "the link's queue"), True),
        (OSError(errno.EAGAIN, "the socket's buffer"), True),
        (can.CanOperationError("Transmit buffer full"), True),
        (OSError(errno.ENETDOWN, "the link"), False),
    ],
)
def test_errors_of_a_full_queue_are_recognised(error: Exception, full: bool) -> None:
    """The port stays open then; python-can has an error of its own."""
    assert is_full(error) is full


def _recorder(link: Link, *, late: Clock = lambda: 0.0) -> Recorder:
    """Record a port on the link, whose clocks run late by `late` seconds."""
    clock, wall = one_clock(late)
    return Recorder(link.name, SOCKETCAN, clock=clock, wall=wall)


def _send(node: can.BusABC, count: int) -> None:
    for number in range(count):
        node.send(can.Message(arbitration_id=number, is_extended_id=False))


async def _turn_loop() -> None:
    """Run enough turns of the loop to poll every descriptor."""
    for _ in range(3):
        await asyncio.sleep(0)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
