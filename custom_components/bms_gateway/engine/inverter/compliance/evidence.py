"""Evidence that a group of inverters exceeds its limits: it has to be continuous."""

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Final

from ...model import Disobedience

CONFIRM_TIME: Final = 30.0
"""Seconds, after its reaction time, for which an inverter has to exceed its limit to be
named, or to comply again to be cleared."""
MAX_STEP: Final = 10.0
"""Longest time in seconds that counts from one measurement to the next: the slowest
batteries measure that often. So at least four measurements in a row are needed."""
_AGREEING: Final = 3
"""Measurements in a row of which the lowest counts: no single one lowers a limit."""


@dataclass(frozen=True, slots=True)
class Sample:
    """When a current was measured and sampled, who may take it, and how it is known."""

    measured_at: float
    now: float
    suspects: frozenset[str]
    is_sensed: bool


class Evidence:
    """Evidence that a group of inverters disobeys in one direction."""

    def __init__(self) -> None:
        """Create it without samples."""
        self.found: Disobedience | None = None
        self.sampled_at = -inf
        self.beyond = 0.0
        """A above the limits: the lowest of the last measurements."""
        self._recent: deque[tuple[float, float]] = deque(maxlen=_AGREEING)
        self._since: float | None = None
        """When the first measurement in a row was made that contradicts `found`."""
        self._last: float | None = None
        """When the last of them was made; None: nothing was known meanwhile."""
        self._lasted = 0.0
        self._lowest = inf

    @property
    def is_empty(self) -> bool:
        """Return whether nothing points to disobedience."""
        return self.found is None and self._since is None

    def add(self, taken: float, allowed: float, margin: float, sample: Sample) -> None:
        """Take one sample: all in A, in the direction's sense."""
        at, self.sampled_at = sample.measured_at, sample.now
        if not self._recent or at > self._recent[-1][0]:
            self._recent.append((at, taken - allowed))
        self.beyond = max(0.0, min(amps for _, amps in self._recent))
        is_over = taken > allowed + margin
        if is_over is (self.found is not None):
            self._begin()
            return
        if self._since is None:
            self._since = at
        if self._last is not None and at > self._last:
            self._lasted += min(at - self._last, MAX_STEP)
        self._last = at if self._last is None else max(at, self._last)
        self._lowest = min(self._lowest, taken)
        if self._lasted < CONFIRM_TIME:
            return
        self.found = None
        if is_over:
            self.found = Disobedience(
                sent=allowed,
                taken=self._lowest,
                since=self._since,
                inverters=sample.suspects,
                sensed=sample.is_sensed,
            )
        self._begin()

    def pause(self) -> None:
        """Count no time while nothing is known."""
        self._last = None

    def _begin(self) -> None:
        self._since = self._last = None
        self._lasted, self._lowest = 0.0, inf
