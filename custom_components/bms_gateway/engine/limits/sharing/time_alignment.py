"""What the bank carried when a battery measured its current: each reports in its time.

A battery over its limit says by how much the bank's current was too high, at the moment
of its own measurement. Taken off what flows later, when that has come down already, the
same excess would be taken off again and again until the battery reports anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from ...model import BatteryState, Direction
from .shares import with_unknown

SAME_MOMENT: Final = 0.3
"""Seconds between measurements that tell of the same bank current. (Taken as of one
moment whatever their age, a load step made the first to report it seem to carry it
all: twice as many swings, and 1.5 % less energy moved.)"""
MIN_SHARE: Final = 1e-3
"""Smaller ones are reckoned as this."""


@dataclass(frozen=True, slots=True)
class BankSample:
    """The bank's current when one battery measured its own, in A, charge positive."""

    sent: float
    """As far as the batteries have told."""
    likely: float
    """With what must have come since others reported, by how far this one has moved.
    Equal to `told` once every other battery has reported since it moved."""
    between: float
    """With what each other carried between what it told before and after."""

    def flowing(self, direction: Direction, most: float) -> float:
        """Return the most that it can have been in a direction, in that sense, in A.

        `most`: A; hardly more than the inverters were told, however little is known.
        """
        guesses = direction.sign * self.likely, direction.sign * self.between
        return max(direction.sign * self.sent, min(max(guesses), most))


@dataclass(slots=True)
class _Measured:
    """What one battery measured, and with what of the others it belongs together."""

    at: float | None
    before: Mapping[str, float]
    """A; what each had told when this one reported."""
    same: dict[str, float]
    """A; what each told that is no older than this one's last move: the last up to its
    own moment, else the first after it."""
    measured_at: Mapping[str, float | None]
    """When each had measured what it had told by then."""
    between: dict[str, float]
    """A; what each carried at the moment in question, by what it told before and after:
    one that reports much later tells of a current that has come down already."""


class TimeAlignment:
    """The moment of each battery's last measurement."""

    def __init__(self) -> None:
        """Begin without any."""
        self._reports: dict[str, _Measured] = {}
        self._sent: Mapping[str, float] = {}
        self._online: frozenset[str] = frozenset()

    def update(
        self, online: Sequence[BatteryState], moved_at: Mapping[str, float]
    ) -> None:
        """Take what the batteries report; `moved_at`: when each current last moved."""
        sent = {b.id: amps for b in online if (amps := b.readings.current) is not None}
        measured_at = {b.id: b.current_at for b in online}
        before, self._reports, self._sent = self._reports, {}, sent
        self._online = frozenset(measured_at)
        for key in sent:
            report = before.get(key)
            if report is None or report.at != measured_at[key]:
                report = _Measured(measured_at[key], sent, {}, measured_at, {})
            since = moved_at.get(key, 0.0) - SAME_MOMENT
            until = inf if report.at is None else report.at + SAME_MOMENT
            for other, amps in sent.items():
                when = measured_at[other]
                if when is None or when >= since:
                    # After its own moment the first counts: later ones tell what came.
                    is_later = when is not None and when > until
                    if not is_later or other not in report.same:
                        report.same[other] = amps
                        if is_later:
                            report.between[other] = _between(report, other, when, amps)
            self._reports[key] = report

    def of(self, battery_id: str, shares: Mapping[str, float]) -> BankSample | None:
        """Return the moment of a battery online whose current is known, else None."""
        report = self._reports.get(battery_id)
        if report is None:
            return None
        sent = likely = between = 0.0
        for other, amps in self._sent.items():
            if other in report.same:
                sent += report.same[other]
                likely += report.same[other]
                between += report.between.get(other, report.same[other])
            else:
                sent += amps
                likely += amps + self._moved(other, battery_id, shares)
                between += amps
        sent, likely, between = (
            with_unknown(amps, self._sent, self._online, shares)
            for amps in (sent, likely, between)
        )
        return BankSample(sent, likely, between)

    def _moved(self, other: str, battery_id: str, shares: Mapping[str, float]) -> float:
        """Return by how much one must have moved since it reported, as another has."""
        now = self._sent[battery_id]
        moved = now - self._reports[other].before.get(battery_id, now)
        return moved * shares[other] / max(shares[battery_id], MIN_SHARE)


def _between(report: _Measured, other: str, when: float | None, amps: float) -> float:
    """Return what another battery carried at a report's moment, in A.

    `amps`: what it told after that, measured at `when`.
    """
    at, before_at = report.at, report.measured_at.get(other)
    before = report.before.get(other)
    if at is None or before_at is None or before is None or when is None:
        return amps
    if not before_at < at < when:
        return amps
    return before + (amps - before) * (at - before_at) / (when - before_at)
