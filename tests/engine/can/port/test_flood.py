"""A flooded bus: read in many turns of the loop, each frame with its age."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from custom_components.bms_gateway.engine.can.port import Port
from custom_components.bms_gateway.engine.can.reader import READING

from ...ports import Recorder, other_node
from ...wires import MovedClock
from .frames import stamped

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
                    node.send(stamped(WALL + at, number))
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
                node.send(stamped(WALL + flooded.clock.now, number))
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
