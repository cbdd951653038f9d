"""Source of the 0x305 on a bus: an inverter, or the battery among its own frames.

Some batteries (emulators, bridges to a BMS of another kind) send 0x305 as one of their
own frames. It then has a place in their sequence: it is as far from the frame before it
and from the one after it as any two of their frames are apart. An inverter's 0x305 has
its own rhythm. Where it falls between two frames of a battery, or where an inverter
answers one of them, the battery does not wait for it: the two frames are no further
apart than others. And an inverter that makes a battery send is received before all of
the battery's frames.

Where neither is certain, it counts as an inverter's: if the user is warned of an
inverter that is not there, a cable is checked in vain; without a warning, an inverter
that is there follows a battery instead of the gateway.
"""

from collections import deque
from math import inf
from statistics import median_low
from typing import Final

from ..model import Frame
from ..protocol import is_battery_frame, is_request

JITTER: Final = 0.002
"""Seconds by which the times of frames may be off. Frames closer together have no
distance; no inverter is known to answer that fast."""
CLOSE: Final = 0.03
"""Longest time in seconds between two frames of a battery for a 0x305 behind its last
frame to be its own: later, it may equally be an inverter's answer."""
_GAPS: Final = 48
_PLACES: Final = 12
"""Distances that are kept: several telegrams, but nothing from long ago."""
_ONE_IN: Final = 4
"""One in this many of a battery's own may come at another time, when it is busy."""


class Requests:
    """Compares the times of 0x305 with those of a battery's frames on the same bus."""

    def __init__(self) -> None:
        """Create it with nothing received."""
        self._frame_at: float | None = None
        self._request_at: float | None = None
        """When the last 0x305 arrived, if no frame of the battery followed."""
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        """Seconds between two frames of the battery without a 0x305 between them."""
        self._places: deque[tuple[float, float]] = deque(maxlen=_PLACES)
        """Seconds from the battery's frame before each 0x305, and to the one after it."""

    def on_frame(self, frame: Frame) -> None:
        """Take any frame of the bus."""
        if is_request(frame):
            self._end_place(inf)
            self._request_at = frame.at
        elif is_battery_frame(frame):
            if self._request_at is not None:
                self._end_place(frame.at - self._request_at)
            elif self._frame_at is not None:
                self._gaps.append(frame.at - self._frame_at)
            self._frame_at = frame.at

    @property
    def by_battery(self) -> bool:
        """Return whether all 0x305 are sent by the battery, as far as is known."""
        if not (self._places and self._gaps):
            return False
        period = median_low(self._gaps)
        own = sum(_is_own(*place, period) for place in self._places)
        foreign = len(self._places) - own
        return own > 0 and foreign * _ONE_IN <= len(self._places)

    def _end_place(self, after: float) -> None:
        if self._request_at is not None and self._frame_at is not None:
            self._places.append((self._request_at - self._frame_at, after))
        self._request_at = None


def _is_own(before: float, after: float, period: float) -> bool:
    """Return whether a 0x305 takes a place among frames that come each `period` seconds."""
    widest = 1.5 * period + JITTER
    if after <= widest:
        return before <= widest and before + after >= 1.5 * period - JITTER
    return period <= CLOSE and abs(before - period) <= period / 4 + JITTER
