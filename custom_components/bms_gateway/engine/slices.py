"""What part of the bank's current each battery carries: learnt, never assumed twice.

A battery carries slice x bank current + offset. The slice begins as its part of the
capacity and is learnt from steps of the current between two quiet moments; the offset
is what circulates between the batteries while the bank rests.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .model import BatteryState, Direction

TOLERANCE: Final = 1.0
"""A; what a battery's current meter may be wrong by."""
RATE: Final = 0.4
"""How much of what one step shows is taken over."""
QUIET_AMPS: Final = 0.7
QUIET_PART: Final = 0.03
"""A battery is quiet while its current moves by no more than this sum of both."""
PAIR_AGE: Final = 180.0
"""Seconds between two quiet moments that still tell of the same state."""
FRESH: Final = 3.0
"""Seconds; an older measurement teaches nothing."""
STEP: Final = 15.0
STEP_PER_BATTERY: Final = 5.0
"""A x batteries: the least step of the bank's current that teaches anything."""
SETTLING: Final = 8.0
"""Seconds in which an offset follows, or two of the slowest battery's periods."""
UNKNOWN_HOLD: Final = 10.0
"""Seconds for which a battery whose current is unknown is reckoned as before."""
UNKNOWN_FACTOR: Final = 1.5
"""How much more a battery may carry whose current stays unknown."""
WRONG_SIGN: Final = -0.1
"""A slice below it means that the battery counts its current the other way round."""
ODD: Final = 2.0
"""A slice that many times off the capacity's part: capacity or cabling is wrong."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one battery carries: `slice` (0..1) x bank current + `offset` (A)."""

    slice: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class _Moment:
    """A quiet moment: every battery has reported, and none moved."""

    at: float
    currents: Mapping[str, float]
    idle: frozenset[tuple[str, Direction]]

    @property
    def total(self) -> float:
        return sum(self.currents.values())


