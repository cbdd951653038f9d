"""Sends a telegram: its name first, the rest once an echo proves that it left."""

from collections.abc import Iterator
from enum import StrEnum
import logging
from typing import Final

from ..can.error_frames import BUS_OFF, RESTARTED
from ..can.sender import Sender
from ..model import GAVE_UP, Frame, PortFault, PortStatus

_LOGGER = logging.getLogger(__name__)

ECHO_TIMEOUT: Final = 0.05
"""Seconds within which a frame that leaves for the wire returns as an echo."""
PROVEN: Final = 0.5
"""Seconds after a name was sent for which its echo proves that further frames leave."""
PROBE_AGAIN: Final = 1.0
"""Seconds between two probes of an inverter that does not acknowledge, where the first
is known to be gone; each may wait in the queue until a device acknowledges it."""
PROBE_ANYWAY: Final = 120.0
"""Seconds after which another probe is queued although the first may still wait: an
inverter must not stay unserved forever because a driver dropped a frame."""

_CONTROLLER_RESET: Final = BUS_OFF | RESTARTED
"""Classes of error frames with which the controller drops its transmit queue."""


class Phase(StrEnum):
    """How far the present telegram is."""

    IDLE = "idle"
    OPENED = "opened"
    """Its name is on the way; nothing that could become stale is queued yet."""
    LEFT = "left"
    """The name's echo arrived: the inverter acknowledges, the rest can follow."""
    SENT = "sent"
    """Everything is queued; the echoes are awaited."""
    PROMPTED = "prompted"
    """A 0x305 of our own is on the way."""
    NOT_ACKNOWLEDGED = "not_acknowledged"
    """An echo is missing: nothing more is queued until it arrives."""


