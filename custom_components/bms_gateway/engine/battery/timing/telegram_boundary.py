"""Telegram boundaries of a battery, learned from the pause between two telegrams."""

from collections import deque
from statistics import median
from typing import Final, NamedTuple

from .frame_periods import LIMITS_ID

WAIT: Final = 0.15
"""Seconds after 0x351 to wait for the rest of a telegram."""
STRETCH: Final = 1.5
"""Multiple of the learned telegram length to wait instead, if that is longer: some
batteries send their frames 100 ms apart."""
LONGEST_WAIT: Final = 1.0
"""Seconds; most batteries begin the next telegram by then."""
CLEAR: Final = 1.5
"""Factor by which the pause after the last frame exceeds every other one."""
_KEPT: Final = 3
"""Pauses kept after each frame: one stray frame changes nothing."""
_SPREADS: Final = 8


class Progress(NamedTuple):
    """The progress of all batteries in their telegrams, in s of the monotonic clock."""

    whole_at: float = 0.0
    """Since when every battery has sent a whole telegram again; 0: never."""
    open_since: float | None = None
    """When the first of the incomplete telegrams began; None: all are complete."""

    def renewed(self, since: float) -> bool:
        """Return whether all batteries sent a whole telegram after `since`."""
        return self.whole_at > since

    def completed(self, since: float) -> bool:
        """Return whether all telegrams that were incomplete at `since` are complete."""
        return self.open_since is None or self.open_since > since


class TelegramBoundary:
    """The telegrams of one battery, by the times of its frames on the wire.

    Most batteries send all of their frames within some ms, then nothing until the next
    telegram; which frame is the last one differs. Limits of one telegram must not be
    paired with a state of charge of the one before: that would be a period old.
    """

    def __init__(self) -> None:
        """Begin without a frame."""
        self.whole_at = 0.0
        """When the last telegram with limits was whole; 0: none was."""
        self.open_since: float | None = None
        """When the telegram began that is not whole yet; None: none is open."""
        self._limits_at: float | None = None
        self._first_at: float | None = None
        """When the first frame came after the last pause."""
        self._last: tuple[int, float] | None = None
        self._pauses: dict[int, deque[float]] = {}
        self._telegrams = 0
        self._received: dict[int, int] = {}
        """The telegram in which each frame came last: one that is no longer sent ends
        none."""
        self._spreads: deque[float] = deque(maxlen=_SPREADS)

    @property
    def closes_at(self) -> float | None:
        """When the open telegram times out and counts as whole; None: none is open."""
        if self.open_since is None:
            return None
        begun_at = self.open_since if self._limits_at is None else self._limits_at
        wait = STRETCH * max(self._spreads, default=0.0)
        return begun_at + min(max(WAIT, wait), LONGEST_WAIT)

    def on_frame(self, can_id: int, at: float) -> None:
        """Take the time of a frame."""
        self.update(at)
        if self._last is not None:
            last_id, last_at = self._last
            self._pauses.setdefault(last_id, deque(maxlen=_KEPT)).append(at - last_at)
            if last_id == self._last_id:
                self._first_at = at
        self._last = can_id, at
        self._telegrams += can_id == LIMITS_ID
        self._received[can_id] = self._telegrams
        if self.open_since is None:
            self.open_since = at
        if can_id == LIMITS_ID and self._limits_at is None:
            self._limits_at = at
        if can_id == self._last_id:
            if self._first_at is not None:
                self._spreads.append(at - self._first_at)
            self._close(at)

    def update(self, now: float) -> None:
        """End a telegram whose last frame does not come."""
        if (at := self.closes_at) is not None and now >= at:
            self._close(at)

    def _close(self, at: float) -> None:
        if self._limits_at is not None:
            self.whole_at = at
        self.open_since = self._limits_at = None

    @property
    def _last_id(self) -> int | None:
        """The frame that is followed by a clear pause; None: there is none."""
        pauses = sorted(
            (median(pauses), can_id)
            for can_id, pauses in self._pauses.items()
            if len(pauses) > 1 and self._received[can_id] >= self._telegrams - 1
        )
        if len(pauses) == 1:
            return pauses[0][1]
        if not pauses or pauses[-1][0] < CLEAR * pauses[-2][0]:
            return None
        return pauses[-1][1]
