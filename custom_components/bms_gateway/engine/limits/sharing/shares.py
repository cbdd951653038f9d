"""Current shares: the part of the bank current that each battery carries, learned.

A battery carries share x bank current + circulating current. The share begins as its
part of the capacity and is learned from steps of the current between two quiet samples;
the circulating current flows between the batteries while the bank rests.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...model import BatteryState
from ...tolerances import TOLERANCE
from .step_detection import QUANTA, Idle, Step, Steps

RATE: Final = 0.4
"""The part of the deviation shown by one step that is adopted."""
MIN_SHARE_FACTOR: Final = 0.5
"""The lowest share to use, as a factor on the capacity's part."""
WRONG_SIGN: Final = -0.1
WRONG_SIGN_STEPS: Final = 2
"""Steps in a row that have to show it."""
WRONG_SIGN_AMPS: Final = 5 * TOLERANCE
"""A share below WRONG_SIGN, by at least this many A, means that the battery reports its
current with the wrong sign. (Less may be circulating current that shifts during a small
step.)"""
ODD: Final = 2.0
"""A share that differs from the capacity's part by this factor: capacity or cabling is
wrong."""


class CurrentShares:
    """The batteries' current shares, learned from what they report."""

    def __init__(self, learned: Mapping[str, float] | None = None) -> None:
        """Begin with shares learned earlier (by battery id), else with none."""
        self._shares = dict(learned or {})
        self._ids: set[str] = set()
        self._steps = Steps()
        self._negative: dict[str, int] = {}

    @property
    def learned(self) -> dict[str, float]:
        """The shares by battery id, to be stored across restarts."""
        return dict(self._shares)

    @property
    def wrong_signs(self) -> frozenset[str]:
        """Batteries that twice showed a negative share: their current is unknown."""
        return frozenset(
            key for key, count in self._negative.items() if count >= WRONG_SIGN_STEPS
        )

    def odd(self, batteries: Sequence[BatteryState]) -> frozenset[str]:
        """Return the batteries that carry far more or less than by capacity."""
        by_capacity = capacity_shares(batteries)
        return frozenset(
            key
            for key, share in by_capacity.items()
            if not share / ODD <= self._shares.get(key, share) <= share * ODD
        )

    def update(
        self, batteries: Sequence[BatteryState], idle: Idle, now: float
    ) -> dict[str, float]:
        """Take what the batteries report at `now`; return their shares.

        `batteries`: all that count, lost ones too. `idle`: which of them allow 0 A, by
        direction. No returned share is far below the capacity's part; the learned value
        itself stays: raised, it would be missing in the others.
        """
        by_capacity = capacity_shares(batteries)
        if by_capacity.keys() != self._ids:
            self._steps.forget(now, joined=bool(self._ids))
            self._assign(set(by_capacity), by_capacity)
        step = self._steps.find(self._as_reported(batteries), idle, now)
        if step is not None:
            self._learn(step)
        return {
            k: max(self._shares[k], MIN_SHARE_FACTOR * share)
            for k, share in by_capacity.items()
        }

    def _as_reported(self, batteries: Sequence[BatteryState]) -> list[BatteryState]:
        """Return the batteries; a wrong sign keeps the current as reported."""
        wrong_signs = self.wrong_signs
        return [
            replace(b, readings=replace(b.readings, current=b.last.current))
            if b.online and b.id in wrong_signs
            else b
            for b in batteries
        ]

    def _assign(self, ids: set[str], by_capacity: Mapping[str, float]) -> None:
        """Give new batteries their share; the others divide the rest."""
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

        A battery that carries nothing because it allows 0 A teaches nothing, nor does
        one with a wrong sign: the others' shares keep their common sum, so that they
        still hold when it is back. A step that may show a wrong sign teaches no shares:
        they would be those of a current that did not flow.
        """
        barred = {key for key, _ in step.idle}
        carrying = {
            key: change
            for key, change in step.changes.items()
            if key not in barred or abs(change) >= 2 * TOLERANCE
        }
        total = sum(carrying.values())
        if not total or self._shows_wrong_sign(carrying, total):
            return
        carrying = {
            key: change
            for key, change in carrying.items()
            if not self._negative[key] and self._shows(key, step, total)
        }
        total = sum(carrying.values())
        if not total:
            return
        shown = {key: max(0.0, change / total) for key, change in carrying.items()}
        mass = sum(self._shares[key] for key in carrying) / sum(shown.values())
        for key, part in shown.items():
            self._shares[key] += RATE * (part * mass - self._shares[key])

    def _shows(self, key: str, step: Step, total: float) -> bool:
        """Return whether a battery's meter resolves its part of a step of `total` A."""
        part = max(abs(step.changes[key]), abs(self._shares[key] * total))
        return part >= QUANTA * step.blurs.get(key, 0.0)

    def _shows_wrong_sign(self, changes: Mapping[str, float], total: float) -> bool:
        """Count batteries that moved against the others; return whether one is new."""
        is_new = False
        for key, change in changes.items():
            before = self._negative.get(key, 0)
            clear = abs(change) >= WRONG_SIGN_AMPS
            if clear and change / total < WRONG_SIGN:
                self._negative[key] = before + 1
                is_new = is_new or before < WRONG_SIGN_STEPS
            elif before < WRONG_SIGN_STEPS or clear:
                self._negative[key] = 0
        return is_new


def capacity_shares(batteries: Sequence[BatteryState]) -> dict[str, float]:
    """Return each battery's part of their common capacity."""
    total = sum(battery.capacity_ah for battery in batteries)
    return {battery.id: battery.capacity_ah / total for battery in batteries}


def bank_current(
    batteries: Sequence[BatteryState], shares: Mapping[str, float]
) -> float | None:
    """Return the bank's current in A, charge positive.

    A battery online whose current is unknown is assumed to carry its share; a lost one
    is left out: it may be disconnected.
    """
    online = [battery for battery in batteries if battery.online]
    reported = {b.id: amps for b in online if (amps := b.readings.current) is not None}
    if not reported:
        return None
    return with_unknown(
        sum(reported.values()), reported, [b.id for b in online], shares
    )


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
