"""Recognition of the dialect: a wrong sign of the current would be the worst error."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Dialect, Frame
from custom_components.bms_gateway.engine.protocol.dialect import (
    NO_MARKS,
    Marks,
    RecognisedDialect,
    is_battery_frame,
    marks_after,
    recognise,
)

from .captures import DEYE, DEYE_AS_VICTRON, STACK, frames

LIMITS = Frame(0x351, bytes.fromhex("330209240924D501"))
UNTAGGED = Frame(0x359, bytes(8))
TAGGED = Frame(0x359, b"\0\0\0\0\x05PN\0")

DEYE_FRAMES = [
    Frame(0x361, bytes(8)),
    Frame(0x363, bytes(8)),
    Frame(0x364, bytes(8)),
    Frame(0x35E, bytes.fromhex("44593030311CFC08")),
    Frame(0x35E, b"DY"),
]
OTHER_FRAMES = [
    TAGGED,
    Frame(0x35A, bytes(8)),
    Frame(0x35F, bytes(8)),
    Frame(0x35E, b"PYLON\0\0\0"),
    Frame(0x35E, bytes.fromhex("50594C4F4E1CFC08")),
]


def marks_of(*received: Frame) -> Marks:
    """Return the marks after some frames."""
    marks = NO_MARKS
    for frame in received:
        marks = marks_after(marks, frame)
    return marks


def at(frame: Frame, seconds: float) -> Frame:
    """Return the frame at another time."""
    return replace(frame, at=seconds)


def every_second(frame: Frame, start: float, end: float) -> list[Frame]:
    """Return the frame once per second, `end` excluded."""
    return [at(frame, start + n) for n in range(round(end - start))]


@pytest.mark.parametrize("frame", DEYE_FRAMES, ids=str)
def test_two_marks_identify_a_deye(frame: Frame) -> None:
    """Settled with the second, and for good: the name may come only every 60 s."""
    marks = marks_of(at(LIMITS, 0.0), at(frame, 0.1), at(frame, 60.1))
    for now in (60.1, 62.0, 120.0, 160.0):
        assert recognise(marks, now) == (Dialect.DEYE, True)


@pytest.mark.parametrize("frame", DEYE_FRAMES, ids=str)
def test_a_single_mark_reverses_no_current(frame: Frame) -> None:
    """Another node's, or a false one: unknown for as long as a second may follow.

    A nameless battery, and one with a mark every 10 s (BYD): a Deye's is the last one.
    """
    nameless = every_second(LIMITS, 0.0, 30.0)
    for before, dialect in (
        (nameless, Dialect.UNKNOWN),
        ([*nameless, at(Frame(0x35A, bytes(8)), 25.0)], Dialect.VICTRON),
    ):
        marks = marks_of(*before, at(frame, 29.5))
        assert not recognise(marks, 29.5).settled
        assert not recognise(marks, 31.0).settled
        assert recognise(marks, 31.1) == (dialect, True)
        # One more within two minutes is no accident
        marks = marks_after(marks, at(frame, 149.0))
        assert recognise(marks, 149.0).dialect is Dialect.DEYE
        # Later it is as good as the first
        late = marks_after(marks_of(*before, at(frame, 29.5)), at(frame, 149.6))
        assert recognise(late, 151.2).dialect is not Dialect.DEYE


@pytest.mark.parametrize("frame", OTHER_FRAMES, ids=str)
def test_one_strong_mark_identifies_another_dialect(frame: Frame) -> None:
    """Pylontech or Victron: charge is positive in both."""
    dialect = recognise(marks_of(at(frame, 0.1)), 0.1)
    victron = frame.can_id in {0x35A, 0x35F}
    assert dialect == (Dialect.VICTRON if victron else Dialect.PYLONTECH, True)


def test_pylon_v2_is_pylontech() -> None:
    """0x35A with a tagged 0x359; without that tag it is Victron's, whatever its name."""
    pairs, name = at(Frame(0x35A, bytes(8)), 0.2), at(Frame(0x35E, b"PYLON"), 0.3)
    assert (
        recognise(marks_of(at(TAGGED, 0.1), pairs, name), 1.0).dialect
        is Dialect.PYLONTECH
    )
    assert recognise(marks_of(pairs, name), 1.0).dialect is Dialect.VICTRON


