"""Recognising a battery's dialect (Pylontech, Victron, Deye, LuxPower) from its frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import inf
from typing import Final, NamedTuple

from ..model import Dialect, Frame
from .deye import DIAGNOSTICS
from .frames import BATTERY_IDS, PYLONTECH_TAG, TAG_PLACE
from .luxpower import NO_EVIDENCE, Evidence, evidence_after

FAMILY_GONE_AFTER: Final = 1.5
"""Seconds for which a mark counts as present: a Deye sends each of its own at least
every 1.1 s (Deye PCS V3.3), so a family not received for this long has gone."""
NO_MARK_WAIT: Final = 5.0
"""Seconds to wait for a mark before the dialect is settled without one."""
MARK_LIFETIME: Final = 120.0
"""Seconds for which a mark is remembered: a name may come only each 60 s (BYD)."""
UNMARKED_TELEGRAMS: Final = 5
"""Telegrams without a mark, beyond as many as came between two of them before, after
which a battery is no Deye any more. Telegrams and not seconds: a bus may be silent."""
_TELEGRAM_ID: Final = 0x356
"""Counted as telegrams: a Deye sends it as often as each of its marks (PCS V3.3)."""


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
    LUXPOWER = "luxpower"
    """0x355 with cell voltages that add up, see `luxpower.Evidence`."""


@dataclass(frozen=True, slots=True)
class Marks:
    """When each mark was last received, by the frames' own times."""

    first: float | None = None
    """The first battery frame."""
    seen_at: Mapping[Mark, float] = field(default_factory=dict)
    repeated: frozenset[Mark] = frozenset()
    """Those of which the last two came within MARK_LIFETIME."""
    unmarked: int = 0
    """Telegrams since the last mark of Deye or of another family."""
    most_unmarked: int = 1
    """The most telegrams that ever came between two marks of Deye, at least 1."""
    evidence: Evidence = NO_EVIDENCE
    """What points to LuxPower's layouts so far."""

    def age(self, now: float, *marks: Mark) -> float:
        """Return the seconds since one of the marks was received; inf if not recently."""
        last = max((self.seen_at.get(mark, -inf) for mark in marks), default=-inf)
        return now - last if now - last <= MARK_LIFETIME else inf

    @property
    def show_deye(self) -> bool:
        """Whether marks of Deye came more than once, and do not stay away."""
        return Mark.DEYE in self.repeated and self._missing <= 0

    def may_show_deye(self, now: float) -> bool:
        """Return whether the next mark, or its absence, decides about Deye."""
        if Mark.DEYE in self.repeated:
            return self._missing <= UNMARKED_TELEGRAMS
        return self.age(now, Mark.DEYE) <= FAMILY_GONE_AFTER

    @property
    def _missing(self) -> int:
        """Telegrams that came without a mark, beyond those that always did."""
        return self.unmarked - self.most_unmarked


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
    evidence = evidence_after(marks.evidence, frame)
    mark = _mark(frame.can_id, frame.data)
    marks = replace(marks, first=first, evidence=evidence)
    if frame.can_id == _TELEGRAM_ID:
        return replace(marks, unmarked=marks.unmarked + 1)
    if frame.can_id == 0x355 and evidence.is_certain:
        mark = Mark.LUXPOWER
    return marks if mark is None else _marked(marks, mark, frame.at)


def recognise(marks: Marks, now: float) -> RecognisedDialect:
    """Return the dialect at `now`; while it is not settled, the current is unknown.

    Deye counts discharge as positive (PCS V3.3), every other variant charge: a wrong
    guess reverses the current. So while both families are received, as during a change
    of a Deye's profile, nothing is settled until one of them has been gone for 1.5 s;
    then it is the one received last. A slow name does not unsettle it: one family alone
    need not be received again and again. Without a mark it takes 5 s, in which a Deye
    would have shown itself; then charge is positive, as in all other variants. A 0x359
    without a tag is no mark: a Deye's has none, but neither have those of LG, LuxPower,
    Dyness and home-made devices. Nor does LuxPower's mark settle anything: it shows
    layouts, not signs. A single frame of a Deye may be another node's: it makes the
    current unknown until a second one follows, which a Deye sends within 1.1 s. So do
    telegrams without any mark, until there are enough of them to show that it has
    changed to a protocol that has none.
    """
    deye = marks.age(now, Mark.DEYE)
    if deye < inf and not marks.show_deye:
        if marks.may_show_deye(now):
            return RecognisedDialect(Dialect.UNKNOWN, settled=False)
        deye = inf
    other = marks.age(now, Mark.TAGGED, Mark.NAMED, Mark.VICTRON)
    if deye == other == inf:
        waited = marks.first is not None and now - marks.first >= NO_MARK_WAIT
        return RecognisedDialect(_without_sign(marks, now), settled=waited)
    dialect = Dialect.DEYE if deye < other else _charge_positive(marks, now)
    return RecognisedDialect(dialect, settled=max(deye, other) > FAMILY_GONE_AFTER)


def _marked(marks: Marks, mark: Mark, at: float) -> Marks:
    """Return the marks after one more that was received at `at`."""
    is_repeated = marks.age(at, mark) < inf
    repeated = marks.repeated | {mark} if is_repeated else marks.repeated - {mark}
    most = marks.most_unmarked
    if mark is Mark.DEYE:
        most = max(most, marks.unmarked) if is_repeated else 1
    if mark is not Mark.LUXPOWER:
        marks = replace(marks, unmarked=0, most_unmarked=most)
    at = max(at, marks.seen_at.get(mark, at))
    return replace(marks, seen_at={**marks.seen_at, mark: at}, repeated=repeated)


def is_battery_frame(frame: Frame) -> bool:
    """Return whether only a battery sends this frame: 11 bits, data, and a known ID."""
    return frame.standard and frame.can_id in BATTERY_IDS


def is_extra_frame(frame: Frame, dialect: Dialect) -> bool:
    """Return whether this frame counts only because its bus has a battery of `dialect`."""
    is_deye = dialect is Dialect.DEYE
    return is_deye and frame.standard and frame.can_id in DIAGNOSTICS


def contradicts(chosen: Dialect, recognised: Dialect) -> bool:
    """Return whether a chosen dialect reads frames wrongly that show another one.

    Pylontech's and Victron's frames differ only where either omits some, and many
    batteries mix them.
    """
    same = {Dialect.PYLONTECH, Dialect.VICTRON}
    if recognised is Dialect.UNKNOWN or {chosen, recognised} <= same:
        return False
    return chosen is not recognised


def is_deye_name(data: bytes) -> bool:
    """Return whether a 0x35E is a Deye's. Dyness begins alike, and is not."""
    return data.startswith(b"DY") and not data.upper().startswith(b"DYNESS")


def _charge_positive(marks: Marks, now: float) -> Dialect:
    """Recognise Victron by its alarms in 0x35A instead of a tagged 0x359.

    A name alone leaves the layouts open: bridges call themselves PYLON in any of them.
    """
    if marks.age(now, Mark.TAGGED) < inf:
        return Dialect.PYLONTECH
    if marks.age(now, Mark.VICTRON) < inf:
        return Dialect.VICTRON
    has_lux = _without_sign(marks, now) is Dialect.LUXPOWER
    return Dialect.LUXPOWER if has_lux else Dialect.PYLONTECH


def _without_sign(marks: Marks, now: float) -> Dialect:
    """Recognise LuxPower's layouts, which say nothing about the sign of the current."""
    has_lux = marks.age(now, Mark.LUXPOWER) < inf
    return Dialect.LUXPOWER if has_lux else Dialect.UNKNOWN


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
