"""Time-out of a frame, learned from its period."""

from collections import deque
from statistics import median
from typing import Final

SHORTEST_TIMEOUT: Final = 3.0
"""Seconds; no frame times out earlier."""
LONGEST_LIMITS_TIMEOUT: Final = 10.0
"""Seconds; the longest time-out of 0x351, unless the user allows a slow sender more."""
LONGEST_TIMEOUT: Final = 30.0
"""Seconds; the longest time-out of measurements, alarms and enables (BYD sends them
every 10 s)."""
LONGEST_PERIOD: Final = 30.0
"""Seconds; a longer gap is a silence, not a period."""
_GAPS: Final = 8
_LONGEST_KEPT: Final = 60.0
"""Seconds for which a longer period is remembered: a flood does not shorten it."""


class FramePeriod:
    """The period and time-out of one frame ID, by the frames' times on the wire.

    `last`: when the last one came; None: none since the beginning. `period`: the
    learned period in s, the median of the last gaps; None: not known yet.
    `longest_period`: the longest period of the last minute. `timeout`: after how many
    seconds the frame is missed.
    """

    def __init__(self, ceiling: float) -> None:
        """Expect a frame that may be absent for `ceiling` seconds."""
        self.last: float | None = None
        self.period: float | None = None
        self.longest_period: float | None = None
        self._longest_at = 0.0
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self.ceiling = ceiling

    @property
    def ceiling(self) -> float:
        """Return the longest time-out in seconds."""
        return self._ceiling

    @ceiling.setter
    def ceiling(self, ceiling: float) -> None:
        self._ceiling = ceiling
        self._set_timeout()

    def on_frame(self, at: float) -> None:
        """Take the time of one frame."""
        if self.last is not None and 0 < at - self.last < LONGEST_PERIOD:
            self._learn(at - self.last, at)
        self.last = at if self.last is None else max(self.last, at)

    def fresh(self, now: float) -> bool:
        """Return whether the last frame still counts."""
        return self.last is not None and now < self.stale_at

    @property
    def stale_at(self) -> float:
        """Return when the last frame expires."""
        return (self.last or 0.0) + self.timeout

    def _learn(self, gap: float, at: float) -> None:
        self._gaps.append(gap)
        self.period = period = median(self._gaps)
        if (
            self.longest_period is None
            or period >= self.longest_period
            or at > self._longest_at + _LONGEST_KEPT
        ):
            self.longest_period, self._longest_at = period, at
        self._set_timeout()

    def _set_timeout(self) -> None:
        """Set the time-out to three periods, at most the ceiling.

        A slow sender gets one and a half periods plus a second, whatever the ceiling.
        """
        period, ceiling = self.period, self._ceiling
        if period is None:
            self.timeout = ceiling
        else:
            self.timeout = max(
                min(3 * period, ceiling), 1.5 * period + 1, SHORTEST_TIMEOUT
            )
