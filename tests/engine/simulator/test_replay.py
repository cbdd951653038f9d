"""Replay of a log in place of a battery: its frames, at its pace, and nothing else."""

from dataclasses import replace
from itertools import pairwise, repeat

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.log.candump import Logged
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.simulator import (
    Bms,
    Pack,
    Replay,
    SimulatedBattery,
    Simulator,
    UnfitLogError,
)
from custom_components.bms_gateway.engine.simulator.replay import LONGEST, MOST_AT_ONCE

from ..ports import Recorder

BEGAN = 1_700_000_000.0


def log(*times: float, can_id: int = 0x351) -> list[Logged]:
    """Return a log of frames, each holding its number."""
    return [
        Logged(Frame(can_id, bytes((k % 256,)), BEGAN + at), "can0")
        for k, at in enumerate(times)
    ]


def run(replay: Replay, begin: float, end: float) -> list[Frame]:
    """Step every 10 ms; return the frames that were due."""
    looks = range(round(begin * 100), round(end * 100) + 1)
    return [frame for k in looks for frame in replay.due(k / 100)]


def test_frames_keep_their_times() -> None:
    """Counted from the first, which comes at once."""
    replay = Replay(log(0.0, 0.02, 1.0))
    assert replay.next_at is None
    assert [frame.data[0] for frame in replay.due(50.0)] == [0]
    assert replay.due(50.01) == []
    assert [frame.data[0] for frame in replay.due(50.03)] == [1]
    assert replay.next_at == pytest.approx(51.0)
    assert replay.due(50.99) == []
    assert [frame.data[0] for frame in replay.due(51.01)] == [2]
    assert replay.over
    assert replay.due(99.0) == []


def test_a_loop_restarts_after_a_telegrams_pause() -> None:
    """A battery with one telegram per second continues with one per second."""
    replay = Replay(log(0.0, 0.1, 1.0, 1.1), loops=2)
    frames = run(replay, 10.0, 20.0)
    assert [frame.data[0] for frame in frames] == [0, 1, 2, 3, 0, 1, 2, 3]
    times = [frame.at - 10.0 for frame in frames]
    assert times == pytest.approx([0.0, 0.1, 1.0, 1.1, 2.0, 2.1, 2.9 + 0.1, 3.1])
    assert replay.over


def test_a_single_frame_comes_once_a_second() -> None:
    """It must not fill the bus."""
    assert len(run(Replay(log(0.0), loops=3), 0.0, 10.0)) == 3


def test_frames_of_the_logs_writer_are_left_out() -> None:
    """The gateway sends its own; error frames cannot be sent."""
    own = replace(log(0.5, can_id=0x305)[0], own=True)
    error = Logged(Frame(4, bytes(8), BEGAN, error=True), "can0")
    frames = run(Replay([*log(0.0), own, error, *log(1.0)]), 0.0, 2.0)
    assert [frame.can_id for frame in frames] == [0x351, 0x351]


def test_times_that_run_backwards_count_as_none() -> None:
    """The order of the log is kept."""
    frames = run(Replay(log(5.0, 0.0, 1.0)), 0.0, 2.0)
    assert [(frame.data[0], frame.at) for frame in frames] == [
        (0, 0.0),
        (1, 0.0),
        (2, pytest.approx(1.0)),
    ]


@pytest.mark.parametrize(
    ("unfit", "reason"),
    [
        ([], "no frame of another node"),
        ([replace(log(0.0)[0], own=True)], "no frame of another node"),
        ([*log(0.0), replace(log(1.0)[0], link="can1")], "frames of several links"),
        (log(0.0, LONGEST + 1), "longer than 24 hours"),
    ],
)
def test_an_unfit_log_is_rejected(unfit: list[Logged], reason: str) -> None:
    """Two batteries under one name would contradict each other."""
    with pytest.raises(UnfitLogError, match=reason):
        Replay(unfit)


def test_memory_is_bounded() -> None:
    """A log may come from anywhere; it is not read to its end."""
    with pytest.raises(UnfitLogError, match="more than 250000 frames"):
        Replay(repeat(log(0.0)[0]))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.integers(1, 3))
def test_every_frame_comes_once_a_loop(times: list[float], loops: int) -> None:
    """In order, never early, and never more at a time than a bus carries."""
    logged = log(*times)
    replay = Replay(logged, loops)
    found: list[Frame] = []
    now = 0.0
    for _ in range(10 * len(times) * loops + 10):
        frames = replay.due(now)
        assert len(frames) <= MOST_AT_ONCE
        assert all(frame.at <= now for frame in frames)
        found += frames
        if replay.next_at is None:
            break
        now = max(now, replay.next_at)
    assert replay.over
    assert [f.data for f in found] == [each.frame.data for each in logged] * loops
    assert all(a.at <= b.at for a, b in pairwise(found))


def battery(name: str) -> SimulatedBattery:
    """Return a battery that sends once per second."""
    bms = Bms(max_charge=50, max_discharge=100)
    return SimulatedBattery(name, Pack(capacity_ah=100), bms)


def test_the_replaced_device_is_silent_meanwhile() -> None:
    """It sends again after the end; others do all the time."""
    port = PortConfig(Interface.VIRTUAL, "a")
    simulator = Simulator([battery("a"), battery("b")], [], ports={"a": port})
    simulator.step(0.0)
    simulator.replay("a", Replay(log(0.0, 1.0, 2.0, can_id=0x123)))
    assert simulator.replaying == {"a"}
    due = [one for k in range(1, 26) for one in simulator.step(k / 10)]
    assert [frame.can_id for name, frame in due if name == "a"] == [0x123] * 3
    assert any(name == "b" for name, _ in due)
    assert simulator.replaying == frozenset()
    later = [one for k in range(26, 61) for one in simulator.step(k / 10)]
    assert {frame.can_id for name, frame in later if name == "a"} >= {0x351, 0x356}


def test_only_a_device_with_a_port_can_be_replaced() -> None:
    """There is nowhere else to send the log."""
    simulator = Simulator([battery("a")], [])
    with pytest.raises(KeyError):
        simulator.replay("a", Replay(log(0.0)))


async def test_a_log_is_replayed_on_a_port() -> None:
    """29-bit and remote frames, too, with the times of the log."""
    port = PortConfig(Interface.VIRTUAL, "replay")
    simulator = Simulator([battery("a")], [], ports={"a": port})
    listener = Recorder("replay")
    logged = [
        Logged(Frame(0x18FF0001, b"\x01", BEGAN, extended=True), "can0"),
        Logged(Frame(0x305, at=BEGAN + 0.01, remote=True), "can0"),
        Logged(Frame(0x7AB, b"\x02", BEGAN + 0.02), "can0"),
    ]
    async with listener.opened():
        # The port is not open yet: nothing may be lost
        simulator.replay("a", Replay(logged))
        await simulator.start()
        await listener.until(lambda: any(f.can_id == 0x7AB for f in listener.frames))
        await simulator.stop()
    ours = {0x18FF0001, 0x305, 0x7AB}
    assert [
        (frame.can_id, frame.data, frame.extended, frame.remote)
        for frame in listener.frames
        if frame.can_id in ours
    ] == [
        (0x18FF0001, b"\x01", True, False),
        (0x305, b"", False, True),
        (0x7AB, b"\x02", False, False),
    ]
