"""Which ports are on one bus: they hear the same frames in the same moments."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from operator import itemgetter
from typing import Final

from ..battery.timing.frame_periods import LIMITS_ID
from ..model import Frame
from ..protocol import is_battery_frame
from .own_frames import OwnFrames

SAME_TIME: Final = 0.05
"""Seconds; adapters tell of one frame at times that differ by no more."""
OVERDUE: Final = 0.25
"""Seconds; when the other port has heard later ones, it has not heard this one."""
CERTAIN: Final = 10
"""Telegrams in a row that both ports have heard. Two batteries that are alike do not
speak at once for so long."""
LIKELY: Final = 2
"""Telegrams after which they may be one, and count as one: who is not shows it within
one more."""
DIFFERENT_BUSES: Final = 3
"""Frames of one ID that only one of them has heard, so many of each since they last heard
the same: they are two batteries that were alike, or the cables were changed. Where one
hears nothing at all, its adapter or its cable is off, and there is still one battery."""
_MOST: Final = 512
"""Kept of each kind, on a flooded bus, too."""

type _FrameKey = tuple[int, bytes]


@dataclass(slots=True)
class _PortPair:
    """How far two ports have heard the same."""

    telegrams: int = 0
    unmatched: dict[int, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    """By ID: how many frames each has heard that the other one has not."""
    waiting: deque[tuple[float, str, _FrameKey]] = field(
        default_factory=lambda: deque(maxlen=_MOST)
    )
    """What only one has heard: when, which of them, and the frame."""

    @property
    def is_sure(self) -> bool:
        return self.telegrams >= CERTAIN

    def match(self, port: str, frame_key: _FrameKey, at: float) -> None:
        """Take a frame that the other port has heard, too.

        A bus has one order: what either of them heard before it, and the other one did
        not, that one will not hear any more.
        """
        self.unmatched.pop(frame_key[0], None)
        self.telegrams += frame_key[0] == LIMITS_ID
        met = next(
            (
                n
                for n, (when, who, what) in enumerate(self.waiting)
                if who != port and what == frame_key and abs(when - at) <= SAME_TIME
            ),
            len(self.waiting),
        )
        later = []
        for n, each in enumerate(self.waiting):
            if each[1] == port or n < met:
                self._count(*each)
            elif n > met:
                later.append(each)
        self.waiting.clear()
        self.waiting.extend(later)

    def differs(self, received_until: dict[str, float]) -> bool:
        """Return whether they are on two buses after all.

        `heard_until`: the time of each one's last frame; after the loop was held, what
        waited for one is read before what waited for the other.
        """
        last = min(received_until.values())
        while self.waiting and self.waiting[0][0] < last - OVERDUE:
            self._count(*self.waiting.popleft())
        if not self.is_sure:
            return bool(self.unmatched)
        return any(
            len(counts) == 2 and min(counts.values()) >= DIFFERENT_BUSES
            for counts in self.unmatched.values()
        )

    def _count(self, _at: float, port: str, frame_key: _FrameKey) -> None:
        self.unmatched[frame_key[0]][port] += 1


class BusTopology:
    """Watches the ports of a gateway, by the ids of their batteries and inverters."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._received: dict[_FrameKey, dict[str, deque[float]]] = {}
        self._since: dict[str, float] = {}
        self._until: dict[str, float] = {}
        self._own = OwnFrames()
        self._pairs: dict[frozenset[str], _PortPair] = {}

    def on_frame(self, port: str, frame: Frame) -> None:
        """Take a frame of another node. What is all zeros is everybody's."""
        if not is_battery_frame(frame) or not any(frame.data):
            return
        frame_key, at = (frame.can_id, frame.data), frame.at
        self._since.setdefault(port, at)
        self._until[port] = max(at, self._until.get(port, at))
        before = self._received.setdefault(frame_key, {})
        others = [
            other
            for other, times in before.items()
            if other != port and any(abs(at - each) <= SAME_TIME for each in times)
        ]
        for other in others:
            ports = frozenset({port, other})
            if (pair := self._pairs.get(ports)) is None:
                pair = self._pairs[ports] = self._new_pair(port, other, at)
            pair.match(port, frame_key, at)
        before.setdefault(port, deque(maxlen=16)).append(at)
        if len(self._received) > _MOST:
            del self._received[next(iter(self._received))]
        for ports, pair in list(self._pairs.items()):
            if port in ports:
                if ports.isdisjoint(others):
                    pair.waiting.append((at, port, frame_key))
                if pair.differs({each: self._until[each] for each in ports}):
                    del self._pairs[ports]

    def queue(self, port: str, frame: Frame, at: float) -> None:
        """Take a frame of our own that was queued to be sent."""
        self._own.queue(port, frame, at)

    def leave(self, port: str, frame: Frame) -> None:
        """Take a frame of our own that has left."""
        self._own.leave(port, frame)

    def is_own(self, port: str, frame: Frame, *, counts: bool) -> bool:
        """Return whether a frame that was heard is one that we have just sent.

        `counts`: whether the port's battery is online, see `OwnFrames.is_own`.
        """
        return self._own.is_own(
            port,
            frame,
            counts=counts,
            duplicate_receives=self._duplicate_receives(
                port, (frame.can_id, frame.data), frame.at
            ),
            shares_bus=partial(self._is_sure, port),
        )

    def duplicates(
        self, ids: Sequence[str], telegrams: int = CERTAIN
    ) -> dict[str, str]:
        """Return which of these is another one's twin: on one bus with one before it.

        `telegrams`: how many both have to have heard.
        """
        found: dict[str, str] = {}
        for first, second in combinations(ids, 2):
            pair = self._pairs.get(frozenset({first, second}))
            if pair and pair.telegrams >= telegrams and first not in found:
                found.setdefault(second, first)
        return found

    def alike(self, port: str) -> dict[str, int]:
        """Return with which others a port has heard the same until now.

        And how many telegrams: below SUSPECTED it may still be chance.
        """
        return {
            other: pair.telegrams
            for ports, pair in self._pairs.items()
            if port in ports
            for other in ports - {port}
        }

    def shared(
        self, ids: Iterable[str], others: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield each of these with each of the others that is on the same bus."""
        for each in ids:
            for other in others:
                if self._is_sure(each, other):
                    yield each, other

    def forget(self, port: str) -> None:
        """Forget a port that is another one now."""
        self._pairs = {k: pair for k, pair in self._pairs.items() if port not in k}
        self._since.pop(port, None)
        self._until.pop(port, None)
        self._own.forget(port)
        for ports in self._received.values():
            ports.pop(port, None)

    def _new_pair(self, first: str, second: str, now: float) -> _PortPair:
        """Return how alike two ports are that now have heard the same for once.

        What one heard before the other one was there makes no difference.
        """
        pair = _PortPair()
        begun = max(self._since[first], self._since[second])
        lately = [
            (at, port, frame_key)
            for frame_key, ports in self._received.items()
            for port, other in ((first, second), (second, first))
            for at in ports.get(port, ())
            if max(begun, now - OVERDUE) <= at <= now
            and not any(abs(at - each) <= SAME_TIME for each in ports.get(other, ()))
        ]
        # What came in one piece has one time, and stays in the order in which it came
        pair.waiting.extend(sorted(lately, key=itemgetter(0)))
        return pair

    def _duplicate_receives(self, port: str, frame_key: _FrameKey, at: float) -> bool:
        """Return whether a port that is probably on the same bus hears the same now."""
        received = self._received.get(frame_key, {})
        others = (
            other
            for ports, pair in self._pairs.items()
            if port in ports and pair.telegrams >= LIKELY
            for other in ports - {port}
        )
        return any(
            abs(at - each) <= SAME_TIME
            for other in others
            for each in received.get(other, ())
        )

    def _is_sure(self, first: str, second: str) -> bool:
        pair = self._pairs.get(frozenset({first, second}))
        return pair is not None and pair.is_sure
