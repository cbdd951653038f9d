"""Who else is heard on an inverter's port, and whether it may be sent to."""

from collections.abc import Iterator
from typing import Final

from ..config import Proof
from ..model import Frame
from .request_source import Requests

BATTERY_MARKS: Final = frozenset({0x351, 0x355, 0x356})
"""Limits, state of charge, measurements: what every battery sends, and no inverter."""

BATTERY_GONE: Final = 30.0
"""Seconds without these after which a battery is not there any more."""
BURST: Final = 0.5
"""Seconds; frames within them are no battery yet. They may be our own, of before a
restart, that waited in the kernel's queue; then this lasts only for BURST_GONE."""
BURST_GONE: Final = 3.0
PRESENT: Final = 3.0
"""Seconds after any frame of another node for which somebody is there to acknowledge."""


class BusGuard:
    """Listens beside an inverter's writer, to others' frames alone, not to echoes.

    A battery on this port means that the ports are mixed up, or wired together: it is
    not told anything. Whoever else plays a battery here cannot be told from one, and
    is reason enough too: an inverter must not obey two.
    """

    def __init__(self) -> None:
        """Begin with nobody heard."""
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
        """Return whether a battery talks here, and not only a leftover of our own."""
        return self._is_battery and self.keeps_silent(now)

    def keeps_silent(self, now: float) -> bool:
        """Return whether nothing may be sent, for the sake of a battery."""
        return self._battery_since is not None and now < self._battery_gone_at

    @property
    def battery_asks(self) -> bool:
        """Return whether all 0x305 here are sent by a battery, none by an inverter."""
        return self._requests.by_battery

    @property
    def received_at(self) -> float | None:
        """When another node was heard last; None: never."""
        return self._received_at

    def is_present(self, now: float) -> bool:
        """Return whether somebody was heard just now."""
        return self._received_at is not None and now < self._received_at + PRESENT

    def allows(self, proof: Proof, now: float) -> bool:
        """Return whether limits may be sent, by what proves that they leave."""
        if self.keeps_silent(now):
            return False
        match proof:
            case Proof.ECHO:
                return True
            case Proof.PRESENCE:
                return self.is_present(now)

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when one of the answers changes if nothing more is received."""
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
