"""What each battery told of its current, and how far the bank moved meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from statistics import median
from typing import Final

from ...battery.timing.timeouts import LONGEST_PERIOD
from ...model import BatteryState
from .step_detection import QUIET_AMPS, QUIET_PART

SURE: Final = 2
"""Values before the last one, of which the middle one of all counts."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a battery told last, and what else was told then; currents in A."""

    at: float
    amps: float
    moved_at: float = 0.0
    """When its current last moved."""
    before: tuple[float, ...] = ()
    """The two values before it."""
    others: Mapping[str, float] = field(default_factory=dict)
    others_before: Mapping[str, float] = field(default_factory=dict)
    """What each battery had told by then, and by the telegram before."""

    @property
    def steady(self) -> float:
        """Return the current that no single false value moves.

        What hardly moved is taken as it is: the middle one of three is a telegram old.
        """
        if self.moved_at != self.at:
            return self.amps
        return median((*self.before, self.amps))

    @property
    def moved(self) -> float:
        """Return by how much it moved with the last telegram; inf: nobody knows."""
        return abs(self.amps - self.before[-1]) if self.before else inf

    @property
    def is_sure(self) -> bool:
        """Return whether enough was told for a single false value to be none."""
        return len(self.before) >= SURE

    def after(self, at: float, amps: float, others: Mapping[str, float]) -> Report:
        """Return what it tells next, measured at `at`; `others`: what all told by now."""
        is_quiet = abs(amps - self.amps) <= QUIET_AMPS + QUIET_PART * abs(amps)
        goes_on = at <= self.at + LONGEST_PERIOD
        return Report(
            at,
            amps,
            self.moved_at if is_quiet else at,
            (*self.before, self.amps)[-SURE:] if goes_on else (),
            others,
            self.others,
        )


class Reports:
    """The last report of each battery, by its id."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._reports: dict[str, Report] = {}

    def update(self, batteries: Sequence[BatteryState]) -> None:
        """Keep what those online tell that know their current."""
        ids = {battery.id for battery in batteries}
        self._reports = {k: one for k, one in self._reports.items() if k in ids}
        online = [b for b in batteries if b.online]
        sent = {b.id: amps for b in online if (amps := b.readings.current) is not None}
        for battery in online:
            amps, at = sent.get(battery.id), battery.current_at
            if amps is None or at is None:
                continue
            last = self._reports.get(battery.id)
            if last is None:
                # Nothing was told before that could contradict it
                before = (amps,) * SURE
                self._reports[battery.id] = Report(at, amps, before=before, others=sent)
            elif last.at != at:
                self._reports[battery.id] = last.after(at, amps, sent)

    def of(self, battery_id: str) -> Report | None:
        """Return the last report of a battery; None: it told nothing yet."""
        return self._reports.get(battery_id)

    def steady(self, battery: BatteryState) -> BatteryState:
        """Return a battery with a current that no single false value moves."""
        report = self._reports.get(battery.id)
        if report is None or battery.readings.current is None:
            return battery
        readings = replace(battery.readings, current=report.steady)
        return replace(battery, readings=readings)

    @property
    def are_sure(self) -> bool:
        """Return whether no single false value counts among them."""
        return all(report.is_sure for report in self._reports.values())

    @property
    def bank_moved(self) -> float:
        """Return by how many A the bank moved since one of them told what counts.

        Telegrams come at their own times, and what counts of each battery is confirmed
        by its next one: while the bank's current moves, they are of different age, and
        what the slices seem not to explain is that difference. What only circulates
        moves nothing: one battery carries more of it as another carries less.
        """
        now = {key: report.amps for key, report in self._reports.items()}
        return max(
            (
                abs(sum(a - report.others_before.get(k, a) for k, a in now.items()))
                for report in self._reports.values()
            ),
            default=0.0,
        )
