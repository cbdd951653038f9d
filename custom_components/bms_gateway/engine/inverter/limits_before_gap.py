"""The limits that an inverter had before a bridged gap: no ramp follows such a gap."""

from collections.abc import Mapping

from ..model import Direction, Status
from ..ramp import RAMP_TIME


class LimitsBeforeGap:
    """What one inverter was sent before a gap that is bridged now, or was until lately."""

    def __init__(self) -> None:
        """Begin without a gap."""
        self._amps: Mapping[Direction, float] = {}
        self._resumes_until = 0.0

    def amps(self, direction: Direction) -> float:
        """Return the limit before the gap in A; 0 without a gap."""
        return self._amps.get(direction, 0.0)

    def update(
        self,
        sent: Mapping[Direction, float],
        status: Status,
        now: float,
        *,
        bridges: bool,
    ) -> None:
        """Take the bank's status at `now`, and what the inverter was sent, in A.

        `bridges`: whether a gap is bridged now. Once it ends, the limits may resume for
        RAMP_TIME, but not after a block.
        """
        if bridges:
            self._amps = self._amps or sent
            self._resumes_until = now + RAMP_TIME
        elif status not in (Status.RUNNING, Status.REDUCED) or (
            now >= self._resumes_until
        ):
            self._amps = {}
