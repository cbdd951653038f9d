"""Offsets: what circulates through each battery besides its slice, and with whom.

A battery that stands aside in a direction lets nothing in (or out), but carries in the
other direction. So there are up to two ways in which the bank divides its current, one
for each direction: by other slices, and with offsets of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import copysign, inf
from typing import Final, NamedTuple

from ...model import BatteryState, Direction
from ...tolerances import TOLERANCE
from .current_reports import Reports
from .shares import bank_current

SETTLING: Final = 8.0
"""Seconds in which an offset follows, or two of the slowest battery's periods."""
RENEWING: Final = 2.0
"""Seconds in which an offset follows right after a battery carries again that stood
aside."""
RENEWED: Final = 3.0
"""Periods of the slowest battery for which that goes on: what each carries then is
confirmed by its second telegram. (Without: a battery that joined was still taken to
carry the 0 A of before, and the discharge limit was 0 A for 20 s.)"""
CALM: Final = 3 * TOLERANCE
"""A per battery; while the bank moved by as much since one of them told what counts, the
offsets follow half as fast. (Without: twice as many swings of the limits.)"""
CERTAIN: Final = 1.0
"""Seconds in which an offset follows what is more than telegrams of different age can
explain. (Within SETTLING only: circulation that decayed was taken for 20 A more than it was, a
bank at rest was told 0 A for up to a minute, and more was over the limits.)"""
CERTAIN_RAISING: Final = 3.0
"""The same, where the limit rises by it: as long as any limit has to hold that rises."""
UNKNOWN_HOLD: Final = 10.0
"""Seconds for which a battery whose current is unknown is reckoned as before."""
UNKNOWN_FACTOR: Final = 1.5
"""How much more a battery may carry whose current stays unknown: nothing shows when it
carries too much. One that is alone carries all, and no more. (Without the factor where
no current is known: 3,353 and 1,464 A·s over the limits in 15 minutes, in place of 53
and 1.)"""

type Excluded = Mapping[Direction, frozenset[str]]
"""Ids of the batteries that stand aside, by direction."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one battery carries: `slice` (0..1) x bank current + `offset` (A)."""

    current_share: float
    circulating_current: float = 0.0
    moved_at: float = 0.0
    """When its current last moved: what was measured before belongs to another one."""


class _Pace(NamedTuple):
    """How fast offsets follow at one moment."""

    passed: float
    """Seconds since the moment before."""
    gain: float
    """The part of the way that they go, whatever the age of the telegrams."""
    moved: float
    """A; by how far the bank moved lately: what telegrams of different age explain."""


