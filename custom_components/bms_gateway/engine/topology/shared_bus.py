"""Recognising ports on one bus: they receive the same frames at the same time."""

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
"""Seconds; adapters report one frame at times that differ by no more."""
OVERDUE: Final = 0.25
"""Seconds; if the other port has received later frames, it did not receive this one."""
CERTAIN: Final = 10
"""Telegrams in a row that both ports received. Two identical batteries do not send at
the same time for so long."""
LIKELY: Final = 2
"""Telegrams after which two ports may be on one bus, and their batteries count as one:
different batteries show it within one more."""
DIFFERENT_BUSES: Final = 3
"""Frames of one ID that only one of them received, this many on each side since they
last received the same: two identical batteries, or the cables were changed. If one
receives nothing at all, its adapter or cable is disconnected, and there is still one
battery."""
_MOST: Final = 512
"""Entries kept of each kind, on a flooded bus, too."""

type _FrameKey = tuple[int, bytes]


@dataclass(slots=True)
class _PortPair:
    """Two ports that receive the same frames."""

    telegrams: int = 0
    unmatched: dict[int, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    """By ID: how many frames each received that the other one did not."""
    waiting: deque[tuple[float, str, _FrameKey]] = field(
        default_factory=lambda: deque(maxlen=_MOST)
    )
    """Frames that only one received so far: time, port and frame."""

    @property
    def is_sure(self) -> bool:
        return self.telegrams >= CERTAIN

    def match(self, port: str, frame_key: _FrameKey, at: float) -> None:
        """Take a frame that the other port received, too.

        A bus has one order: frames that one of them received before it, and the other
        one did not, will not be received by the other one any more.
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

        `received_until`: the time of each one's last frame; after the loop was held,
        the frames waiting on one port are read before those on the other.
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
        """Begin without a frame."""
        self._received: dict[_FrameKey, dict[str, deque[float]]] = {}
        self._since: dict[str, float] = {}
        self._until: dict[str, float] = {}
        self._own = OwnFrames()
        self._pairs: dict[frozenset[str], _PortPair] = {}

    def on_frame(self, port: str, frame: Frame) -> None:
        """Take a frame of another node. A frame of zeros may come from any battery."""
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
        """Take an own frame that was queued for sending."""
        self._own.queue(port, frame, at)

    def leave(self, port: str, frame: Frame) -> None:
        """Take an own frame whose echo came."""
        self._own.leave(port, frame)

    def is_own(self, port: str, frame: Frame, *, counts: bool) -> bool:
        """Return whether a received frame is one that we just sent.

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
        """Return the ports that share the bus of one before them, with that one.

        `telegrams`: the number that both have to have received.
        """
        found: dict[str, str] = {}
        for first, second in combinations(ids, 2):
            pair = self._pairs.get(frozenset({first, second}))
            if pair and pair.telegrams >= telegrams and first not in found:
                found.setdefault(second, first)
        return found

    def alike(self, port: str) -> dict[str, int]:
        """Return the ports that have received the same as a port until now.

        With the number of telegrams: below LIKELY it may still be chance.
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
        """Return a new pair of ports that have just received the same frame once.

        Frames that one received before the other one was open do not count.
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
        # Frames read together have one time, and stay in the order of reception
        pair.waiting.extend(sorted(lately, key=itemgetter(0)))
        return pair

    def _duplicate_receives(self, port: str, frame_key: _FrameKey, at: float) -> bool:
        """Return whether a port that is probably on the same bus receives the same now."""
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
