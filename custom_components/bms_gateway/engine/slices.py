"""What part of the bank's current each battery carries: learnt, never assumed twice.

A battery carries slice x bank current + offset. The slice begins as its part of the
capacity and is learnt from steps of the current between two quiet moments; the offset
is what circulates between the batteries while the bank rests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .model import BatteryState
from .steps import QUIET_AMPS, QUIET_PART, TOLERANCE, Idle, Step, Steps

RATE: Final = 0.4
"""How much of what one step shows is taken over."""
SETTLING: Final = 8.0
"""Seconds in which an offset follows, or two of the slowest battery's periods."""
CALM: Final = 3 * TOLERANCE
"""A per battery; while the currents move by as much from telegram to telegram, the
offsets follow half as fast. (Without: twice as many swings of the limits.)"""
LEAST: Final = 0.5
"""The least slice to reckon with, of the capacity's part."""
UNKNOWN_HOLD: Final = 10.0
"""Seconds for which a battery whose current is unknown is reckoned as before."""
UNKNOWN_FACTOR: Final = 1.5
"""How much more a battery may carry whose current stays unknown."""
WRONG_SIGN: Final = -0.1
WRONG_SIGN_AMPS: Final = 5 * TOLERANCE
"""A slice below it, by at least so many A, means that the battery counts its current
the other way round. (Less may be circulation that shifts during a small step.)"""
ODD: Final = 2.0
"""A slice that many times off the capacity's part: capacity or cabling is wrong."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one battery carries: `slice` (0..1) x bank current + `offset` (A)."""

    slice: float
    offset: float = 0.0
    moved_at: float = 0.0
    """When its current last moved: what was measured before belongs to another one."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a battery told last, and by how much that differed from before."""

    at: float
    amps: float
    moved: float = 0.0
    moved_at: float = 0.0


class Slices:
    """The slices and offsets of a bank, learnt from what its batteries report."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self._slices = dict(learnt or {})
        self._offsets: dict[str, float] = {}
        self._steps = Steps()
        self._told: dict[str, _Told] = {}
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
            if not share / ODD <= self._slices.get(key, share) <= share * ODD
        )

    def update(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> dict[str, Part]:
        """Take what the batteries report at `now`; return what each one carries.

        `batteries`: all that are reckoned with, lost ones too. `idle`: which of them
        allow nothing, by direction.
        """
        self._admit(batteries)
        step = self._steps.find(batteries, idle, now)
        if step is not None:
            self._learn(step)
        slices = self._floored(batteries)
        self._settle(batteries, slices, now)
        return {b.id: self._part(b, slices[b.id], now) for b in batteries}

    def _admit(self, batteries: Sequence[BatteryState]) -> None:
        """Give every battery a slice; renew the offsets when the set has changed."""
        ids = {battery.id for battery in batteries}
        if ids == set(self._offsets):
            return
        self._give(ids, capacity_shares(batteries))
        current = bank_current(batteries) or 0.0
        slices = self._floored(batteries)
        self._offsets = {
            b.id: b.readings.current - slices[b.id] * current
            if b.online and b.readings.current is not None
            else 0.0
            for b in batteries
        }
        self._steps.forget()

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

    def _learn(self, step: Step) -> None:
        """Learn from one step.

        Who carries nothing because it may not teaches nothing: the others' slices keep
        their common sum, so that they still hold when it is back.
        """
        barred = {key for key, _ in step.idle}
        takers = {
            key: change
            for key, change in step.changes.items()
            if key not in barred or abs(change) >= 2 * TOLERANCE
        }
        total = sum(takers.values())
        if not total:
            return
        for key, change in takers.items():
            wrong = change / total < WRONG_SIGN and abs(change) >= WRONG_SIGN_AMPS
            self._negative[key] = self._negative.get(key, 0) + 1 if wrong else 0
        shown = {key: max(0.0, change / total) for key, change in takers.items()}
        mass = sum(self._slices[key] for key in takers) / sum(shown.values())
        for key, part in shown.items():
            self._slices[key] += RATE * (part * mass - self._slices[key])

    def _floored(self, batteries: Sequence[BatteryState]) -> dict[str, float]:
        """Return the slices to reckon with: none far below its capacity's part.

        What is learnt stays as it is: raised, it would be missing in the others'.
        """
        shares = capacity_shares(batteries)
        return {key: max(self._slices[key], LEAST * shares[key]) for key in shares}

    def _settle(
        self,
        batteries: Sequence[BatteryState],
        slices: Mapping[str, float],
        now: float,
    ) -> None:
        """Let the offsets follow what the slices do not explain."""
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        current = bank_current(batteries)
        if current is None:
            return
        slowest = max((b.period or 0.0 for b in batteries), default=0.0)
        gain = min(1.0, passed / max(SETTLING, 2 * slowest))
        gain *= self._agreement(batteries)
        for battery in batteries:
            if battery.online and battery.readings.current is not None:
                key = battery.id
                rest = battery.readings.current - slices[key] * current
                self._offsets[key] += (rest - self._offsets[key]) * gain

    def _agreement(self, batteries: Sequence[BatteryState]) -> float:
        """Return how far the currents told belong to one moment, 0 to 1.

        Telegrams come at their own times: while the currents move, they are of
        different age, and what the slices seem not to explain is that difference.
        """
        moved = 0.0
        for b in batteries:
            amps, at = b.readings.current, b.current_at
            if not b.online or amps is None or at is None:
                continue
            told = self._told.get(b.id)
            if told is None or told.at != at:
                told = self._told[b.id] = _after(told, at, amps)
            moved += told.moved
        calm = CALM * len(batteries)
        return calm / (calm + moved)

    def _part(self, battery: BatteryState, slice_: float, now: float) -> Part:
        key = battery.id
        if battery.readings.current is not None or not battery.online:
            self._unknown_since.pop(key, None)
        elif now - self._unknown_since.setdefault(key, now) > UNKNOWN_HOLD:
            return Part(min(1.0, UNKNOWN_FACTOR * slice_))
        told = self._told.get(key)
        return Part(slice_, self._offsets[key], told.moved_at if told else 0.0)


def _after(told: _Told | None, at: float, amps: float) -> _Told:
    """Return what a battery told, now that it tells `amps`, measured at `at`."""
    if told is None:
        return _Told(at, amps)
    moved = abs(amps - told.amps)
    is_quiet = moved <= QUIET_AMPS + QUIET_PART * abs(amps)
    return _Told(at, amps, moved, told.moved_at if is_quiet else at)


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
