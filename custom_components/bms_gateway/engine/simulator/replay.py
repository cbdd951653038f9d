"""Playing a recorded log in a battery's or inverter's place, in its own time."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Final

from ..can.log.candump import Logged
from ..model import Frame

LONGEST: Final = 24 * 3600.0
"""Seconds that a log may last: more is two logs in one, or a clock that was set."""
MOST_FRAMES: Final = 250_000
"""Frames that are kept in memory at most, about 50 MB."""
MOST_AT_ONCE: Final = 50
"""Frames that are due at one time at most: the rest follows soon. At one look every
10 ms more than a bus of 500 kbit/s carries."""


class UnfitLogError(ValueError):
    """A log that cannot be played; `reason` is one of its class's values."""

    EMPTY: Final = "log_empty"
    """Nothing in it comes from another node."""
    SEVERAL_LINKS: Final = "log_several_links"
    TOO_LONG: Final = "log_too_long"

    def __init__(self, reason: str) -> None:
        """Tell why."""
        super().__init__(reason)
        self.reason = reason


class Replay:
    """Gives a log's frames when they are due, over and over if asked to."""

    def __init__(self, log: Iterable[Logged], loops: int = 1) -> None:
        """Prepare it; UnfitLogError if the log cannot be played.

        What the log's writer itself had sent is left out, the gateway says such things
        anew; so are error frames, which a controller makes and nobody can send. A time
        that runs backwards counts as none.
        """
        self._frames: list[Frame] = []
        links = set()
        for logged in log:
            if not (logged.own or logged.frame.error):
                self._frames.append(logged.frame)
                links.add(logged.link)
            if len(self._frames) > MOST_FRAMES:
                raise UnfitLogError(UnfitLogError.TOO_LONG)
        if not self._frames:
            raise UnfitLogError(UnfitLogError.EMPTY)
        if len(links) > 1:
            raise UnfitLogError(UnfitLogError.SEVERAL_LINKS)
        gaps = [max(0.0, b.at - a.at) for a, b in pairwise(self._frames)]
        self.seconds = sum(gaps)
        """From the first frame to the last."""
        if self.seconds > LONGEST:
            raise UnfitLogError(UnfitLogError.TOO_LONG)
        # After the last frame, the pause that is between two telegrams
        self._gaps = [*gaps, max(gaps, default=0.0) or 1.0]
        self._left = loops
        self._next = 0
        self.next_at: float | None = None
        """When the next frame is due, by the clock of `due`; None: not begun, or over."""

    @property
    def frames(self) -> int:
        """How many frames are played in a loop."""
        return len(self._frames)

    @property
    def over(self) -> bool:
        """Whether all was played."""
        return self._left <= 0

    def due(self, now: float) -> list[Frame]:
        """Return what is due by now, MOST_AT_ONCE at most; the first at once."""
        if self.next_at is None and not self.over:
            self.next_at = now
        frames: list[Frame] = []
        while (
            self.next_at is not None
            and self.next_at <= now
            and len(frames) < MOST_AT_ONCE
        ):
            frames.append(replace(self._frames[self._next], at=self.next_at))
            self._advance(self.next_at)
        return frames

    def _advance(self, at: float) -> None:
        self.next_at = at + self._gaps[self._next]
        self._next = (self._next + 1) % len(self._frames)
        if self._next == 0:
            self._left -= 1
            if self.over:
                self.next_at = None
