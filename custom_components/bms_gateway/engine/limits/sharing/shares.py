"""What part of the bank's current each battery carries: learnt, never assumed twice.

A battery carries slice x bank current + offset. The slice begins as its part of the
capacity and is learnt from steps of the current between two clear moments; the offset
is what circulates between the batteries while the bank rests.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...model import BatteryState
from ...tolerances import TOLERANCE
from .step_detection import QUANTA, Idle, Step, Steps

RATE: Final = 0.4
"""How much of what one step shows is taken over."""
LEAST: Final = 0.5
"""The least slice to reckon with, of the capacity's part."""
WRONG_SIGN: Final = -0.1
TIMES: Final = 2
"""Steps in a row that have to show it."""
WRONG_SIGN_AMPS: Final = 5 * TOLERANCE
"""A slice below it, by at least so many A, means that the battery counts its current
the other way round. (Less may be circulation that shifts during a small step.)"""
ODD: Final = 2.0
"""A slice that many times off the capacity's part: capacity or cabling is wrong."""


class CurrentShares:
    """The slices of a bank, learnt from what its batteries report."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self._shares = dict(learnt or {})
        self._ids: set[str] = set()
        self._steps = Steps()
        self._negative: dict[str, int] = {}

    @property
    def learnt(self) -> dict[str, float]:
        """The slices by battery id, to be kept across restarts."""
        return dict(self._shares)

    @property
    def wrong_signs(self) -> frozenset[str]:
        """Batteries that twice showed a negative slice: their current is unknown."""
        return frozenset(key for key, count in self._negative.items() if count >= TIMES)

    def odd(self, batteries: Sequence[BatteryState]) -> frozenset[str]:
        """Return those that carry far more or less than their capacity's part."""
        by_capacity = capacity_shares(batteries)
        return frozenset(
            key
            for key, share in by_capacity.items()
            if not share / ODD <= self._shares.get(key, share) <= share * ODD
        )

    def update(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> dict[str, float]:
        """Take what the batteries report at `now`; return their slices.

        `batteries`: all that are reckoned with, lost ones too. `idle`: which of them
        allow nothing, by direction. None is far below its capacity's part; what is
        learnt stays as it is: raised, it would be missing in the others'.
        """
        by_capacity = capacity_shares(batteries)
        if by_capacity.keys() != self._ids:
            self._steps.forget(now, joined=bool(self._ids))
            self._give(set(by_capacity), by_capacity)
        step = self._steps.find(self._as_told(batteries), idle, now)
        if step is not None:
            self._learn(step)
        return {
            k: max(self._shares[k], LEAST * share) for k, share in by_capacity.items()
        }

    def _as_told(self, batteries: Sequence[BatteryState]) -> list[BatteryState]:
        """Return the batteries with the current that those of wrong sign tell, too."""
        wrong_signs = self.wrong_signs
        return [
            replace(b, readings=replace(b.readings, current=b.last.current))
            if b.online and b.id in wrong_signs
            else b
            for b in batteries
        ]

    def _give(self, ids: set[str], by_capacity: Mapping[str, float]) -> None:
        """Let newcomers take their slice; the others share what is left."""
        new = ids - self._ids
        old = ids - new
        taken = {key: self._shares.get(key, by_capacity[key]) for key in new}
        if old and sum(taken.values()) >= 1.0:
            taken = {key: by_capacity[key] for key in new}
        self._shares |= taken
        self._scale(old or new, 1.0 - sum(taken.values()) if old else 1.0)
        self._ids = ids

    def _scale(self, ids: set[str], total: float) -> None:
        factor = total / sum(self._shares[key] for key in ids)
        for key in ids:
            self._shares[key] *= factor

    def _learn(self, step: Step) -> None:
        """Learn from one step.

        Who carries nothing because it may not teaches nothing, nor does who counts its
        current the other way round: the others' slices keep their common sum, so that
        they still hold when it is back. A step that may show a wrong sign shows no
        slices: they would be those of what did not flow.
        """
        barred = {key for key, _ in step.idle}
        takers = {
            key: change
            for key, change in step.changes.items()
            if key not in barred or abs(change) >= 2 * TOLERANCE
        }
        total = sum(takers.values())
        if not total or self._shows_wrong_sign(takers, total):
            return
        takers = {
            key: change
            for key, change in takers.items()
            if not self._negative[key] and self._shows(key, step, total)
        }
        total = sum(takers.values())
        if not total:
            return
        shown = {key: max(0.0, change / total) for key, change in takers.items()}
        mass = sum(self._shares[key] for key in takers) / sum(shown.values())
        for key, part in shown.items():
            self._shares[key] += RATE * (part * mass - self._shares[key])

    def _shows(self, key: str, step: Step, total: float) -> bool:
        """Return whether a battery's meter resolves its part of a step of `total` A."""
        part = max(abs(step.changes[key]), abs(self._shares[key] * total))
        return part >= QUANTA * step.blurs.get(key, 0.0)

    def _shows_wrong_sign(self, changes: Mapping[str, float], total: float) -> bool:
        """Count who moved against the others; return whether anybody newly did."""
        news = False
        for key, change in changes.items():
            before = self._negative.get(key, 0)
            clear = abs(change) >= WRONG_SIGN_AMPS
            if clear and change / total < WRONG_SIGN:
                self._negative[key] = before + 1
                news = news or before < TIMES
            elif before < TIMES or clear:
                self._negative[key] = 0
        return news


def capacity_shares(batteries: Sequence[BatteryState]) -> dict[str, float]:
    """Return each battery's part of their common capacity."""
    total = sum(battery.capacity_ah for battery in batteries)
    return {battery.id: battery.capacity_ah / total for battery in batteries}


def bank_current(
    batteries: Sequence[BatteryState], shares: Mapping[str, float]
) -> float | None:
    """Return what flows through the bank in A, charge positive.

    A battery online whose current is unknown is taken to carry its slice; a lost one
    is left out: it may be disconnected.
    """
    online = [battery for battery in batteries if battery.online]
    sent = {b.id: amps for b in online if (amps := b.readings.current) is not None}
    if not sent:
        return None
    return with_unknown(sum(sent.values()), sent, [b.id for b in online], shares)


def with_unknown(
    amps: float,
    known: Collection[str],
    online: Collection[str],
    shares: Mapping[str, float],
) -> float:
    """Return the current in A of all online, of which the known ones carry `amps`."""
    part = sum(shares[key] for key in known)
    scale = sum(shares[key] for key in online) / part if part else 1.0
    return scale * amps
