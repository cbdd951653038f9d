"""When to bring a link down and up again after bus-off."""

from typing import Final

from ...model import GAVE_UP, PortFault

STEADY: Final = 5.0
"""Seconds that a controller must work for a bus-off to count as a new loss. One that
goes bus-off repeatedly is retried at a slower pace."""
LOWER_AFTER: Final = 30.0
"""Seconds after which a link whose controller is bus-off is brought down and up again.

Most drivers restart automatically in 0.1 s, or on command. Bringing the link down is
for those that can do neither: it resets the adapter and interrupts every program."""


class BusOff:
    """Records since when a port's controller is bus-off; times in s of one clock."""

    def __init__(self) -> None:
        """Start with a working controller."""
        self._since: float | None = None

    def note(self, fault: PortFault | None, now: float) -> None:
        """Record why a port was lost or could not be opened; None: it is open."""
        if fault not in GAVE_UP:
            self._since = None
        elif self._since is None:
            self._since = now

    def take_turn_to_lower(self, now: float) -> bool:
        """Return whether to bring the link down now; again after LOWER_AFTER."""
        if self._since is None or now < self._since + LOWER_AFTER:
            return False
        self._since = now
        return True

    def is_again(self, began: float) -> bool:
        """Return whether a controller that started at `began` went bus-off too soon."""
        return self._since is not None and self._since < began + STEADY
