"""Detects other devices on an inverter's port, and decides if limits may be sent."""

from collections.abc import Iterator
from typing import Final

from ..config import Proof
from ..model import Frame
from .request_source import Requests

BATTERY_MARKS: Final = frozenset({0x351, 0x355, 0x356})
"""Limits, state of charge, measurements: every battery sends these, no inverter
does."""

BATTERY_GONE: Final = 30.0
"""Seconds without these after which a battery counts as gone."""
BURST: Final = 0.5
"""Seconds; frames within so short a time are not a battery yet. They may be our own
from before a restart, which waited in the kernel's queue; silence then lasts only for
BURST_GONE."""
BURST_GONE: Final = 3.0
PRESENT: Final = 3.0
"""Seconds after any frame of another node for which a device is assumed to be there to
acknowledge."""


class BusGuard:
    """Watches the frames of other devices on an inverter's port, not the echoes.

    A battery on this port means that the ports are mixed up, or wired together: nothing
    is sent to it. Another device that presents a battery here cannot be told from a
    real one, and is reason enough too: an inverter must not follow two.
    """

    def __init__(self) -> None:
        """Create it with nothing received."""
        self._received_at: float | None = None
        self._battery_since: float | None = None
        self._battery_at = 0.0
        self._requests = Requests()

    def on_frame(self, frame: Frame) -> None:
        """Take a frame of another node."""
        if frame.error:
            return
        self._received_at = max(frame.at, self._received_at or frame.at)
        self._requests.on_frame(frame)
        if frame.standard and frame.can_id in BATTERY_MARKS:
            if self._battery_since is None or frame.at >= self._battery_gone_at:
                self._battery_since = frame.at
            self._battery_at = max(frame.at, self._battery_at)

    def battery_detected(self, now: float) -> bool:
        """Return whether a battery is on this bus, not just our own old frames."""
        return self._is_battery and self.is_silenced(now)

    def is_silenced(self, now: float) -> bool:
        """Return whether nothing may be sent because of a battery on this bus."""
        return self._battery_since is not None and now < self._battery_gone_at

    @property
    def battery_requests(self) -> bool:
        """Return whether all 0x305 here are sent by a battery, none by an inverter."""
        return self._requests.by_battery

    @property
    def received_at(self) -> float | None:
        """When a frame of another device was last received; None: never."""
        return self._received_at

    def is_present(self, now: float) -> bool:
        """Return whether another device was received within PRESENT."""
        return self._received_at is not None and now < self._received_at + PRESENT

    def allows(self, proof: Proof, now: float) -> bool:
        """Return whether limits may be sent, given what proves that frames leave."""
        if self.is_silenced(now):
            return False
        match proof:
            case Proof.ECHO:
                return True
            case Proof.PRESENCE:
                return self.is_present(now)

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when one of these answers changes if nothing more is received."""
        if self._battery_since is not None:
            yield self._battery_gone_at
        if self._received_at is not None:
            yield self._received_at + PRESENT

    @property
    def _is_battery(self) -> bool:
        since = self._battery_since
        return since is not None and self._battery_at - since >= BURST

    @property
    def _battery_gone_at(self) -> float:
        return self._battery_at + (BATTERY_GONE if self._is_battery else BURST_GONE)
