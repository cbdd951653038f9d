"""LAWICEL's lines: frames are found among any bytes, and none is invented."""

from dataclasses import replace
from itertools import pairwise

import can
from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.bus import as_message
from custom_components.bms_gateway.engine.can.error_frames import observe
from custom_components.bms_gateway.engine.can.slcan.codec import (
    Answer,
    Lines,
    encode,
    parse,
)
from custom_components.bms_gateway.engine.model import (
    NO_CONTROLLER,
    BusState,
    Controller,
    Frame,
)

# LAWICEL CANUSB manual 1.0, commands t, T, r, R: kind, ID, number of bytes, bytes, CR;
# with the command Z1 four digits of a time stamp (ms) follow the bytes.
FRAMES = [
    (b"t35180102030405060708\r", Frame(0x351, bytes(range(1, 9)))),
    (b"t3510\r", Frame(0x351)),
    (b"t7FF1ab1F3c\r", Frame(0x7FF, b"\xab")),
    (b"T1FFFFFFF10A\r", Frame(0x1FFFFFFF, b"\x0a", extended=True)),
    (b"r3518\r", Frame(0x351, remote=True)),
    (b"R000003050\r", Frame(0x305, extended=True, remote=True)),
    (b"\nt3510\r", Frame(0x351)),
]
NO_FRAMES = [
    b"t35x8\r",
    b"t3518\r",
    b"t351801020304050607\r",
    b"t3518010203040506070\r",
    b"t3519010203040506070809\r",
    b"t8000\r",
    b"T200000000\r",
    b"t+110\r",
    b"t3_10\r",
    b"t 110\r",
    b"t351100_1\r",
    b"\xfft3510\r",
    b"t351\xff0\r",
    b"r351801\r",
    b"t\r",
    b"V1013\r",
    b"F00\r",
]

frames = st.builds(
    Frame,
    st.integers(0, 0x7FF),
    st.binary(max_size=8),
) | st.builds(
    Frame, st.integers(0, 0x1FFFFFFF), st.binary(max_size=8), extended=st.just(True)
)


@pytest.mark.parametrize(("line", "frame"), FRAMES)
def test_line_is_read_as_its_frame(line: bytes, frame: Frame) -> None:
    """For each kind of line."""
    assert _frame(line) == frame


@pytest.mark.parametrize("line", NO_FRAMES)
def test_invalid_line_is_not_a_frame(line: bytes) -> None:
    """Nothing is guessed: that could be a wrong limit."""
    assert parse(line, 0.0) is None


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"\r", Answer.DONE),
        (b"z\r", Answer.DONE),
        (b"Z\r", Answer.DONE),
        (b"\a", Answer.REFUSED),
        (b"t3510\a", Answer.REFUSED),
    ],
)
def test_answer_is_recognised(line: bytes, answer: Answer) -> None:
    """CR is yes, BEL is no, with an empty line or with invalid bytes."""
    assert parse(line, 0.0) is answer


@pytest.mark.parametrize(
    ("line", "controller"),
    [
        (b"sa000000\r", Controller(state=BusState.ERROR_ACTIVE)),
        (b"sw100002\r", Controller(state=BusState.ERROR_WARNING)),
        (b"sp001130\r", Controller(state=BusState.ERROR_PASSIVE)),
        (b"sb128255\r", Controller(state=BusState.BUS_OFF)),
        (b"sb999999\r", Controller(state=BusState.BUS_OFF)),
    ],
)
def test_state_and_counters_become_an_error_frame(
    line: bytes, controller: Controller
) -> None:
    """Linux's extension: the state, three digits of receive errors, three of transmit."""
    message = parse(line, 5.0)
    assert isinstance(message, can.Message)
    assert message.is_error_frame
    frame = Frame(message.arbitration_id, bytes(message.data), error=True)
    receive, transmit = (min(int(line[at : at + 3]), 255) for at in (2, 5))
    assert observe(NO_CONTROLLER, frame) == replace(
        controller, transmit_errors=transmit, receive_errors=receive
    )


@pytest.mark.parametrize("line", [b"s\r", b"sx000000\r", b"sb1282\r", b"sb12825x\r"])
def test_invalid_state_is_ignored(line: bytes) -> None:
    """Only the exact form counts."""
    assert parse(line, 5.0) is None


def test_bus_error_becomes_an_error_frame() -> None:
    """It is an extension, and never battery data."""
    message = parse(b"e1a\r", 5.0)
    assert isinstance(message, can.Message)
    assert message.is_error_frame


@given(frame=frames, at=st.floats(0, 1e10))
def test_encoded_frame_reads_back(frame: Frame, at: float) -> None:
    """The command and the report of a frame have the same form."""
    message = parse(encode(as_message(frame)), at)
    assert isinstance(message, can.Message)
    assert message.timestamp == at
    assert _frame(encode(as_message(frame))) == frame


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_are_accepted(data: bytes, cuts: list[int]) -> None:
    """None raise, in whatever pieces they come."""
    lines = Lines()
    places = sorted({0, *cuts, len(data)})
    cut = [data[a:b] for a, b in pairwise(places)]
    for line in (line for piece in cut for line in lines.feed(piece)):
        assert line[-1:] in (b"\r", b"\a")
        parse(line, 0.0)


@given(
    invalid=st.binary(max_size=2000),
    sent=st.lists(frames, min_size=1, max_size=9),
    data=st.data(),
)
def test_frames_after_any_invalid_bytes_are_found(
    invalid: bytes, sent: list[Frame], data: st.DataObject
) -> None:
    """From the next end of a line on, in whatever pieces the bytes come."""
    lines = Lines()
    lines.feed(invalid)
    lines.feed(b"\r")
    stream = b"".join(encode(as_message(frame)) for frame in sent)
    found: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += lines.feed(stream[:size])
        stream = stream[size:]
    assert [_frame(line) for line in found] == sent


def test_line_without_end_is_not_kept() -> None:
    """It takes no memory, and no later frame is lost."""
    lines = Lines()
    for _ in range(1000):
        assert lines.feed(b"t3518" + 4000 * b"0") == []
    assert len(lines._begun) < 100
    (rest,) = lines.feed(b"\r")
    assert parse(rest, 0.0) is None


def _frame(line: bytes) -> Frame:
    message = parse(line, 0.0)
    assert isinstance(message, can.Message)
    return Frame(
        message.arbitration_id,
        bytes(message.data),
        extended=message.is_extended_id,
        remote=message.is_remote_frame,
    )
