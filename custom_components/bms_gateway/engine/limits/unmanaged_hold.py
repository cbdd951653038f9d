"""Holds unmanaged current for a while, the longer the longer it was seen."""

from typing import Final

HOLD_FACTOR: Final = 10.0
"""It is held for this many times as long as it was seen, and is released over the same
time again. (Without the hold, an unmanaged charger of 30 A had to be detected anew each
time that the sun came out, with a battery over its limit meanwhile: 1,767 A·s in 40
minutes.)"""
CONFIRM_PART: Final = 0.9
"""This part of it confirms that it is still there."""
MAX_HOLD: Final = 180.0
"""Seconds; current that stopped for good is dropped after twice as long."""


class UnmanagedHold:
    """Holds a value that shows only at times; a larger one counts at once."""

    def __init__(self) -> None:
        """Create it with nothing found."""
        self._found = 0.0
        self._at = 0.0
        self._seen = 0.0
        self._shows = False

    def update(self, shown: float, now: float) -> float:
        """Take the value measured at `now` (at least 0); return what counts."""
        kept = self._kept(now)
        shows = shown > 0 and shown >= CONFIRM_PART * kept
        if shows:
            if not kept:
                self._seen = 0.0
            if self._shows:
                self._seen += now - self._at
            self._found, self._at = max(shown, kept), now
        self._shows = shows
        return max(shown, kept)

    def _kept(self, now: float) -> float:
        """Return what is left of the value found before."""
        hold_time = min(HOLD_FACTOR * self._seen, MAX_HOLD)
        released = now - self._at - hold_time
        if released <= 0:
            return self._found
        return self._found * max(0.0, 1.0 - released / hold_time) if hold_time else 0.0
