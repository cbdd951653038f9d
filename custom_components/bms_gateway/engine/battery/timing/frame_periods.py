"""Frame periods of a battery, and which optional frames it really sends."""

from collections.abc import Iterator
from math import inf
from typing import Final

from ...config import BatteryConfig
from .timeouts import (
    LONGEST_LIMITS_TIMEOUT,
    LONGEST_PERIOD,
    LONGEST_TIMEOUT,
    FramePeriod,
)

LIMITS_ID: Final = 0x351
ALARM_PAIRS_ID: Final = 0x35A
OPTIONAL_IDS: Final = frozenset({0x359, ALARM_PAIRS_ID, 0x35C})
"""Alarms and enables, which not every battery sends."""
CONTROL_IDS: Final = OPTIONAL_IDS | {LIMITS_ID}
OWN_AFTER: Final = 3
"""Whole telegrams, in each of which (or after a gap below LONGEST_PERIOD) a frame came:
then it is one of those that the battery sends."""
UNKNOWN_FRAME_PERIODS: Final = 1.2
"""Periods of 0x351 for which a frame counts that the battery never sent before."""


class FramePeriods:
    """The periods of one battery's frames, by ID."""

    def __init__(self, config: BatteryConfig) -> None:
        """Begin without a frame."""
        self._config = config
        self._periods: dict[int, FramePeriod] = {}
        self._beats: dict[int, tuple[int, int]] = {}
        self._late: set[int] = set()

    def configure(self, config: BatteryConfig) -> None:
        """Take over a changed configuration."""
        self._config = config
        for can_id, frame_period in self._periods.items():
            frame_period.ceiling = self._ceiling(can_id)

    def on_frame(self, can_id: int, at: float, telegrams: int) -> None:
        """Take a frame; `telegrams`: how many were whole until now."""
        frame_period = self._periods.get(can_id)
        if frame_period is None:
            frame_period = self._periods[can_id] = FramePeriod(self._ceiling(can_id))
            if telegrams >= OWN_AFTER:
                self._late.add(can_id)
        beats, counted_at = self._beats.get(can_id, (0, -1))
        if (
            beats < OWN_AFTER
            and frame_period.last is not None
            and at > frame_period.last + LONGEST_PERIOD
        ):
            beats = 0
        if telegrams != counted_at:
            self._beats[can_id] = beats + 1, telegrams
        frame_period.on_frame(at)

    def period(self, *can_ids: int) -> float | None:
        """Return the period in s of the slowest of these; None: not known."""
        periods = (
            self._periods[each].period for each in can_ids if each in self._periods
        )
        return max((each for each in periods if each is not None), default=None)

    def longest_period(self, can_id: int) -> float | None:
        """Return the longest period in s of the last minute; None: not known."""
        frame_period = self._periods.get(can_id)
        return None if frame_period is None else frame_period.longest_period

    def timeout(self, can_id: int) -> float:
        """Return for how many seconds a frame counts.

        One that the battery never sent before may be another node's, or false. It
        counts until the battery has sent everything again without it.
        """
        timeout = self._periods[can_id].timeout
        if can_id in OPTIONAL_IDS and can_id in self._late and not self.is_own(can_id):
            return min(
                timeout,
                UNKNOWN_FRAME_PERIODS * (self.longest_period(LIMITS_ID) or timeout),
            )
        return timeout

    def is_own(self, can_id: int) -> bool:
        """Return whether the battery sends this frame, or used to."""
        return self._beats.get(can_id, (0, 0))[0] >= OWN_AFTER

    def stale_at(self, can_id: int) -> float:
        """Return when the last frame expires; -inf: none came."""
        last = self._last(can_id)
        return last if last == -inf else last + self.timeout(can_id)

    def ends_with_limits(self, at: float) -> float:
        """Return when limits of the same telegram as `at` expire; -inf: there are none.

        When all frames stop, the limits have to be missed first: they decide what it
        means. (Batteries that send 0x356 before 0x351 were blocked for some ms, with an
        alarm, at the beginning of each silence that is bridged.)
        """
        period = self.period(LIMITS_ID)
        is_same = period is not None and self._last(LIMITS_ID) <= at + period / 2
        return self.stale_at(LIMITS_ID) if is_same else -inf

    def fresh(self, can_id: int, now: float) -> bool:
        """Return whether the last frame still counts."""
        return now < self.stale_at(can_id)

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when frames expire."""
        for each in self._periods:
            yield self.stale_at(each)

    def missing(self, now: float) -> frozenset[int]:
        """Return the alarms and enables that the battery no longer sends, but used to.

        Only while its limits continue: when all frames stop, none of them is missing.
        """
        return frozenset(
            each
            for each in OPTIONAL_IDS
            if self.is_own(each)
            and not self.fresh(each, now)
            and self._last(LIMITS_ID)
            > self._last(each)
            + UNKNOWN_FRAME_PERIODS * (self.longest_period(LIMITS_ID) or 0)
        )

    def keep(self, can_ids: frozenset[int]) -> None:
        """Forget all other frames: the dialect has changed."""
        self._periods = {k: v for k, v in self._periods.items() if k in can_ids}
        self._beats = {k: v for k, v in self._beats.items() if k in can_ids}
        self._late &= can_ids

    def _last(self, can_id: int) -> float:
        frame_period = self._periods.get(can_id)
        return (
            -inf
            if frame_period is None or frame_period.last is None
            else frame_period.last
        )

    def _ceiling(self, can_id: int) -> float:
        slow = self._config.timeout
        if can_id == LIMITS_ID:
            return LONGEST_LIMITS_TIMEOUT if slow is None else slow
        return max(LONGEST_TIMEOUT, slow or 0.0)