@pytest.mark.parametrize("other", OTHER_FRAMES, ids=str)
@pytest.mark.parametrize("deye", DEYE_FRAMES, ids=str)
@pytest.mark.parametrize("to_deye", [True, False])
def test_a_change_of_dialect_is_unsettled(
    deye: Frame, other: Frame, to_deye: bool
) -> None:
    """From the new one's first mark until the old one has been gone for 1.5 s."""
    old, new = (other, deye) if to_deye else (deye, other)
    marks = marks_of(*every_second(old, 0.0, 10.0), at(new, 9.6))
    assert recognise(marks_of(*every_second(old, 0.0, 10.0)), 9.0).settled
    assert not recognise(marks, 9.6).settled
    marks = marks_after(marks, at(new, 10.4))
    assert not recognise(marks, 10.4).settled
    settled = recognise(marks, 10.6)
    assert settled.settled
    assert (settled.dialect is Dialect.DEYE) is to_deye


def test_two_dialects_at_once_are_never_settled() -> None:
    """Two batteries on one wire: no sign is right for both."""
    marks = NO_MARKS
    for second in range(60):
        marks = marks_after(marks, at(DEYE_FRAMES[0], second))
        marks = marks_after(marks, at(TAGGED, second + 0.5))
        assert second == 0 or not recognise(marks, second + 0.9).settled


def test_slow_names_do_not_unsettle_the_dialect() -> None:
    """A BYD-like pack with a name every 60 s stays settled all the time."""
    marks = NO_MARKS
    for second in range(300):
        marks = marks_after(marks, at(LIMITS, second))
        if second % 60 == 0:
            marks = marks_after(marks, at(Frame(0x35E, b"PYLON"), second))
        assert recognise(marks, second + 0.9) == (Dialect.PYLONTECH, True)


def test_without_a_mark_it_settles_after_five_seconds() -> None:
    """Then charge is positive, as in every variant but Deye's."""
    assert recognise(NO_MARKS, 100.0) == (Dialect.UNKNOWN, False)
    marks = marks_of(*every_second(LIMITS, 10.0, 20.0))
    assert recognise(marks, 14.9) == (Dialect.UNKNOWN, False)
    assert recognise(marks, 15.0) == (Dialect.UNKNOWN, True)


@pytest.mark.parametrize(
    "frame",
    [
        UNTAGGED,
        Frame(0x359, bytes.fromhex("0000000002000000")),  # a home-made end, 2 modules
        Frame(0x35E, b"BYD"),
        Frame(0x35E, b"DYNESS"),
        Frame(0x354, bytes(8)),  # LG RESU has it, and no name
        Frame(0x359, b"\0\0\0\0\0UZ"),
        Frame(0x359, b"\0\0\0\0\0PY"),
    ],
    ids=str,
)
def test_only_a_strong_mark_identifies_a_deye(frame: Frame) -> None:
    """A Deye's 0x359 has no tag, but a Deye has more marks than that."""
    marks = marks_of(at(frame, 0.0), at(frame, 1.0))
    assert not recognise(marks, 4.9).settled
    assert recognise(marks, 5.0) == (Dialect.UNKNOWN, True)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x359, b"\0\0\0\0\x05P"),  # ends before the tag
        Frame(0x35E, b""),
        Frame(0x35E, bytes(8)),
        Frame(0x305, b"PYLON\0\0\0"),
        Frame(0x361, bytes(8), extended=True),
        Frame(0x361, bytes(8), remote=True),
        Frame(0x361, bytes(8), error=True),
    ],
    ids=str,
)
def test_other_frames_leave_no_mark(frame: Frame) -> None:
    """Truncated frames, the inverter's, and those that a battery never sends."""
    assert marks_after(NO_MARKS, frame).seen_at == {}
    assert recognise(marks_after(NO_MARKS, frame), 0.0) == (Dialect.UNKNOWN, False)


def test_marks_expire() -> None:
    """After two minutes a mark no longer counts for a battery that was replaced."""
    marks = marks_of(*every_second(DEYE_FRAMES[0], 0.0, 5.0), at(LIMITS, 130.0))
    assert recognise(marks, 124.0).dialect is Dialect.DEYE
    assert recognise(marks, 124.1) == (Dialect.UNKNOWN, True)


def test_an_older_frame_does_not_turn_time_back() -> None:
    """Frames read together may come with times in any order."""
    marks = marks_of(at(DEYE_FRAMES[0], 9.0), at(DEYE_FRAMES[0], 3.0), at(TAGGED, 9.5))
    assert not recognise(marks, 10.0).settled


@pytest.mark.parametrize(
    ("dump", "dialect"),
    [
        (STACK, Dialect.PYLONTECH),
        (DEYE, Dialect.DEYE),
        (DEYE_AS_VICTRON, Dialect.VICTRON),
    ],
)
def test_real_batteries_are_recognised(dump: str, dialect: Dialect) -> None:
    """One telegram of each is enough; an inverter's request is not a battery frame."""
    assert recognise(marks_of(*frames(dump)), 0.6) == RecognisedDialect(
        dialect, settled=True
    )
    assert not is_battery_frame(Frame(0x305, bytes(8)))
