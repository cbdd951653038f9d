"""How long what a frame said counts: learnt from how often the frame comes."""

from collections import deque
from statistics import median
from typing import Final

SHORTEST_TIMEOUT: Final = 3.0
"""Seconds; no frame is missed earlier."""
LONGEST_LIMITS_TIMEOUT: Final = 10.0
"""Seconds; 0x351 is missed at the latest, unless the user allows a slow sender more."""
LONGEST_TIMEOUT: Final = 30.0
"""Seconds; measurements, alarms and enables are missed at the latest (BYD sends them
each 10 s)."""
LONGEST_PERIOD: Final = 30.0
"""Seconds; a longer gap is a silence, not a period."""
_GAPS: Final = 8
_LONGEST_KEPT: Final = 60.0
"""Seconds for which a longer period is remembered: a flood does not make it shorter."""


class FramePeriod:
    """When the frames of one ID come, by their times on the wire.

    `last`: when the last one came; None: none since the beginning. `period`: the
    learnt period in s, the median of the last gaps; None: not known yet. `longest_period`: the
    longest period of the last minute. `timeout`: after how many seconds the frame is
    missed.
    """

    def __init__(self, ceiling: float) -> None:
        """Expect a frame that may stay away for `ceiling` seconds."""
        self.last: float | None = None
        self.period: float | None = None
        self.longest_period: float | None = None
        self._longest_at = 0.0
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self.ceiling = ceiling

    @property
    def ceiling(self) -> float:
        """Return after how many seconds the frame is missed at the latest."""
        return self._ceiling

    @ceiling.setter
    def ceiling(self, ceiling: float) -> None:
        self._ceiling = ceiling
        self._set_timeout()

    def on_frame(self, at: float) -> None:
        """Take the arrival of one frame."""
        if self.last is not None and 0 < at - self.last < LONGEST_PERIOD:
            self._learn(at - self.last, at)
        self.last = at if self.last is None else max(self.last, at)

    def fresh(self, now: float) -> bool:
        """Return whether the last frame still counts."""
        return self.last is not None and now < self.stale_at

    @property
    def stale_at(self) -> float:
        """Return when the last frame ceases to count."""
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
        """Miss the frame after three periods, at most the ceiling.

        A slow sender gets one and a half periods and a second, whatever the ceiling.
        """
        period, ceiling = self.period, self._ceiling
        if period is None:
            self.timeout = ceiling
        else:
            self.timeout = max(
                min(3 * period, ceiling), 1.5 * period + 1, SHORTEST_TIMEOUT
            )
