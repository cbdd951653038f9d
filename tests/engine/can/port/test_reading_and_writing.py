"""Frames that a port reads and writes: of every kind, in order, with their echoes."""

import asyncio

import can
import pytest

from custom_components.bms_gateway.engine.can.port import Port
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import Frame, PortState, PortStatus

from ....waiting import until
from ...ports import Recorder, content, other_node
from .frames import LIMITS

NAME = Frame(0x35E, b"PYLON   ")


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
