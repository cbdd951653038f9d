"""Steps of the bank current, which show the shares of the batteries."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from ...model import BatteryState, Direction
from ...tolerances import TOLERANCE
from .resolution import CurrentMeter

QUIET_AMPS: Final = 0.7
QUIET_PART: Final = 0.03
"""A battery is quiet while its current changes by no more than the sum of both."""
CLEAR: Final = 10.0
"""A step this many times larger than the changes around it is clear too: where
telegrams are slow and a house is never at rest, hardly any sample is quiet."""
PAIR_AGE: Final = 180.0
"""Longest time in seconds between two samples of the same state."""
FRESH: Final = 3.0
FRESH_PERIODS: Final = 1.2
"""A measurement older than 3 s, or of a slower battery older than 1.2 periods, shows
nothing. (3 s for every battery leaves those that report every 10 s unlearned for half an
hour.)"""
MIN_STEP: Final = 15.0
MIN_STEP_PER_BATTERY: Final = 5.0
"""A, and A per battery: the smallest step of the bank current that shows anything; the
larger of both."""
MIN_SLOPE: Final = 0.5
"""A/s; slower changes may be circulating current that shifts, not a step that divides.
(Without: after a start at unequal charge, shares were off by up to 0.28.)"""

QUANTA: Final = 4.0
"""A battery's change shows something from this many steps of its meter on. (Without:
with a meter in steps of 10 A a share wandered from 0.13 to 0.38, where 0.31 was
true.)"""
CIRCULATES: Final = 300.0
"""Seconds after a battery joined, or allows current again: circulating current still
decays, and would look like part of a step. (Without: a share of 0.31 instead of
0.50.)"""
PAIR_AGE_THEN: Final = 6.0
PAIR_PERIODS_THEN: Final = 2.5
"""Seconds, or periods of the slowest battery, between two samples during that time."""

type Idle = frozenset[tuple[str, Direction]]
"""The batteries that allow 0 A, by direction."""


@dataclass(frozen=True, slots=True)
class Step:
    """The change of each battery's current (A) in one step of the bank current."""

    changes: Mapping[str, float]
    idle: Idle
    blurs: Mapping[str, float] = field(default_factory=dict)
    """A; by how much each change may be off, given the resolution of the battery's
    meter."""


@dataclass(frozen=True, slots=True)
class _BankSample:
    """A time at which every battery has reported, and by how much they changed."""

    at: float
    currents: Mapping[str, float]
    idle: Idle
    moved: float
    """A; the sum of all changes since the report before."""
    quiet: bool
    """Whether no battery changed."""

    @property
    def total(self) -> float:
        return sum(self.currents.values())


class Steps:
    """Finds steps in what the batteries of one bank report."""

    def __init__(self) -> None:
        """Create it without a sample to compare with."""
        self._samples: deque[_BankSample] = deque()
        self._reported: dict[str, tuple[float, float]] = {}
        self._meters: dict[str, CurrentMeter] = {}
        self._idle: Idle = frozenset()
        self._settled_at = -inf

    def forget(self, now: float, *, joined: bool) -> None:
        """Drop all samples: the set of batteries has changed.

        `joined`: others were there already. (Those of the start have been one bank.)
        """
        self._samples.clear()
        self._reported.clear()
        if joined:
            self._settled_at = now + CIRCULATES

    def find(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> Step | None:
        """Return the step that ended in a quiet sample at `now`, if one did."""
        self._measure(batteries)
        if self._idle - idle:
            self._settled_at = now + CIRCULATES
        self._idle = idle
        sample = self._sample(batteries, idle, now)
        if sample is None:
            return None
        oldest = now - self._pair_age(batteries, now)
        while self._samples and self._samples[0].at < oldest:
            self._samples.popleft()
        if self._samples and self._samples[-1].idle != idle:
            self._samples.clear()
        before = self._before(sample, len(batteries))
        if before is not None:
            self._samples.clear()
        self._samples.append(sample)
        if before is None:
            return None
        changes = {k: amps - before.currents[k] for k, amps in sample.currents.items()}
        blurs = {
            key: self._meters[key].blur(before.currents[key], amps)
            for key, amps in sample.currents.items()
        }
        return Step(changes, idle, blurs)

    def _measure(self, batteries: Sequence[BatteryState]) -> None:
        """Learn the resolution of their meters."""
        for battery in batteries:
            amps, at = battery.readings.current, battery.current_at
            if amps is not None and at is not None:
                self._meters.setdefault(battery.id, CurrentMeter()).update(at, amps)

    def _pair_age(self, batteries: Sequence[BatteryState], now: float) -> float:
        """Return how many seconds may lie between two samples to compare."""
        if now >= self._settled_at:
            return PAIR_AGE
        slowest = max((b.period or 0.0 for b in batteries), default=0.0)
        return max(PAIR_AGE_THEN, PAIR_PERIODS_THEN * slowest)

    def _before(self, sample: _BankSample, count: int) -> _BankSample | None:
        """Return the last sample since which the bank current has stepped."""
        least = max(MIN_STEP, MIN_STEP_PER_BATTERY * count) * TOLERANCE
        for before in reversed(self._samples):
            blur = 0.0
            if not (before.quiet and sample.quiet):
                blur = CLEAR * (before.moved + sample.moved)
            step = abs(sample.total - before.total)
            if step >= max(least, MIN_SLOPE * (sample.at - before.at), blur):
                return before
        return None

    def _sample(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> _BankSample | None:
        """Return a sample once every battery has reported again."""
        reports = {
            b.id: (b.current_at, b.readings.current)
            for b in batteries
            if b.online and b.current_at is not None and b.readings.current is not None
        }
        if len(reports) < len(batteries):
            return None
        before = self._reported
        if any(
            at <= before.get(key, (at - 1, 0))[0] for key, (at, _) in reports.items()
        ):
            return None
        self._reported = reports
        fresh = all(
            now - reports[b.id][0] <= max(FRESH, FRESH_PERIODS * (b.period or 0.0))
            for b in batteries
        )
        if before.keys() != reports.keys() or not fresh:
            return None
        currents = {key: current for key, (_, current) in reports.items()}
        moved = {key: abs(amps - before[key][1]) for key, amps in currents.items()}
        quiet = all(
            moved[key] <= QUIET_AMPS + QUIET_PART * abs(amps)
            for key, amps in currents.items()
        )
        return _BankSample(now, currents, idle, sum(moved.values()), quiet)
