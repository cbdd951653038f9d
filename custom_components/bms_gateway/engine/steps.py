"""Steps of the current between two moments: what they show of the slices."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .model import BatteryState, Direction

TOLERANCE: Final = 1.0
"""A; what a battery's current meter may be wrong by."""
QUIET_AMPS: Final = 0.7
QUIET_PART: Final = 0.03
"""A battery is quiet while its current moves by no more than this sum of both."""
CLEAR: Final = 10.0
"""A step that many times what the batteries moved by around it shows as much: where
telegrams are slow and a house is never at rest, hardly any moment is quiet."""
PAIR_AGE: Final = 180.0
"""Seconds between two moments that still tell of the same state."""
FRESH: Final = 3.0
FRESH_PERIODS: Final = 1.2
"""A measurement older than 3 s, or of a slower battery than its period, shows nothing.
(3 s for every battery leaves those that report each 10 s unlearnt for half an hour.)"""
LEAST_STEP: Final = 15.0
LEAST_STEP_PER_BATTERY: Final = 5.0
"""A x batteries: the least step of the bank's current that shows anything."""
LEAST_SPEED: Final = 0.5
"""A/s; what changes more slowly may be circulation that shifts, no step that divides.
(Without: after a start at unequal charge, slices were off by up to 0.28.)"""

type Idle = frozenset[tuple[str, Direction]]
"""Which batteries allow nothing, by direction."""


@dataclass(frozen=True, slots=True)
class Step:
    """What each battery's current changed by (A) in one step of the bank's."""

    changes: Mapping[str, float]
    idle: Idle


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment in which every battery has reported, and by how much they moved."""

    at: float
    currents: Mapping[str, float]
    idle: Idle
    moved: float
    """A; what all together moved by since their report before."""
    quiet: bool
    """None moved."""

    @property
    def total(self) -> float:
        return sum(self.currents.values())


class Steps:
    """Finds steps in what the batteries of one bank report."""

    def __init__(self) -> None:
        """Begin without a moment to compare with."""
        self._moments: deque[_Moment] = deque()
        self._reported: dict[str, tuple[float, float]] = {}

    def forget(self) -> None:
        """Compare with nothing from before: the set of batteries has changed."""
        self._moments.clear()
        self._reported.clear()

    def find(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> Step | None:
        """Return the step that ended in a quiet moment at `now`, if one did."""
        moment = self._moment(batteries, idle, now)
        if moment is None:
            return None
        while self._moments and self._moments[0].at < now - PAIR_AGE:
            self._moments.popleft()
        if self._moments and self._moments[-1].idle != idle:
            self._moments.clear()
        before = self._before(moment, len(batteries))
        if before is not None:
            self._moments.clear()
        self._moments.append(moment)
        if before is None:
            return None
        changes = {k: amps - before.currents[k] for k, amps in moment.currents.items()}
        return Step(changes, idle)

    def _before(self, moment: _Moment, count: int) -> _Moment | None:
        """Return the last moment from which the bank's current has stepped."""
        least = max(LEAST_STEP, LEAST_STEP_PER_BATTERY * count) * TOLERANCE
        for before in reversed(self._moments):
            blur = 0.0
            if not (before.quiet and moment.quiet):
                blur = CLEAR * (before.moved + moment.moved)
            step = abs(moment.total - before.total)
            if step >= max(least, LEAST_SPEED * (moment.at - before.at), blur):
                return before
        return None

    def _moment(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> _Moment | None:
        """Return a moment once every battery has reported again."""
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
        return _Moment(now, currents, idle, sum(moved.values()), quiet)
