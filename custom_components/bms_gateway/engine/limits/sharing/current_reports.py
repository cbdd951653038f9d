"""The batteries' current reports, and how far the bank current changed meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from statistics import median
from typing import Final

from ...battery.timing.timeouts import LONGEST_PERIOD
from ...model import BatteryState
from .step_detection import QUIET_AMPS, QUIET_PART

SURE: Final = 2
"""Values before the last one; the median of all three counts."""


@dataclass(frozen=True, slots=True)
class Report:
    """A battery's last report, and the others' currents at that time; in A."""

    at: float
    amps: float
    moved_at: float = 0.0
    """When its current last changed."""
    before: tuple[float, ...] = ()
    """The two values before it."""
    others: Mapping[str, float] = field(default_factory=dict)
    others_before: Mapping[str, float] = field(default_factory=dict)
    """The current of each battery as reported by then, and by the previous telegram."""

    @property
    def steady(self) -> float:
        """Return the current, filtered so that no single false value counts.

        A value that hardly changed is used directly: the median of three is a telegram
        old.
        """
        if self.moved_at != self.at:
            return self.amps
        return median((*self.before, self.amps))

    @property
    def moved(self) -> float:
        """Return by how much it changed with the last telegram; inf: unknown."""
        return abs(self.amps - self.before[-1]) if self.before else inf

    @property
    def is_sure(self) -> bool:
        """Return whether enough was reported for a single false value not to count."""
        return len(self.before) >= SURE

    def after(self, at: float, amps: float, others: Mapping[str, float]) -> Report:
        """Return the next report, measured at `at`; `others`: all currents by now."""
        is_quiet = abs(amps - self.amps) <= QUIET_AMPS + QUIET_PART * abs(amps)
        is_continuous = at <= self.at + LONGEST_PERIOD
        return Report(
            at,
            amps,
            self.moved_at if is_quiet else at,
            (*self.before, self.amps)[-SURE:] if is_continuous else (),
            others,
            self.others,
        )


class Reports:
    """The last report of each battery, by its id."""

    def __init__(self) -> None:
        """Create it without reports."""
        self._reports: dict[str, Report] = {}

    def update(self, batteries: Sequence[BatteryState]) -> None:
        """Store the reports of batteries online whose current is known."""
        ids = {battery.id for battery in batteries}
        self._reports = {k: one for k, one in self._reports.items() if k in ids}
        online = [b for b in batteries if b.online]
        reported = {
            b.id: amps for b in online if (amps := b.readings.current) is not None
        }
        for battery in online:
            amps, at = reported.get(battery.id), battery.current_at
            if amps is None or at is None:
                continue
            last = self._reports.get(battery.id)
            if last is None:
                # There is no earlier report that could contradict it
                before = (amps,) * SURE
                self._reports[battery.id] = Report(
                    at, amps, before=before, others=reported
                )
            elif last.at != at:
                self._reports[battery.id] = last.after(at, amps, reported)

    def of(self, battery_id: str) -> Report | None:
        """Return the last report of a battery; None: none yet."""
        return self._reports.get(battery_id)

    def steady(self, battery: BatteryState) -> BatteryState:
        """Return a battery with a current on which no single false value counts."""
        report = self._reports.get(battery.id)
        if report is None or battery.readings.current is None:
            return battery
        readings = replace(battery.readings, current=report.steady)
        return replace(battery, readings=readings)

    @property
    def are_sure(self) -> bool:
        """Return whether no single false value counts in any report."""
        return all(report.is_sure for report in self._reports.values())

    @property
    def bank_moved(self) -> float:
        """Return the change in A of the bank current since the oldest value in use.

        Telegrams arrive at their own times, and the value in use of each battery is
        confirmed by its next one: while the bank current changes, the values differ in
        age, and the part that the shares seem not to explain is that difference. Purely
        circulating current changes nothing: one battery carries more of it as another
        carries less.
        """
        now = {key: report.amps for key, report in self._reports.items()}
        return max(
            (
                abs(sum(a - report.others_before.get(k, a) for k, a in now.items()))
                for report in self._reports.values()
            ),
            default=0.0,
        )
