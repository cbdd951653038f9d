"""Monitor for batteries that carry current although they are out of service."""

from typing import Final

from ..tolerances import TOLERANCE

OUT_OF_SERVICE_AMPS: Final = 2 * TOLERANCE
"""A; a battery that carries more cannot be disconnected."""
OUT_OF_SERVICE_TIME: Final = 10.0
"""Seconds for which an out-of-service battery has to carry that current to count again;
seconds of rest after which earlier current is forgotten."""


class OutOfServiceMonitor:
    """Watches the current of a battery that is out of service.

    Once it `counts`, it does so until it is watched anew, however little it carries:
    its own limits may be the reason why its current fell. If it were left out again at
    rest, they would be forgotten, the full current would flow through it again until it
    counts once more, and so on for ever.
    """

    def __init__(self) -> None:
        """Begin without a measurement."""
        self.counts = False
        self._carried = 0.0
        """Seconds for which it carried current, shorter rests not counted."""
        self._carries = False
        self._watched_at = 0.0
        self._rests_since: float | None = None

    def watch(self, current: float | None, now: float) -> None:
        """Take its current at `now`, in A; an unknown current is not a rest."""
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
