"""When to take a link down and up again after bus-off."""

from typing import Final

from ...model import GAVE_UP, PortFault

STEADY: Final = 5.0
"""Seconds that a controller works before it gives up, for that to be a new loss. One
that gives up again and again is tried at a slower pace."""
LOWER_AFTER: Final = 30.0
"""Seconds after which a link whose controller gave up is lowered and raised again.

Most drivers restart by themselves in 0.1 s, or when they are told. Lowering is for those
that can do neither: it resets the adapter and takes the link from every program."""


class BusOff:
    """Keeps since when a port's controller has given up; times in s of one clock."""

    def __init__(self) -> None:
        """Begin with a controller that works."""
        self._since: float | None = None

    def note(self, fault: PortFault | None, now: float) -> None:
        """Take why a port was lost or could not be opened; None: it is open."""
        if fault not in GAVE_UP:
            self._since = None
        elif self._since is None:
            self._since = now

    def take_turn_to_lower(self, now: float) -> bool:
        """Return whether the link may be lowered now; the next time LOWER_AFTER later."""
        if self._since is None or now < self._since + LOWER_AFTER:
            return False
        self._since = now
        return True

    def is_again(self, began: float) -> bool:
        """Return whether a controller that began to work then gave up too soon."""
        return self._since is not None and self._since < began + STEADY