class CirculatingCurrents:
    """The offsets of a bank in each direction, followed as its batteries report."""

    def __init__(self) -> None:
        """Begin without any."""
        self._settled: dict[tuple[Direction, frozenset[str]], dict[str, float]] = {}
        self._ids: frozenset[str] = frozenset()
        self._reports = Reports()
        self._unknown_since: dict[str, float] = {}
        self._at: float | None = None
        self._excluded: Excluded = {}
        self._joined_at = -inf

    def settle(
        self,
        batteries: Sequence[BatteryState],
        shares: Mapping[str, float],
        excluded: Excluded,
        now: float,
        *,
        one_way: bool = False,
    ) -> dict[Direction, dict[str, Part]]:
        """Take what the batteries report; return what each carries, per direction.

        `batteries`: all that are reckoned with, lost ones too; `slices`: theirs, while
        none stands aside. `one_way`: what they tell now may not hold for the other
        direction: a path may have opened.
        """
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._note_unknown(batteries, now)
        batteries = [self._reports.steady(battery) for battery in batteries]
        current = bank_current(batteries, shares)
        slowest = max((b.period or 0.0 for b in batteries), default=0.0)
        calm = CALM * len(batteries)
        moved = self._reports.bank_moved
        gain = min(1.0, passed / max(SETTLING, 2 * slowest)) * calm / (calm + moved)
        if any(self._excluded.get(d, frozenset()) - ids for d, ids in excluded.items()):
            self._joined_at = now
        self._excluded = excluded
        if now < self._joined_at + RENEWED * max(slowest, 1.0):
            gain = min(1.0, passed / RENEWING)
        self._begin(batteries, shares, excluded)
        # What a battery carries whose current just became unknown is not the others'
        held = any(now < since + UNKNOWN_HOLD for since in self._unknown_since.values())
        # Nor is it what the first telegrams after a long silence tell of it
        held = held or not self._reports.are_sure
        flowing = set() if held else _flowing(current)
        pace = _Pace(passed, gain, moved)
        for direction, ids in excluded.items():
            both_ways = not one_way and ids == excluded[direction.opposite]
            if direction in flowing or (flowing and both_ways):
                way = self._settled[direction, ids]
                parts = spread(shares, ids)
                self._follow(direction, way, batteries, parts, pace)
        return {
            d: self._parts(d, batteries, shares, excluded[d], now) for d in Direction
        }

    def _follow(
        self,
        direction: Direction,
        circulating: dict[str, float],
        batteries: Sequence[BatteryState],
        shares: Mapping[str, float],
        pace: _Pace,
    ) -> None:
        """Let the offsets of one direction follow what its slices do not explain."""
        for key, rest in _rests(batteries, shares).items():
            lag = rest - circulating[key]
            report = self._reports.of(key)
            own = report.moved if report else 0.0
            explained = shares[key] * pace.moved + own + TOLERANCE
            lowers = direction.sign * lag > 0
            within = CERTAIN if lowers else CERTAIN_RAISING
            certain = max(0.0, abs(lag) - explained) * min(1.0, pace.passed / within)
            circulating[key] += copysign(max(abs(lag) * pace.gain, certain), lag)

    def _begin(
        self,
        batteries: Sequence[BatteryState],
        shares: Mapping[str, float],
        excluded: Excluded,
    ) -> None:
        """Set offsets at once where others carry than before."""
        ids = frozenset(battery.id for battery in batteries)
        before = self._settled if ids == self._ids else {}
        self._ids = ids
        self._settled = {}
        for direction, out in excluded.items():
            known = before.get((direction, out)) or before.get(
                (direction.opposite, out)
            )
            self._settled[direction, out] = dict(known or {}) or {
                b.id: 0.0 for b in batteries
            } | _rests(batteries, spread(shares, out))

    def _note_unknown(self, batteries: Sequence[BatteryState], now: float) -> None:
        """Keep what is told, and since when it is unknown."""
        self._reports.update(batteries)
        self._unknown_since = {
            b.id: self._unknown_since.get(b.id, now)
            for b in batteries
            if b.online and b.readings.current is None
        }

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when an unknown current counts differently although nothing is received."""
        for since in self._unknown_since.values():
            yield since + UNKNOWN_HOLD

    def _parts(
        self,
        direction: Direction,
        batteries: Sequence[BatteryState],
        shares: Mapping[str, float],
        excluded: frozenset[str],
        now: float,
    ) -> dict[str, Part]:
        """Return what each battery carries while some stand aside.

        After a long silence what circulates raises no limit until so much is told that
        no single false value counts.
        """
        parts = spread(shares, excluded)
        circulating = self._settled[direction, excluded]
        if not self._reports.are_sure:
            sign = direction.sign
            circulating = {
                k: sign * max(0.0, sign * amps) for k, amps in circulating.items()
            }
        return {
            b.id: self._part(b, Part(parts[b.id], circulating[b.id]), now)
            for b in batteries
        }

    def _part(self, battery: BatteryState, known: Part, now: float) -> Part:
        """Return what one battery carries; `known`: unless its current is unknown."""
        since = self._unknown_since.get(battery.id, now)
        if now >= since + UNKNOWN_HOLD:
            return Part(min(1.0, UNKNOWN_FACTOR * known.current_share))
        report = self._reports.of(battery.id)
        return replace(known, moved_at=report.moved_at if report else 0.0)


def spread(shares: Mapping[str, float], excluded: frozenset[str]) -> dict[str, float]:
    """Return the slices while some stand aside: the others carry what those do not."""
    common = sum(part for key, part in shares.items() if key not in excluded)
    common = min(1.0, common) or 1.0
    return {k: 0.0 if k in excluded else part / common for k, part in shares.items()}


def _flowing(current: float | None) -> set[Direction]:
    """Return the directions of which what flows tells; at rest it is both."""
    if current is None:
        return set()
    return {d for d in Direction if d.sign * current >= -TOLERANCE}


def _rests(
    batteries: Sequence[BatteryState], shares: Mapping[str, float]
) -> dict[str, float]:
    """Return what the slices do not explain of the currents known, in A, by id."""
    current = bank_current(batteries, shares)
    if current is None:
        return {}
    return {
        b.id: amps - shares[b.id] * current
        for b in batteries
        if b.online and (amps := b.readings.current) is not None
    }
