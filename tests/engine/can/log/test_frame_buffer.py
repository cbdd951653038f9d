"""The last frames of a port, as python-can's reader of candump logs reads them."""

from io import StringIO

import can
from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.log.frame_buffer import (
    LENGTH,
    FrameBuffer,
    FrameStatistics,
)
from custom_components.bms_gateway.engine.model import Frame

from ...plant import Plant
from ...wires import MovedClock

FRAMES = st.builds(
    Frame,
    can_id=st.integers(0, 0x7FF),
    data=st.binary(max_size=8),
    at=st.floats(0, 1000),
)


def buffer_of(*frames: Frame, now: float = 1000.0) -> FrameBuffer:
    """Return a buffer while the wall clock shows 1 700 000 000 s."""
    frame_buffer = FrameBuffer(MovedClock(now), lambda: 1_700_000_000.0)
    for frame in frames:
        frame_buffer.on_frame(frame)
    return frame_buffer


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (Frame(0x351, bytes.fromhex("30020a00")), "351#30020A00"),
        (Frame(0x35E, b""), "35E#"),
        (Frame(0x001, b"\x01"), "001#01"),
        (Frame(0x18FF0001, b"\x01", extended=True), "18FF0001#01"),
        (Frame(0x305, remote=True), "305#R"),
        # Linux: the error flag and the class, here "the controller has a problem"
        (Frame(0x4, bytes(8), error=True), "20000004#0000000000000000"),
    ],
)
def test_a_frame_is_written_as_candump_writes_it(frame: Frame, text: str) -> None:
    """With its wall time, direction and link."""
    assert buffer_of(frame).lines("can0") == [f"(1699999000.000000) can0 {text} R"]


def test_own_frames_are_marked() -> None:
    """In the order in which they were on the wire."""
    frame_buffer = buffer_of(Frame(0x305, bytes(8), at=999.0))
    frame_buffer.on_echo(Frame(0x35E, b"PYLON   ", at=999.5))
    assert frame_buffer.lines("can0") == [
        "(1699999999.000000) can0 305#0000000000000000 R",
        "(1699999999.500000) can0 35E#50594C4F4E202020 T",
    ]


def test_hidden_data_is_zeros_of_the_same_length() -> None:
    """A battery's serial number is private."""
    lines = buffer_of(Frame(0x380, b"HV1234"), Frame(0x351, b"\x01")).lines(
        "can0", hidden={0x380}
    )
    assert [line.split()[2] for line in lines] == ["380#000000000000", "351#01"]


@given(st.lists(FRAMES, max_size=20))
def test_python_can_reads_it(frames: list[Frame]) -> None:
    """For any content of the frames."""
    text = "\n".join([*buffer_of(*frames).lines("can0"), ""])
    read = list(can.CanutilsLogReader(StringIO(text)))
    assert [(m.arbitration_id, bytes(m.data), m.is_rx) for m in read] == [
        (frame.can_id, frame.data, True) for frame in frames
    ]


def test_only_the_last_frames_are_kept() -> None:
    """However long it runs."""
    frame_buffer = buffer_of(
        *(Frame(n % 0x800, at=float(n)) for n in range(LENGTH + 50))
    )
    lines = frame_buffer.lines("can0")
    assert len(lines) == LENGTH
    assert f"{50:03X}#" in lines[0]


def test_statistics_are_kept_by_frame_id() -> None:
    """One late frame does not change the period."""
    late = [Frame(0x351, at=at) for at in (990.0, 991.0, 992.0, 995.0, 996.0)]
    frame_buffer = buffer_of(*late, Frame(0x35E, at=996.5))
    frame_buffer.on_echo(Frame(0x305, at=997.0))
    assert frame_buffer.statistics() == {
        "351": FrameStatistics(count=5, period=1.0, age=4.0),
        "35E": FrameStatistics(count=1, period=None, age=3.5),
        "305 T": FrameStatistics(count=1, period=None, age=3.0),
    }


def test_a_gateway_keeps_a_frame_buffer_of_every_port() -> None:
    """Of received frames and of those confirmed as sent."""
    plant = Plant().started()
    on_frame = plant.gateway.frame_buffers["b1"].statistics()
    on_echo = plant.gateway.frame_buffers["i1"].statistics()
    assert on_frame["351"].count > 3
    assert on_echo["351 T"].count > 3
    plant.apply(batteries=())
    assert set(plant.gateway.frame_buffers) == {"i1"}
