"""Detection of a second sender of a battery's IDs: another battery, or another gateway."""

from collections import deque
from typing import Final

from ...model import Frame

_WATCHED: Final = frozenset({0x351, 0x355})
"""Limits and state of charge: one battery does not alternate them."""
_BACK_AND_FORTH: Final = 1.3
"""Periods; one battery needs two of them to send one value, another, and the first
again."""
_EVENTS: Final = 3
"""Alternations after which two senders are detected."""
_RUN: Final = 8
"""Alternating frames that prove it although the period is not known from before,
because both were there from the beginning."""
_REMEMBERED: Final = 60.0
"""Seconds for which an alternation counts, and for which two senders stay detected."""
_NOISE: Final = 2
"""Counts; a value that varies by so little does not show two senders."""


class DuplicateSenders:
    """Watches the frames of one bus for a second sender."""

    def __init__(self) -> None:
        """Begin without a frame."""
        self._last: dict[int, deque[Frame]] = {}
        self._runs: dict[int, int] = {}
        self._seen: deque[float] = deque(maxlen=_EVENTS)
        self._until = 0.0

    def on_frame(self, frame: Frame, period: float | None) -> None:
        """Take a frame; `period`: how often this ID came before, in s."""
        if frame.can_id not in _WATCHED:
            return
        last = self._last.setdefault(frame.can_id, deque(maxlen=2))
        if len(last) == last.maxlen:
            first, second = last
            self._compare(first, second, frame, period)
        last.append(frame)

    def detected(self, now: float) -> bool:
        """Return whether there are two senders."""
        return now < self._until

    def _compare(
        self, first: Frame, second: Frame, third: Frame, period: float | None
    ) -> None:
        alternates = first.data == third.data and _differ(first.data, second.data)
        run = self._runs.get(third.can_id, 0) + 1 if alternates else 0
        self._runs[third.can_id] = run
        if not alternates:
            return
        if period is not None and third.at - first.at <= _BACK_AND_FORTH * period:
            self._seen.append(third.at)
        lately = len(self._seen) == _EVENTS and self._seen[0] > third.at - _REMEMBERED
        if lately or run >= _RUN:
            self._until = third.at + _REMEMBERED


def _differ(first: bytes, second: bytes) -> bool:
    """Return whether a value differs by more than noise; all are of 16 bits."""
    return len(first) != len(second) or any(
        abs(a - b) > _NOISE for a, b in zip(_words(first), _words(second), strict=True)
    )


def _words(data: bytes) -> list[int]:
    return [
        int.from_bytes(data[start : start + 2], "little")
        for start in range(0, len(data), 2)
    ]
