"""Replay of a recorded log in place of a battery or inverter, at its own pace."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Final

from ..can.log.candump import Logged
from ..model import Frame

LONGEST: Final = 24 * 3600.0
"""Longest log in seconds: more is two logs in one, or a clock that was set."""
MOST_FRAMES: Final = 250_000
"""Largest number of frames kept in memory, about 50 MB."""
MOST_AT_ONCE: Final = 50
"""Largest number of frames due at one time: the rest follows soon. Every 10 ms this is
more than a bus of 500 kbit/s carries."""


class UnfitLogError(ValueError):
    """A log that cannot be replayed; its text is the reason."""


class Replay:
    """Returns a log's frames when they are due, in several loops if requested."""

    def __init__(self, log: Iterable[Logged], loops: int = 1) -> None:
        """Prepare the replay; UnfitLogError if the log cannot be replayed.

        Frames that the log's writer sent itself are left out, since the gateway sends
        its own; so are error frames, which a controller generates and nothing can send.
        A time that runs backwards counts as no time.
        """
        self._frames: list[Frame] = []
        links = set()
        for logged in log:
            if not (logged.own or logged.frame.error):
                self._frames.append(logged.frame)
                links.add(logged.link)
            if len(self._frames) > MOST_FRAMES:
                raise UnfitLogError(f"more than {MOST_FRAMES} frames")
        if not self._frames:
            raise UnfitLogError("no frame of another node")
        if len(links) > 1:
            raise UnfitLogError("frames of several links")
        gaps = [max(0.0, b.at - a.at) for a, b in pairwise(self._frames)]
        self.seconds = sum(gaps)
        """From the first frame to the last."""
        if self.seconds > LONGEST:
            raise UnfitLogError(f"longer than {LONGEST / 3600:g} hours")
        # After the last frame, a pause as between two telegrams
        self._gaps = [*gaps, max(gaps, default=0.0) or 1.0]
        self._left = loops
        self._next = 0
        self.next_at: float | None = None
        """When the next frame is due, by the clock of `due`; None: not begun, or over."""

    @property
    def frames(self) -> int:
        """Number of frames in one loop."""
        return len(self._frames)

    @property
    def over(self) -> bool:
        """Whether the replay has ended."""
        return self._left <= 0

    def due(self, now: float) -> list[Frame]:
        """Return the frames due by now, at most MOST_AT_ONCE; the first one at once."""
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
