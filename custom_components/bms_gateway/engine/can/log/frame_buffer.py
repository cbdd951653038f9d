"""The last frames of a port, for diagnostics: as candump lines, and their periods."""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final

from ...model import Clock, Frame
from .candump import Logged, id_text, written

LENGTH: Final = 200
"""Frames kept per port: half a minute of a battery that sends seven per second."""


@dataclass(frozen=True, slots=True)
class FrameStatistics:
    """Count, period and age of the frames of one ID."""

    count: int
    period: float | None
    """Seconds, the median between two; None: fewer than two frames."""
    age: float
    """Seconds since the last one."""


class FrameBuffer:
    """The last received and sent frames of one port."""

    def __init__(self, clock: Clock, wall: Clock) -> None:
        """Begin empty; `clock` is that of the frames, `wall` the time of day."""
        self._clock = clock
        self._wall = wall
        self._frames: deque[tuple[Frame, bool]] = deque(maxlen=LENGTH)

    def on_frame(self, frame: Frame) -> None:
        """Take a frame of another node."""
        self._frames.append((frame, False))

    def on_echo(self, frame: Frame) -> None:
        """Take an own frame whose echo came."""
        self._frames.append((frame, True))

    def lines(self, channel: str, hidden: Collection[int] = ()) -> list[str]:
        """Return the frames as `candump -L` writes them, with R for received, T for sent.

        `channel`: the name in every line, without spaces. `hidden`: IDs whose data is
        shown as zeros.
        """
        began = self._wall() - self._clock()
        return [
            written(Logged(_shown(frame, began, hidden), channel, own))
            for frame, own in self._frames
        ]

    def statistics(self) -> Mapping[str, FrameStatistics]:
        """Return the statistics of each frame ID; own frames under ID and `T`."""
        times: dict[str, list[float]] = defaultdict(list)
        for frame, own in self._frames:
            times[f"{id_text(frame)}{' T' if own else ''}"].append(frame.at)
        now = self._clock()
        return {key: _statistics(at, now) for key, at in sorted(times.items())}


def _statistics(times: list[float], now: float) -> FrameStatistics:
    gaps = [after - before for before, after in pairwise(times)]
    period = round(median(gaps), 3) if gaps else None
    return FrameStatistics(len(times), period, round(now - times[-1], 3))


def _shown(frame: Frame, began: float, hidden: Collection[int]) -> Frame:
    data = bytes(len(frame.data)) if frame.can_id in hidden else frame.data
    return replace(frame, at=began + frame.at, data=data)
