"""Sends a set: its name first, the rest once the name's echo proves that it left."""

from collections.abc import Iterator
from enum import StrEnum
import logging
from typing import Final

from ..can.error_frames import BUS_OFF, RESTARTED
from ..can.sender import Sender
from ..model import GAVE_UP, Frame, PortFault, PortStatus

_LOGGER = logging.getLogger(__name__)

ECHO_TIMEOUT: Final = 0.05
"""Seconds within which a frame that leaves for the wire comes back as echo."""
PROVEN: Final = 0.5
"""Seconds after a name went out for which its echo proves that what follows leaves."""
PROBE_AGAIN: Final = 1.0
"""Seconds between two names to an inverter that does not listen, where the first is
known to be gone; each may wait in the queue until somebody acknowledges it."""
PROBE_ANYWAY: Final = 120.0
"""Seconds after which another name is queued though the first may still wait: an
inverter must not stay without us for ever because a driver dropped a frame."""

_CONTROLLER_RESET: Final = BUS_OFF | RESTARTED
"""Classes of error frames with which the controller drops what it had to send."""


class Phase(StrEnum):
    """How far the running set is."""

    IDLE = "idle"
    OPENED = "opened"
    """Its name is on the way; nothing that could grow stale is queued yet."""
    LEFT = "left"
    """The name's echo came: the inverter listens, the rest can follow."""
    SENT = "sent"
    """All is queued; the echoes are awaited."""
    PROMPTED = "prompted"
    """A 0x305 of ours is on the way."""
    NOT_ACKNOWLEDGED = "deaf"
    """An echo failed to come: nothing more is queued until it does."""


class Transmission:
    """The frames on their way to one inverter, and whether it listens."""

    def __init__(self, port: Sender, name: str) -> None:
        """Begin with nothing on its way; `name`: of the inverter, for the log."""
        self.phase = Phase.IDLE
        self.listening: bool | None = None
        """Whether the inverter was last known to; None: nothing is known."""
        self.sets = self.dropped = 0
        """Sets that left since the start, and those that did not."""
        self._port = port
        self._name = name
        self._since = 0.0
        self._awaited: list[tuple[int, bytes]] = []
        self._lost_probe = self._was_open = False

    @property
    def is_open(self) -> bool:
        """Return whether the port is."""
        return self._port.state.status is PortStatus.OPEN

    def goes_on(self, now: float) -> bool:
        """Return whether a set has begun and its rest may follow at once.

        Not after the loop was held: what came meanwhile has to be heard first.
        """
        return self.phase is Phase.LEFT and now < self._since + PROVEN

    @property
    def probe_due(self) -> float:
        """When a name may be queued for one that did not listen."""
        return self._since + (PROBE_AGAIN if self._lost_probe else PROBE_ANYWAY)

    @property
    def times_out_at(self) -> float:
        """When the echo that is awaited fails to come."""
        return self._since + ECHO_TIMEOUT

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when an echo times out, or the next probe is due."""
        if self.phase is Phase.NOT_ACKNOWLEDGED:
            yield self.probe_due
        elif self.phase is not Phase.IDLE:
            yield self.times_out_at

    def on_other_frame(self, frame: Frame, now: float) -> None:
        """Take any other frame of the bus, or an error frame.

        While we are not heard it may tell that our name is lost rather than waiting:
        somebody is there who would have acknowledged it, or the controller was reset.
        """
        reset = frame.error and bool(frame.can_id & _CONTROLLER_RESET)
        if self.phase is Phase.NOT_ACKNOWLEDGED and (reset or not frame.error):
            self._lost_probe = self._lost_probe or now - self._since > ECHO_TIMEOUT

    def on_echo(self, frame: Frame) -> Phase | None:
        """Take the echo of an own frame: it has left for the wire.

        Return what ended by it: a set that was SENT has left whole, or the inverter
        was DEAF and is not any more. None: nothing of the kind.
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

    def begin_anew(self) -> bool:
        """Begin anew with a port that was closed: no echo will come any more.

        Return whether the last echoes of before proved nothing, the first time that it
        is asked: the controller gave up on a link whose driver makes no echoes of its
        own, or the link had no carrier any more, which is reported late.
        """
        is_news, self._was_open = self._was_open, False
        self.phase, self.listening = Phase.IDLE, None
        self._lost_probe = False
        self._awaited.clear()
        fault = self._port.state.fault
        proves = self._port.echo_is_proof and fault is not PortFault.NO_CARRIER
        return is_news and fault in GAVE_UP and not proves

    def time_out(self, now: float) -> None:
        """Notice an echo that failed to come, or one that proves nothing any more."""
        waits = self.phase in (Phase.OPENED, Phase.SENT, Phase.PROMPTED)
        if waits and now >= self.times_out_at:
            self._mark_unacknowledged(now)
        if self.phase is Phase.LEFT and not self.goes_on(now):
            # The loop was held: that its name left then proves nothing now.
            self.phase = Phase.IDLE

    def open(self, names: tuple[Frame, ...], now: float) -> None:
        """Begin a set with its name: harmless, should it wait in a queue for hours."""
        self._since = now
        self._lost_probe = False
        self._was_open = True
        if not self._port.echo_is_proof:
            # The driver may hold one frame back: the second name shows that it did not.
            names *= 2
        if not self._queue(names):
            # Not even queued: there is no echo to wait for.
            self._lost_probe = True
            self._mark_unacknowledged(now)
            return
        self.phase = Phase.OPENED if self._port.has_echo else Phase.LEFT

    def drop(self) -> None:
        """Let a set that was opened end without its rest."""
        self.phase = Phase.IDLE

    def send_rest(self, frames: tuple[Frame, ...], now: float) -> bool:
        """Queue a set whose name has left; return whether it counts as left at once."""
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
        """Keep whether the inverter listens; log it once when that changes."""
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
        self.sets += 1
        self.set_listening(True)

    def _mark_unacknowledged(self, now: float) -> None:
        self.phase, self._since = Phase.NOT_ACKNOWLEDGED, now
        self.dropped += 1
        self.set_listening(False)
