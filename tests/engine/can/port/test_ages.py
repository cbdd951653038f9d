"""Ages of frames: from their time on the wire, whatever the clocks do."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.reader import wire_time

from ...ports import Recorder, other_node
from .frames import stamped


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
            node.send(stamped(5e8 - wall_age))
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
                node.send(stamped(5e8 + 1000 + 0.5 * number))
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
                node.send(stamped(5e8 + now))
                await far.receives(count)
                jump = 86400.0
    assert [frame.at for frame in far.frames] == [1001, 1001, 1002]
