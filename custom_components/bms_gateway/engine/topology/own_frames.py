"""Frames that we have sent, heard on another port: they are no battery's."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from ..battery.timing.frame_periods import LIMITS_ID
from ..can.port import Sender
from ..model import Frame, PortState
from ..protocol import is_battery_frame

RECEIVED_WITHIN: Final = 0.5
"""Seconds within which a frame that we sent is heard on another port, by a bridge, too."""
_MOST: Final = 512
"""Different frames that are kept."""
_EACH: Final = 8
"""Times that each of them was sent lately."""


@dataclass(slots=True)
class _Sent:
    """One frame that was queued on a port, and since left, if an echo tells so."""

    port: str
    at: float
    left: bool = False
    received_on: set[str] = field(default_factory=set)
    """The ports that have heard it: each hears it once."""


class OwnFrames:
    """Remembers what was sent, by the ids of the ports.

    From the moment in which a frame is queued: on a bus that is shared, another adapter
    may pass it on before its echo comes, and some adapters have no echoes at all.
    """

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self._sent: dict[tuple[int, bytes], deque[_Sent]] = {}
        self._foreign: dict[str, float] = {}
        """When each port last heard a battery's frame that we have not sent."""
        self._counted: dict[str, float] = {}
        """When the battery of each port counted last."""

    def queue(self, port: str, frame: Frame, at: float) -> None:
        """Take a frame that was queued to be sent."""
        key = frame.can_id, frame.data
        sent = self._sent.pop(key, None) or deque(maxlen=_EACH)
        sent.append(_Sent(port, at))
        self._sent[key] = sent
        if len(self._sent) > _MOST:
            del self._sent[next(iter(self._sent))]

    def leave(self, port: str, frame: Frame) -> None:
        """Take the echo of such a frame: it may have waited in a queue until then."""
        for sent in self._sent.get((frame.can_id, frame.data), ()):
            if sent.port == port and not sent.left:
                sent.left, sent.at = True, frame.at
                return

    def is_own(
        self,
        port: str,
        frame: Frame,
        *,
        counts: bool,
        duplicate_receives: bool,
        shares_bus: Callable[[str], bool],
    ) -> bool:
        """Return whether a frame that was heard on a port is one that we have sent.

        `counts`: whether the port's battery is online. Then it may well say the same as
        we do, and only what was sent on a port that surely shares the bus is ours
        (`shares_bus`, by its id). So it is with a twin while the other port hears the
        same (`twin_hears`). Else limits that are the very ones that we have sent are
        ours, as long as nothing but our own frames was heard on the port since its
        battery ceased to count: without limits no battery counts.
        """
        if counts:
            self._counted[port] = frame.at
        ours = [
            sent
            for sent in self._sent.get((frame.can_id, frame.data), ())
            if sent.port != port
            and port not in sent.received_on
            and abs(frame.at - sent.at) <= RECEIVED_WITHIN
        ]
        if not ours and is_battery_frame(frame):
            self._foreign[port] = frame.at
        foreign_since_online = self._foreign.get(port, -inf) > self._counted.get(
            port, -inf
        )
        only_own_frames = frame.can_id == LIMITS_ID and not (
            counts or foreign_since_online or duplicate_receives
        )
        for sent in ours:
            if only_own_frames or shares_bus(sent.port):
                sent.received_on.add(port)
                return True
        return False

    def forget(self, port: str) -> None:
        """Forget what was heard on a port that is another one now."""
        self._foreign.pop(port, None)
        self._counted.pop(port, None)


class ReportingSender:
    """A port that tells which frames were queued on it."""

    def __init__(self, port: Sender, report: Callable[[Frame], None]) -> None:
        """Pass all on to `port`."""
        self._port = port
        self._report = report

    @property
    def state(self) -> PortState:
        """Where the port stands."""
        return self._port.state

    @property
    def has_echo(self) -> bool:
        """Whether own frames come back."""
        return self._port.has_echo

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left."""
        return self._port.echo_is_proof

    def drain(self) -> None:
        """Dispatch the frames that wait, the echoes of those sent among them."""
        self._port.drain()

    def send(self, frame: Frame) -> bool:
        """Queue a frame; return whether that succeeded."""
        is_queued = self._port.send(frame)
        if is_queued:
            self._report(frame)
        return is_queued
