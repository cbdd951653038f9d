"""Polling of a battery that sends only on request (0x305)."""

from ..can.sender import Sender
from ..model import Frame, PortStatus
from ..protocol import POLL


class Poller:
    """Polls one battery, one frame at a time: none queues behind another."""

    def __init__(self, port: Sender, interval: float) -> None:
        """Poll through a port every `interval` seconds."""
        self.interval = interval
        self._port = port
        self._polled_at: float | None = None
        self._waits = False

    def on_frame(self, frame: Frame) -> None:
        """Take any frame or echo: the poll has left, or is lost."""
        if frame.error or frame.can_id == POLL.can_id or self._port.has_echo:
            self._waits = False

    def step(self, now: float) -> float | None:
        """Poll if it is due; return when the next poll is due."""
        if self._port.state.status is not PortStatus.OPEN:
            self._waits = False
            return None
        if self._polled_at is None or now >= self._polled_at + self.interval:
            self._polled_at = now
            if not self._waits:
                self._waits = self._port.send(POLL) and self._port.has_echo
        return self._polled_at + self.interval
