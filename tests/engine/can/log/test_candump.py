"""CAN logs: candump's lines are read, and canplayer accepts the written ones."""

from dataclasses import replace
from io import StringIO

import can
from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.can.log.candump import (
    LogError,
    Logged,
    link_text,
    parse,
    parse_line,
    written,
)
from custom_components.bms_gateway.engine.model import Frame

TIMES = st.integers(0, 9 * 10**15).map(lambda microseconds: microseconds / 1e6)
DATA = st.binary(max_size=8)
FRAMES = st.one_of(
    st.builds(Frame, st.integers(0, 0x7FF), DATA, TIMES),
    st.builds(Frame, st.integers(0, 0x1FFFFFFF), DATA, TIMES, extended=st.just(True)),
    st.builds(Frame, st.integers(0, 0x7FF), at=TIMES, remote=st.just(True)),
    st.builds(Frame, st.integers(0, 0x1FFFFFFF), DATA, TIMES, error=st.just(True)),
)
LINKS = st.from_regex(r"[A-Za-z0-9_.-]{1,15}", fullmatch=True)
LOGGED = st.builds(Logged, FRAMES, LINKS, st.booleans())


@pytest.mark.parametrize(
    ("line", "logged"),
    [
        # As candump -L of can-utils 2020.11 writes: no R and no T
        (
            "(1700000000.123456) can0 351#30020A00",
            Logged(Frame(0x351, bytes.fromhex("30020A00"), 1700000000.123456), "can0"),
        ),
        # Newer ones, with -x
        (
            "(1700000000.123456)  vcan0 305#0000000000000000 T",
            Logged(Frame(0x305, bytes(8), 1700000000.123456), "vcan0", own=True),
        ),
        (
            "(1700000000.000000) can0 35E#50594C4F4E202020 R\r\n",
            Logged(Frame(0x35E, b"PYLON   ", 1.7e9), "can0"),
        ),
        ("(0000000000.000000) can0 351#", Logged(Frame(0x351), "can0")),
        ("(1.5) can0 001#ff", Logged(Frame(1, b"\xff", 1.5), "can0")),
        # Eight digits are 29 bits, however small the number is
        (
            "(1.000000) can0 18FF0001#01",
            Logged(Frame(0x18FF0001, b"\x01", 1.0, extended=True), "can0"),
        ),
        (
            "(1.000000) can0 00000351#01",
            Logged(Frame(0x351, b"\x01", 1.0, extended=True), "can0"),
        ),
        # Remote frames, with their length or without
        ("(1.000000) can0 305#R", Logged(Frame(0x305, at=1.0, remote=True), "can0")),
        ("(1.000000) can0 305#R8", Logged(Frame(0x305, at=1.0, remote=True), "can0")),
        # An error frame of SocketCAN: flag 0x20000000, class 4: the controller's state
        (
            "(1.000000) can0 20000004#0008000000000000",
            Logged(
                Frame(4, bytes.fromhex("0008000000000000"), 1.0, error=True), "can0"
            ),
        ),
        # A length code above 8, as newer candumps write it
        (
            "(1.000000) can0 123#0102030405060708_F",
            Logged(Frame(0x123, bytes(range(1, 9)), 1.0), "can0"),
        ),
    ],
)
def test_lines_of_candump_are_read(line: str, logged: Logged) -> None:
    """Of old and new versions."""
    assert parse_line(line) == logged


@pytest.mark.parametrize(
    "line",
    [
        "",
        "(1.000000) can0",
        "(1.000000) can0 351#0",
        "(1.000000) can0 351#000000000000000000",
        "(1.000000) can0 35#00",
        "(1.000000) can0 0351#00",
        "(1.000000) can0 800#00",
        "(1.000000) can0 40000000#00",
        "(1.000000) can0 123##1AABB",
        "(1.000000) can0 351#00 X",
        "(1.000000) can0 351#00 R more",
        "(1.000000) 351#00",
        "(1) can0 351#00",
        "(-1.000000) can0 351#00",
        "(nan) can0 351#00",
        "(99999999999.000000) can0 351#00",
        "(١.000000) can0 351#00",
    ],
)
def test_an_invalid_line_is_none(line: str) -> None:
    """CAN FD neither."""
    assert parse_line(line) is None


@given(LOGGED)
def test_a_written_line_is_read_back(logged: Logged) -> None:
    """To the microsecond."""
    read = parse_line(written(logged))
    assert read is not None
    assert abs(read.frame.at - logged.frame.at) < 2e-6
    assert replace(read, frame=replace(read.frame, at=logged.frame.at)) == logged


@given(LOGGED.filter(lambda logged: not logged.frame.error))
def test_python_can_reads_the_same(logged: Logged) -> None:
    """Its own reader of such logs, which sometimes takes error frames for 29 bits."""
    [read] = can.CanutilsLogReader(StringIO(written(logged) + "\n"))
    frame = logged.frame
    assert (read.arbitration_id, bytes(read.data)) == (frame.can_id, frame.data)
    assert (read.is_extended_id, read.is_remote_frame) == (frame.extended, frame.remote)
    assert read.is_rx is not logged.own
    assert str(read.channel) == (
        str(int(logged.link)) if logged.link.isdigit() else logged.link
    )


@given(st.lists(st.one_of(st.text(), LOGGED.map(written))))
def test_any_text_is_read_or_rejected(lines: list[str]) -> None:
    """Never half of it: a line that begins like a frame is one, or the log is rejected."""
    begun = [line for line in lines if line.startswith("(")]
    bad = [
        k for k, line in enumerate(lines, 1) if line[:1] == "(" and not parse_line(line)
    ]
    if not bad:
        assert len(list(parse(lines))) == len(begun)
        return
    with pytest.raises(LogError) as refused:
        list(parse(lines))
    assert refused.value.line == bad[0]


def test_the_faulty_line_is_named() -> None:
    """Comments are not frames, but they count."""
    assert list(parse(["# of my garage", "", "(1.0) can0 351#00"]))
    with pytest.raises(LogError, match="line 3"):
        list(parse(["# of my garage", "(1.0) can0 351#00", "(1.0) can0 351#0"]))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("can0", "can0"),
        ("/dev/serial/by-id/usb-1234", "slcan"),
        ("a b", "slcan"),
        ("x" * 16, "slcan"),
    ],
)
def test_a_link_has_a_name_without_spaces(name: str, text: str) -> None:
    """Its own, or that of its kind."""
    assert link_text(name, "slcan") == text
