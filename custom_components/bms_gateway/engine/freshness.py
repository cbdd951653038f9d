"""How long what a frame said counts: learnt from how often the frame comes."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Final

FLOOR: Final = 3.0
"""Seconds; no frame is missed earlier."""
LIMITS_CEILING: Final = 10.0
"""Seconds; 0x351 is missed at the latest, unless the user allows a slow sender more."""
CEILING: Final = 30.0
"""Seconds; measurements, alarms and enables are missed at the latest (BYD sends them
each 10 s)."""
LONGEST_GAP: Final = 30.0
"""Seconds; a longer gap is a silence, not a period."""
_GAPS: Final = 8


@dataclass(slots=True)
class Pulse:
    """When the frames of one ID come, by their times on the wire."""

    ceiling: float
    last: float | None = None
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=_GAPS))

    def beat(self, at: float) -> None:
        """Take the arrival of one frame."""
        if self.last is not None and 0 < at - self.last < LONGEST_GAP:
            self._gaps.append(at - self.last)
        self.last = at if self.last is None else max(self.last, at)

    @property
    def period(self) -> float | None:
        """Return the learnt period in s: the median of the last gaps."""
        return median(self._gaps) if self._gaps else None

    @property
    def timeout(self) -> float:
        """Return after how many seconds the frame is missed.

        Three periods, at most the ceiling; but a slow sender gets one and a half
        periods and a second, whatever the ceiling.
        """
        period = self.period
        if period is None:
            return self.ceiling
        return max(min(3 * period, self.ceiling), 1.5 * period + 1, FLOOR)

    def fresh(self, now: float) -> bool:
        """Return whether the last frame still counts."""
        return self.last is not None and now - self.last < self.timeout

    @property
    def stale_at(self) -> float:
        """Return when the last frame ceases to count."""
        return (self.last or 0.0) + self.timeout
