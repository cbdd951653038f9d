"""Ports in memory: a test controls which frames leave, and which arrive."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from struct import unpack

from custom_components.bms_gateway.engine.config import PortConfig
from custom_components.bms_gateway.engine.model import (
    Clock,
    Frame,
    PortState,
    PortStatus,
)

QUEUE_LENGTH = 12
"""Frames that a CAN link takes while no node acknowledges them (measured)."""


class MovedClock:
    """A monotonic clock that only the test advances."""

    def __init__(self, now: float = 1000.0) -> None:
        """Start as on a machine that has run for a while."""
        self.now = now

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


class WirePort:
    """A port that is open at once and keeps what it was asked to send.

    While `acknowledged`, a frame leaves at once; else it waits in `queue` until
    `leave`. Echoes and frames of others wait to be drained, as they do in a socket.
    """

    def __init__(
        self,
        config: PortConfig,
        *,
        on_frame: Callable[[Frame], None],
        on_echo: Callable[[Frame], None],
        on_change: Callable[[PortState], None],
        clock: Clock,
        wall: Clock,
    ) -> None:
        """Open a port."""
        self.config = config
        self.has_echo = True
        self.echo_is_proof = True
        self.acknowledged = True
        self.echoes = True
        self.most = 1_000_000
        """Frames that one drain dispatches."""
        self.queue: list[Frame] = []
        self.sent: list[Frame] = []
        """Frames that left for the wire; `at`: when."""
        self.refused = 0
        self.on_send: Callable[[Frame], None] = lambda _: None
        self._on_frame, self._on_echo, self._on_change = on_frame, on_echo, on_change
        self._clock = clock
        self.state = PortState(status=PortStatus.OPEN)
        self._read_until = clock()
        self._inbox: deque[tuple[Callable[[Frame], None], Frame]] = deque()

    @property
    def read_until(self) -> float:
        """The time up to which every received frame has been dispatched."""
        return self._read_until if self._inbox else self._clock()

    @property
    def is_read(self) -> bool:
        """Whether every received frame has been dispatched."""
        return not self._inbox

    async def run(self) -> None:
        """Do nothing until cancelled."""
        await asyncio.Event().wait()

    def drain(self) -> None:
        """Dispatch waiting frames, up to `most`."""
        for _ in range(min(len(self._inbox), self.most)):
            callback, frame = self._inbox.popleft()
            self._read_until = frame.at or self._read_until
            callback(frame)

    def send(self, frame: Frame) -> bool:
        """Queue a frame; False when the port is not open or its queue is full."""
        if self.state.status is not PortStatus.OPEN or len(self.queue) >= QUEUE_LENGTH:
            self.refused += 1
            return False
        self.on_send(frame)
        self.queue.append(frame)
        if self.acknowledged:
            self.leave()
        return True

    def leave(self, count: int = QUEUE_LENGTH) -> None:
        """Have the first frames of the queue leave for the wire."""
        for frame in self.queue[:count]:
            left = replace(frame, at=self._clock())
            self.sent.append(left)
            if self.echoes:
                self._inbox.append((self._on_echo, left))
        del self.queue[:count]

    def forget(self) -> None:
        """Drop the queue, as a driver does when the controller is reset."""
        self.queue.clear()

    def push(self, *frames: Frame) -> None:
        """Receive frames of another node; those without a time arrive now."""
        for frame in frames:
            timed = frame if frame.at else replace(frame, at=self._clock())
            self._inbox.append((self._on_frame, timed))

    def lose(self) -> None:
        """Lose the port together with its queue."""
        self.forget()
        self._become(PortStatus.LOST)

    def reopen(self) -> None:
        """Open the port again."""
        self._become(PortStatus.OPEN)

    def since(self, at: float) -> list[Frame]:
        """Return what left at that time or later."""
        return [frame for frame in self.sent if frame.at >= at]

    def ids(self) -> list[int]:
        """Return the IDs of all that left, in order."""
        return [frame.can_id for frame in self.sent]

    def last(self, can_id: int) -> bytes:
        """Return the content of the frame of this ID that left last."""
        return next(f.data for f in reversed(self.sent) if f.can_id == can_id)

    def _become(self, status: PortStatus) -> None:
        self.state = PortState(status=status)
        self._on_change(self.state)


class Wires:
    """Makes such ports; by their channels."""

    def __init__(self) -> None:
        """Start without ports."""
        self.ports: dict[str, WirePort] = {}

    def __call__(
        self,
        config: PortConfig,
        *,
        on_frame: Callable[[Frame], None],
        on_echo: Callable[[Frame], None],
        on_change: Callable[[PortState], None],
        clock: Clock,
        wall: Clock,
    ) -> WirePort:
        """Make the port of a channel."""
        port = WirePort(
            config,
            on_frame=on_frame,
            on_echo=on_echo,
            on_change=on_change,
            clock=clock,
            wall=wall,
        )
        self.ports[config.channel] = port
        return port


def limits(frame: Frame | bytes) -> tuple[float, float, float]:
    """Return CVL (V), CCL and DCL (A) of a 0x351."""
    data = frame.data if isinstance(frame, Frame) else frame
    cvl, ccl, dcl = unpack("<Hhh", data[:6])
    return cvl / 10, ccl / 10, dcl / 10


def all_limits(frames: Sequence[Frame]) -> list[tuple[float, float, float]]:
    """Return CVL, CCL and DCL of every 0x351 among the frames."""
    return [limits(frame) for frame in frames if frame.can_id == 0x351]
