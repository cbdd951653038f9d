"""Time alignment: the bank current at the time when a battery measured its own.

A battery over its limit shows by how much the bank current was too high at the time of
its own measurement. Subtracted from a later bank current, which is lower already, the
same excess would be subtracted again and again until the battery reports anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from ...model import BatteryState, Direction
from .shares import with_unknown

SAME_MOMENT: Final = 0.3
"""Seconds between measurements that belong to the same bank current. (If values of any
age counted as simultaneous, the first battery to report a load step seemed to carry it
all: twice as many swings, and 1.5 % less energy moved.)"""
MIN_SHARE: Final = 1e-3
"""Smaller shares count as this one."""


@dataclass(frozen=True, slots=True)
class BankSample:
    """The bank current when one battery measured its own, in A, charge positive."""

    reported: float
    """As reported by the batteries."""
    likely: float
    """With the current expected from batteries that have not reported since, by how far
    this one has changed. Equal to `reported` once every other battery has reported since it
    changed."""
    between: float
    """With each other battery's current interpolated between its reports before and
    after."""

    def flowing(self, direction: Direction, most: float) -> float:
        """Return the highest possible bank current in a direction, in A, in its sense.

        `most`: A; hardly more than the limits sent to the inverters, however little is
        known.
        """
        guesses = direction.sign * self.likely, direction.sign * self.between
        return max(direction.sign * self.reported, min(max(guesses), most))


@dataclass(slots=True)
class _Measured:
    """One battery's measurement, and the others' values that belong to it."""

    at: float | None
    before: Mapping[str, float]
    """A; the others' reported currents when this one reported."""
    same: dict[str, float]
    """A; the others' values that are no older than this one's last change: the last one
    up to its own measurement, else the first after it."""
    measured_at: Mapping[str, float | None]
    """When each had measured the value reported by then."""
    between: dict[str, float]
    """A; each battery's current at that time, interpolated between its reports before
    and after: one that reports much later reports a current that is lower already."""


class TimeAlignment:
    """The time-aligned sample of each battery's last measurement."""

    def __init__(self) -> None:
        """Create it without samples."""
        self._reports: dict[str, _Measured] = {}
        self._reported: Mapping[str, float] = {}
        self._online: frozenset[str] = frozenset()

    def update(
        self, online: Sequence[BatteryState], moved_at: Mapping[str, float]
    ) -> None:
        """Take the batteries' reports; `moved_at`: when each current last changed."""
        reported = {
            b.id: amps for b in online if (amps := b.readings.current) is not None
        }
        measured_at = {b.id: b.current_at for b in online}
        before, self._reports, self._reported = self._reports, {}, reported
        self._online = frozenset(measured_at)
        for key in reported:
            report = before.get(key)
            if report is None or report.at != measured_at[key]:
                report = _Measured(measured_at[key], reported, {}, measured_at, {})
            since = moved_at.get(key, 0.0) - SAME_MOMENT
            until = inf if report.at is None else report.at + SAME_MOMENT
            for other, amps in reported.items():
                when = measured_at[other]
                if when is None or when >= since:
                    # After its own time the first value counts, not the later ones
                    is_later = when is not None and when > until
                    if not is_later or other not in report.same:
                        report.same[other] = amps
                        if is_later:
                            report.between[other] = _between(report, other, when, amps)
            self._reports[key] = report

    def of(self, battery_id: str, shares: Mapping[str, float]) -> BankSample | None:
        """Return the sample of a battery online whose current is known, else None."""
        report = self._reports.get(battery_id)
        if report is None:
            return None
        reported = likely = between = 0.0
        for other, amps in self._reported.items():
            if other in report.same:
                reported += report.same[other]
                likely += report.same[other]
                between += report.between.get(other, report.same[other])
            else:
                reported += amps
                likely += amps + self._moved(other, battery_id, shares)
                between += amps
        reported, likely, between = (
            with_unknown(amps, self._reported, self._online, shares)
            for amps in (reported, likely, between)
        )
        return BankSample(reported, likely, between)

    def _moved(self, other: str, battery_id: str, shares: Mapping[str, float]) -> float:
        """Return the change in A to expect of one battery since it reported."""
        now = self._reported[battery_id]
        moved = now - self._reports[other].before.get(battery_id, now)
        return moved * shares[other] / max(shares[battery_id], MIN_SHARE)


def _between(report: _Measured, other: str, when: float | None, amps: float) -> float:
    """Return another battery's current at the time of a report, in A.

    `amps`: its value after that, measured at `when`.
    """
    at, before_at = report.at, report.measured_at.get(other)
    before = report.before.get(other)
    if at is None or before_at is None or before is None or when is None:
        return amps
    if not before_at < at < when:
        return amps
    return before + (amps - before) * (at - before_at) / (when - before_at)
