"""Own frames that another port receives: they are no battery's."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from ..battery.timing.frame_periods import LIMITS_ID
from ..can.sender import Sender
from ..model import Frame, PortState
from ..protocol import is_battery_frame

RECEIVED_WITHIN: Final = 0.5
"""Seconds within which a sent frame is received on another port, also through a
bridge."""
_MOST: Final = 512
"""Different frames that are remembered."""
_EACH: Final = 8
"""Times of sending that are remembered of each."""


@dataclass(slots=True)
class _Sent:
    """One frame queued on a port; `left`: its echo came."""

    port: str
    at: float
    left: bool = False
    received_on: set[str] = field(default_factory=set)
    """The ports that have received it: each receives it once."""


class OwnFrames:
    """Remembers sent frames, by the ids of the ports.

    From the time at which a frame is queued: on a shared bus, another adapter may
    deliver it before its echo comes, and some adapters have no echoes at all.
    """

    def __init__(self) -> None:
        """Begin without a frame."""
        self._sent: dict[tuple[int, bytes], deque[_Sent]] = {}
        self._foreign: dict[str, float] = {}
        """When each port last received a battery's frame that we did not send."""
        self._counted: dict[str, float] = {}
        """When the battery of each port was last online."""

    def queue(self, port: str, frame: Frame, at: float) -> None:
        """Take a frame that was queued for sending."""
        key = frame.can_id, frame.data
        sent = self._sent.pop(key, None) or deque(maxlen=_EACH)
        sent.append(_Sent(port, at))
        self._sent[key] = sent
        if len(self._sent) > _MOST:
            del self._sent[next(iter(self._sent))]

    def leave(self, port: str, frame: Frame) -> None:
        """Take the echo of a sent frame, which may have been queued until then."""
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
        """Return whether a frame received on a port is one that we sent.

        `counts`: whether the port's battery is online. Then it may well send the same
        as we do, and only a frame sent on a port that certainly shares the bus is ours
        (`shares_bus`, by its id). The same applies to a duplicate battery while the
        other port receives the same (`duplicate_receives`). Otherwise limits that equal
        those we sent are ours, as long as nothing but our own frames was received on
        the port since its battery was last online: without limits no battery counts.
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
        """Forget the frames of a port that is another one now."""
        self._foreign.pop(port, None)
        self._counted.pop(port, None)


class ReportingSender:
    """A port that reports each frame queued on it."""

    def __init__(self, port: Sender, report: Callable[[Frame], None]) -> None:
        """Pass everything on to `port`."""
        self._port = port
        self._report = report

    @property
    def state(self) -> PortState:
        """The state of the port."""
        return self._port.state

    @property
    def has_echo(self) -> bool:
        """Whether sent frames come back as echoes."""
        return self._port.has_echo

    @property
    def echo_is_proof(self) -> bool:
        """Whether an echo proves that the frame has left."""
        return self._port.echo_is_proof

    def send(self, frame: Frame) -> bool:
        """Queue a frame; return whether that succeeded."""
        is_queued = self._port.send(frame)
        if is_queued:
            self._report(frame)
        return is_queued
