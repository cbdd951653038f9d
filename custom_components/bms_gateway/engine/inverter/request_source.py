"""Who sends the 0x305 of a bus: an inverter, or the battery itself among its frames.

Some batteries (emulators, bridges to a BMS of another kind) send 0x305 as one of their
own frames. It then takes a place in their sequence: it is as far from the frame before
it and from the one after it as any two of them are apart. An inverter's 0x305 has its
own rhythm. Where that falls between two frames of a battery, or where an inverter
answers one of them, the battery does not wait for it: the two frames are no further apart
than others. And an inverter that makes a battery speak is heard before all its frames.

Where neither is certain it counts as an inverter's: who is told of one that is not there
has looked at a cable in vain; who is not told of one that is there has an inverter that
obeys one battery instead of the gateway.
"""

from collections import deque
from math import inf
from statistics import median_low
from typing import Final

from ..model import Frame
from ..protocol import is_battery_frame, is_request

JITTER: Final = 0.002
"""Seconds by which the times of frames may be wrong. What comes closer together has no
distance; no inverter is known to answer as fast."""
CLOSE: Final = 0.03
"""Seconds between two frames of a battery, at the most, for a 0x305 behind its last frame
to be its own: later, it may as well be an inverter's answer."""
_GAPS: Final = 48
_PLACES: Final = 12
"""Distances that are remembered: several telegrams, but not what was there long ago."""
_ONE_IN: Final = 4
"""One in so many of a battery's own may come at another time, when it is busy."""


class Requests:
    """Compares the times of 0x305 with those of a battery's frames on the same bus."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._frame_at: float | None = None
        self._request_at: float | None = None
        """When the last 0x305 came, if no battery's frame came since."""
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
        """Return whether all that come are sent by the battery, as far as is known."""
        if not (self._places and self._gaps):
            return False
        pace = median_low(self._gaps)
        own = sum(_is_own(*place, pace) for place in self._places)
        strange = len(self._places) - own
        return own > 0 and strange * _ONE_IN <= len(self._places)

    def _end_place(self, after: float) -> None:
        if self._request_at is not None and self._frame_at is not None:
            self._places.append((self._request_at - self._frame_at, after))
        self._request_at = None


def _is_own(before: float, after: float, pace: float) -> bool:
    """Return whether a 0x305 takes a place among frames that come each `pace` seconds."""
    widest = 1.5 * pace + JITTER
    if after <= widest:
        return before <= widest and before + after >= 1.5 * pace - JITTER
    return pace <= CLOSE and abs(before - pace) <= pace / 4 + JITTER
