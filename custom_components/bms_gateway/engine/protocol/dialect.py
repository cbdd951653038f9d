"""Recognising a battery's dialect (Pylontech, Victron, Deye) from its frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Final, NamedTuple

from ..model import Dialect, Frame
from .frames import BATTERY_IDS, PYLONTECH_TAG, TAG_PLACE

FAMILY_GONE_AFTER: Final = 1.5
"""Seconds for which a mark counts as present: a Deye sends each of its own at least
every 1.1 s (Deye PCS V3.3), so a family not received for this long has gone."""
NO_MARK_WAIT: Final = 5.0
"""Seconds to wait for a mark before the dialect is settled without one."""
MARK_LIFETIME: Final = 120.0
"""Seconds for which a mark is remembered: a name may come only each 60 s (BYD)."""


class Mark(StrEnum):
    """A mark that distinguishes one dialect from another."""

    DEYE = "deye"
    """0x361, 0x363, 0x364, or a name beginning `DY`."""
    TAGGED = "tagged"
    """0x359 with Pylontech's `PN`."""
    NAMED = "named"
    """A name beginning `PYLON`."""
    VICTRON = "victron"
    """0x35A or 0x35F."""


@dataclass(frozen=True, slots=True)
class Marks:
    """When each mark was last received, by the frames' own times."""

    first: float | None = None
    """The first battery frame."""
    seen_at: Mapping[Mark, float] = field(default_factory=dict)

    def age(self, now: float, *marks: Mark) -> float:
        """Return the seconds since one of the marks was received; inf if not recently."""
        last = max((self.seen_at.get(mark, -inf) for mark in marks), default=-inf)
        return now - last if now - last <= MARK_LIFETIME else inf


NO_MARKS: Final = Marks()


class RecognisedDialect(NamedTuple):
    """The dialect, and whether the current may be read by it."""

    dialect: Dialect
    settled: bool


def marks_after(marks: Marks, frame: Frame) -> Marks:
    """Return the marks after one frame; frames of other nodes leave none."""
    if not is_battery_frame(frame):
        return marks
    first = frame.at if marks.first is None else marks.first
    mark = _mark(frame.can_id, frame.data)
    if mark is None:
        return Marks(first, marks.seen_at)
    at = max(frame.at, marks.seen_at.get(mark, frame.at))
    return Marks(first, {**marks.seen_at, mark: at})


def recognise(marks: Marks, now: float) -> RecognisedDialect:
    """Return the dialect at `now`; while it is not settled, the current is unknown.

    Deye counts discharge as positive (PCS V3.3), every other variant charge: a wrong
    guess reverses the current. So while both families are received, as during a change
    of a Deye's profile, nothing is settled until one of them has been gone for 1.5 s;
    then it is the one received last. A slow name does not unsettle it: one family alone
    need not be received again and again. Without a mark it takes 5 s, in which a Deye
    would have shown itself; then charge is positive, as in all other variants. A 0x359
    without a tag is no mark: a Deye's has none, but neither have those of LG, LuxPower,
    Dyness and home-made devices.
    """
    deye = marks.age(now, Mark.DEYE)
    other = marks.age(now, Mark.TAGGED, Mark.NAMED, Mark.VICTRON)
    if deye == other == inf:
        waited = marks.first is not None and now - marks.first >= NO_MARK_WAIT
        return RecognisedDialect(Dialect.UNKNOWN, settled=waited)
    dialect = Dialect.DEYE if deye < other else _pylontech_or_victron(marks, now)
    return RecognisedDialect(dialect, settled=max(deye, other) > FAMILY_GONE_AFTER)


def is_battery_frame(frame: Frame) -> bool:
    """Return whether only a battery sends this frame: 11 bits, data, and a known ID."""
    return frame.standard and frame.can_id in BATTERY_IDS


def is_deye_name(data: bytes) -> bool:
    """Return whether a 0x35E is a Deye's. Dyness begins alike, and is not."""
    return data.startswith(b"DY") and not data.upper().startswith(b"DYNESS")


def _pylontech_or_victron(marks: Marks, now: float) -> Dialect:
    """Recognise Victron by its alarms in 0x35A instead of a tagged 0x359."""
    tagged = marks.age(now, Mark.TAGGED) < inf
    victron = marks.age(now, Mark.VICTRON) < inf
    return Dialect.VICTRON if victron and not tagged else Dialect.PYLONTECH


def _mark(can_id: int, data: bytes) -> Mark | None:
    match can_id:
        case 0x361 | 0x363 | 0x364:
            return Mark.DEYE
        case 0x35A | 0x35F:
            return Mark.VICTRON
        case 0x359 if data[TAG_PLACE] == PYLONTECH_TAG:
            return Mark.TAGGED
        case 0x35E if is_deye_name(data):
            return Mark.DEYE
        case 0x35E if data.startswith(b"PYLON"):
            return Mark.NAMED
    return None