class Slices:
    """The slices and offsets of a bank, learnt from what its batteries report."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self._slices = dict(learnt or {})
        self._offsets: dict[str, float] = {}
        self._moments: deque[_Moment] = deque()
        self._reported: dict[str, tuple[float, float]] = {}
        self._negative: dict[str, int] = {}
        self._unknown_since: dict[str, float] = {}
        self._at: float | None = None

    @property
    def learnt(self) -> dict[str, float]:
        """The slices by battery id, to be kept across restarts."""
        return dict(self._slices)

    @property
    def wrong_signs(self) -> frozenset[str]:
        """Batteries that twice showed a negative slice: their current is unknown."""
        return frozenset(key for key, count in self._negative.items() if count >= 2)

    def odd(self, batteries: Sequence[BatteryState]) -> frozenset[str]:
        """Return those that carry far more or less than their capacity's part."""
        shares = capacity_shares(batteries)
        return frozenset(
            key
            for key, share in shares.items()
            if not share / ODD <= self._slices.get(key, share) * (1 + 1e-9)
            or self._slices.get(key, share) > share * ODD
        )

    def update(
        self,
        batteries: Sequence[BatteryState],
        idle: frozenset[tuple[str, Direction]],
        now: float,
    ) -> dict[str, Part]:
        """Take what the batteries report at `now`; return what each one carries.

        `batteries`: all that are reckoned with, lost ones too. `idle`: which of them
        allow nothing, by direction.
        """
        self._admit(batteries)
        self._learn(batteries, idle, now)
        self._settle(batteries, now)
        return {battery.id: self._part(battery, now) for battery in batteries}

    def _admit(self, batteries: Sequence[BatteryState]) -> None:
        """Give every battery a slice; renew the offsets when the set has changed."""
        ids = {battery.id for battery in batteries}
        if ids == set(self._offsets):
            return
        self._give(ids, capacity_shares(batteries))
        current = bank_current(batteries) or 0.0
        self._offsets = {
            b.id: b.readings.current - self._slices[b.id] * current
            if b.online and b.readings.current is not None
            else 0.0
            for b in batteries
        }
        self._moments.clear()
        self._reported.clear()

    def _give(self, ids: set[str], shares: Mapping[str, float]) -> None:
        """Let newcomers take their slice; the others share what is left."""
        new = ids - self._offsets.keys()
        old = ids - new
        taken = {key: self._slices.get(key, shares[key]) for key in new}
        if old and sum(taken.values()) >= 1.0:
            taken = {key: shares[key] for key in new}
        self._slices |= taken
        self._scale(old or new, 1.0 - sum(taken.values()) if old else 1.0)

    def _scale(self, ids: set[str], total: float) -> None:
        factor = total / sum(self._slices[key] for key in ids)
        for key in ids:
            self._slices[key] *= factor

    def _learn(
        self,
        batteries: Sequence[BatteryState],
        idle: frozenset[tuple[str, Direction]],
        now: float,
    ) -> None:
        """Compare quiet moments: who took what of the bank's step between them."""
        moment = self._moment(batteries, idle, now)
        if moment is None:
            return
        while self._moments and self._moments[0].at < now - PAIR_AGE:
            self._moments.popleft()
        if self._moments and self._moments[-1].idle != idle:
            self._moments.clear()
        least = max(STEP, STEP_PER_BATTERY * len(batteries)) * TOLERANCE
        for before in reversed(self._moments):
            if abs(moment.total - before.total) >= least:
                self._take(before, moment, capacity_shares(batteries))
                self._moments.clear()
                break
        self._moments.append(moment)

    def _moment(
        self,
        batteries: Sequence[BatteryState],
        idle: frozenset[tuple[str, Direction]],
        now: float,
    ) -> _Moment | None:
        """Return a quiet moment once every battery has reported again, unmoved."""
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
        quiet = before.keys() == reports.keys() and all(
            abs(current - before[key][1]) <= QUIET_AMPS + QUIET_PART * abs(current)
            for key, (_, current) in reports.items()
        )
        fresh = all(now - at <= FRESH for at, _ in reports.values())
        if not quiet or not fresh:
            return None
        return _Moment(
            now, {key: current for key, (_, current) in reports.items()}, idle
        )

    def _take(
        self, before: _Moment, after: _Moment, shares: Mapping[str, float]
    ) -> None:
        """Learn from one step.

        Who carries nothing because it may not teaches nothing: the others' slices keep
        their common sum, so that they still hold when it is back.
        """
        steps = {key: after.currents[key] - before.currents[key] for key in shares}
        barred = {key for key, _ in after.idle}
        takers = {
            key
            for key, step in steps.items()
            if key not in barred or abs(step) >= 2 * TOLERANCE
        }
        total = sum(steps[key] for key in takers)
        if not total:
            return
        mass = sum(self._slices[key] for key in takers)
        for key in takers:
            shown = steps[key] / total
            wrong = shown < WRONG_SIGN
            self._negative[key] = self._negative.get(key, 0) + 1 if wrong else 0
            shown = min(max(shown, 0.0), 1.0) * mass
            learnt = self._slices[key] + RATE * (shown - self._slices[key])
            self._slices[key] = max(learnt, shares[key] / 2)

    def _settle(self, batteries: Sequence[BatteryState], now: float) -> None:
        """Let the offsets follow what the slices do not explain."""
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        current = bank_current(batteries)
        if current is None:
            return
        slowest = max((b.period or 0.0 for b in batteries), default=0.0)
        gain = min(1.0, passed / max(SETTLING, 2 * slowest))
        for battery in batteries:
            if battery.online and battery.readings.current is not None:
                key = battery.id
                rest = battery.readings.current - self._slices[key] * current
                self._offsets[key] += (rest - self._offsets[key]) * gain

    def _part(self, battery: BatteryState, now: float) -> Part:
        key = battery.id
        if battery.readings.current is not None or not battery.online:
            self._unknown_since.pop(key, None)
        elif now - self._unknown_since.setdefault(key, now) > UNKNOWN_HOLD:
            return Part(min(1.0, UNKNOWN_FACTOR * self._slices[key]))
        return Part(self._slices[key], self._offsets[key])


def capacity_shares(batteries: Sequence[BatteryState]) -> dict[str, float]:
    """Return each battery's part of their common capacity."""
    total = sum(battery.capacity_ah for battery in batteries)
    return {battery.id: battery.capacity_ah / total for battery in batteries}


def bank_current(batteries: Sequence[BatteryState]) -> float | None:
    """Return what flows through the bank in A, charge positive.

    A battery online whose current is unknown is taken to carry its part by capacity;
    a lost one is left out: it may be disconnected.
    """
    online = [battery for battery in batteries if battery.online]
    known = [b for b in online if b.readings.current is not None]
    if not known:
        return None
    scale = sum(b.capacity_ah for b in online) / sum(b.capacity_ah for b in known)
    return scale * sum(b.readings.current or 0.0 for b in known)
