"""The 0x305 that makes a battery speak which waits to be asked."""

from ..can.sender import Sender
from ..model import Frame, PortStatus
from ..protocol import POLL


class Poller:
    """Asks one battery, one frame at a time: none waits in a queue behind another."""

    def __init__(self, port: Sender, interval: float) -> None:
        """Ask through a port each `interval` seconds."""
        self.interval = interval
        self._port = port
        self._asked_at: float | None = None
        self._waits = False

    def on_frame(self, frame: Frame) -> None:
        """Take any frame or echo: our question has left, or is lost for good."""
        if frame.error or frame.can_id == POLL.can_id or self._port.has_echo:
            self._waits = False

    def step(self, now: float) -> float | None:
        """Ask if it is time; return when the next time is."""
        if self._port.state.status is not PortStatus.OPEN:
            self._waits = False
            return None
        if self._asked_at is None or now >= self._asked_at + self.interval:
            self._asked_at = now
            if not self._waits:
                self._waits = self._port.send(POLL) and self._port.has_echo
        return self._asked_at + self.interval
