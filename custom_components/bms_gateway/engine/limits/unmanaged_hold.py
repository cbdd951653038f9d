"""What was found goes on to count for a while, the longer the longer it was seen."""

from typing import Final

HOLD_FACTOR: Final = 10.0
"""So many times as long as it was seen it counts on, and is let go in as long again. (Not
at all: a charger of 30 A that nobody was told of had to show anew each time that the sun
came out, with a battery over its limit meanwhile: 1,767 A·s in 40 minutes.)"""
CONFIRM_PART: Final = 0.9
"""As much of it shows that it is still there."""
MAX_HOLD: Final = 180.0
"""Seconds; what stopped for good is forgotten after twice as many."""


class UnmanagedHold:
    """Keeps a value that shows only at times; one that is larger counts at once."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self._found = 0.0
        self._at = 0.0
        self._seen = 0.0
        self._shows = False

    def update(self, shown: float, now: float) -> float:
        """Take what shows at `now` (at least 0); return what counts."""
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
        """Return what is left of what was found before."""
        stay = min(HOLD_FACTOR * self._seen, MAX_HOLD)
        past = now - self._at - stay
        if past <= 0:
            return self._found
        return self._found * max(0.0, 1.0 - past / stay) if stay else 0.0