class Transmission:
    """The frames on their way to one inverter, and whether it acknowledges."""

    def __init__(self, port: Sender, name: str) -> None:
        """Create it with nothing sent; `name`: of the inverter, for the log."""
        self.phase = Phase.IDLE
        self.listening: bool | None = None
        """Whether the inverter acknowledged last; None: unknown."""
        self.telegrams_sent = self.telegrams_dropped = 0
        """Telegrams that left since the start, and those that did not."""
        self._port = port
        self._name = name
        self._since = 0.0
        self._awaited: list[tuple[int, bytes]] = []
        self._lost_probe = self._was_open = False
        self._probes = False
        """Whether the last name probed an inverter that did not acknowledge."""

    @property
    def is_open(self) -> bool:
        """Return whether the port is open."""
        return self._port.state.status is PortStatus.OPEN

    @property
    def is_acknowledged(self) -> bool:
        """Return whether nothing shows that the inverter does not acknowledge.

        A name that probes it proves nothing before its echo returns.
        """
        probes = self.phase is Phase.OPENED and self._probes
        return self.phase is not Phase.NOT_ACKNOWLEDGED and not probes

    def can_continue(self, now: float) -> bool:
        """Return whether a telegram was opened and its rest may follow at once.

        Not after the loop was blocked: what arrived meanwhile has to be read first.
        """
        return self.phase is Phase.LEFT and now < self._since + PROVEN

    @property
    def probe_due(self) -> float:
        """When a probe may be queued for an inverter that did not acknowledge."""
        return self._since + (PROBE_AGAIN if self._lost_probe else PROBE_ANYWAY)

    @property
    def times_out_at(self) -> float:
        """When the awaited echo counts as missing."""
        return self._since + ECHO_TIMEOUT

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when an echo times out, or the next probe is due."""
        if self.phase is Phase.NOT_ACKNOWLEDGED:
            yield self.probe_due
        elif self.phase is not Phase.IDLE:
            yield self.times_out_at

    def on_other_frame(self, frame: Frame, now: float) -> None:
        """Take any other frame of the bus, or an error frame.

        While nothing is acknowledged it may show that the probe is lost rather than
        waiting: another device is there that would have acknowledged it, or the
        controller was reset.
        """
        reset = frame.error and bool(frame.can_id & _CONTROLLER_RESET)
        if self.phase is Phase.NOT_ACKNOWLEDGED and (reset or not frame.error):
            self._lost_probe = self._lost_probe or now - self._since > ECHO_TIMEOUT

    def on_echo(self, frame: Frame) -> Phase | None:
        """Take the echo of an own frame: it has left for the wire.

        Return the phase that it ended: SENT, the telegram has left completely, or
        NOT_ACKNOWLEDGED, the inverter acknowledges again. None: neither.
        """
        if self.phase is Phase.NOT_ACKNOWLEDGED:
            self.phase = Phase.IDLE
            self._awaited.clear()
            self.set_listening(True)
            return Phase.NOT_ACKNOWLEDGED
        if (frame.can_id, frame.data) in self._awaited:
            self._awaited.remove((frame.can_id, frame.data))
        if self._awaited:
            return None
        if self.phase is Phase.SENT:
            self._complete()
            return Phase.SENT
        if self.phase is Phase.OPENED:
            self.phase = Phase.LEFT
        elif self.phase is Phase.PROMPTED:
            self.phase = Phase.IDLE
        return None

    def reset(self) -> bool:
        """Start over with a port that was closed: no echo will arrive any more.

        Return, the first time that it is called, whether the last echoes before that
        proved nothing: the controller gave up on a link whose driver makes no real
        echoes, or the link had lost its carrier, which is reported late.
        """
        was_open, self._was_open = self._was_open, False
        self.phase, self.listening = Phase.IDLE, None
        self._lost_probe = False
        self._awaited.clear()
        fault = self._port.state.fault
        proves = self._port.echo_is_proof and fault is not PortFault.NO_CARRIER
        return was_open and fault in GAVE_UP and not proves

    def time_out(self, now: float) -> None:
        """Notice an echo that is missing, or one that no longer proves anything."""
        waits = self.phase in (Phase.OPENED, Phase.SENT, Phase.PROMPTED)
        if waits and now >= self.times_out_at:
            self._mark_unacknowledged(now)
        if self.phase is Phase.LEFT and not self.can_continue(now):
            # The loop was blocked: that the name left then proves nothing now
            self.phase = Phase.IDLE

    def open(self, names: tuple[Frame, ...], now: float) -> None:
        """Begin a telegram with its name: harmless if it waits in a queue for hours."""
        self._since = now
        self._lost_probe = False
        self._was_open = True
        self._probes = self.phase is Phase.NOT_ACKNOWLEDGED
        if not self._port.echo_is_proof:
            # The driver may hold one frame back: the second echo shows that it did not
            names *= 2
        if not self._queue(names):
            # Not even queued: there is no echo to wait for
            self._lost_probe = True
            self._mark_unacknowledged(now)
            return
        self.phase = Phase.OPENED if self._port.has_echo else Phase.LEFT

    def drop(self) -> None:
        """Drop the rest of a telegram that was opened."""
        self.phase = Phase.IDLE

    def send_rest(self, frames: tuple[Frame, ...], now: float) -> bool:
        """Queue the rest after the name; return whether it counts as sent at once."""
        self._since = now
        if not self._queue(frames):
            self._mark_unacknowledged(now)
            return False
        if not self._port.has_echo:
            self._complete()
            return True
        self.phase = Phase.SENT
        return False

    def prompt(self, frame: Frame, now: float) -> None:
        """Send a 0x305 of our own."""
        self._since = now
        if not self._queue((frame,)):
            self._lost_probe = True
            self._mark_unacknowledged(now)
        elif self._port.has_echo:
            self.phase = Phase.PROMPTED

    def set_listening(self, listening: bool) -> None:
        """Store whether the inverter acknowledges; log a change once."""
        if listening is self.listening:
            return
        if not listening:
            _LOGGER.warning("%s does not listen", self._name)
        elif self.listening is False:
            _LOGGER.info("%s listens again", self._name)
        self.listening = listening

    def _queue(self, frames: tuple[Frame, ...]) -> bool:
        self._awaited.clear()
        for frame in frames:
            if not self._port.send(frame):
                return False
            self._awaited.append((frame.can_id, frame.data))
        return True

    def _complete(self) -> None:
        self.phase = Phase.IDLE
        self._awaited.clear()
        self.telegrams_sent += 1
        self.set_listening(True)

    def _mark_unacknowledged(self, now: float) -> None:
        self.phase, self._since = Phase.NOT_ACKNOWLEDGED, now
        self.telegrams_dropped += 1
        self.set_listening(False)
