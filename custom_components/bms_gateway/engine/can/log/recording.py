"""Recording of a port's traffic as log lines, within bounds."""

from dataclasses import replace
from typing import Final

from ...model import Clock, Frame
from .candump import Logged, written

LARGEST: Final = 10_000_000
"""Bytes of a log: four hours of a battery that sends fifteen frames per second."""
MOST_WAITING: Final = 1_000_000
"""Bytes that wait to be fetched: five seconds of a full bus at 500 kbit/s."""


class Recording:
    """Takes frames until its bounds are reached; the writer fetches the lines."""

    def __init__(
        self,
        link: str,
        clock: Clock,
        wall: Clock,
        largest: int = LARGEST,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Begin; `clock` is that of the frames, `wall` that of the log.

        `link`: the name in every line, without spaces. Bounds are in bytes.
        """
        # Once: setting the wall clock must not shift the times within a log
        self._began = wall() - clock()
        self._link = link
        self._room = largest
        self._most_waiting = most_waiting
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        self.frames = 0
        """Number of frames taken."""
        self.full = False
        """Whether it ended at a bound: from there on all of the traffic is missing, not
        parts of it."""

    def on_frame(self, frame: Frame) -> None:
        """Take a frame of another node."""
        self._take(frame, own=False)

    def on_echo(self, frame: Frame) -> None:
        """Take an own frame whose echo came."""
        self._take(frame, own=True)

    def fetch(self) -> str:
        """Return the lines since the last time."""
        text = "".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        return text

    def _take(self, frame: Frame, *, own: bool) -> None:
        if self.full:
            return
        at = max(0.0, self._began + frame.at)
        logged = Logged(replace(frame, at=at), self._link, own)
        line = f"{written(logged)}\n"
        waiting = self._waiting_bytes + len(line)
        if len(line) > self._room or waiting > self._most_waiting:
            self.full = True
            return
        self._room -= len(line)
        self._waiting_bytes = waiting
        self._waiting.append(line)
        self.frames += 1
