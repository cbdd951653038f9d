"""Whether a battery that is out of service carries current all the same."""

from typing import Final

from ..tolerances import TOLERANCE

OUT_OF_SERVICE_AMPS: Final = 2 * TOLERANCE
"""A; a battery that carries more cannot be out of service."""
OUT_OF_SERVICE_TIME: Final = 10.0
"""Seconds for which one that is has to carry that to be reckoned with again; for as
long it has to be seen at rest for what it carried before to be forgotten."""


class OutOfServiceMonitor:
    """Watches the current of a battery that is out of service.

    One that `counts` does so until it is watched anew, however little it carries: what
    brings its current down may be nothing but its own limits. Were it left out again
    at rest, they would be forgotten and the full current would flow through it once
    more, until it counts again, and so on for ever.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.counts = False
        self._carried = 0.0
        """Seconds for which it was seen to carry current, shorter rests left out."""
        self._carries = False
        self._watched_at = 0.0
        self._rests_since: float | None = None

    def watch(self, current: float | None, now: float) -> None:
        """See what it carries at `now`, in A; an unknown current is no rest."""
        if self._carries:
            self._carried += now - self._watched_at
        self._watched_at = now
        self._carries = current is not None and abs(current) > OUT_OF_SERVICE_AMPS
        if self._carries and self._carried >= OUT_OF_SERVICE_TIME:
            self.counts = True
        if self._carries or current is None:
            self._rests_since = None
        elif self._rests_since is None:
            self._rests_since = now
        elif now >= self._rests_since + OUT_OF_SERVICE_TIME:
            self._carried = 0.0
