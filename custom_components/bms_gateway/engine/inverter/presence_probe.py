"""Probes of an inverter where nothing proves that frames leave: many reply once probed."""

from collections.abc import Iterable, Iterator
from typing import Final

from ..can.sender import Sender
from ..config import Proof
from ..model import Frame

PRESENCE_PROBE_INTERVAL: Final = 1.0
"""Seconds between two probes."""

_HARMLESS: Final = frozenset({0x356, 0x35E})
"""IDs of measurements and name: they carry no limit, should they wait in a queue for
hours."""


class PresenceProbe:
    """Sends harmless frames: many inverters reply only once they receive frames.

    Only where nothing proves that frames leave. Where echoes do, a telegram starts with
    such a frame anyway.
    """

    def __init__(self, proof: Proof, port: Sender) -> None:
        """Create it before the first probe; `proof`: what shows that frames leave."""
        self._needed = proof is Proof.PRESENCE
        self._port = port
        self._sent_at: float | None = None

    def step(self, frames: Iterable[Frame], now: float) -> None:
        """Send the harmless ones of a telegram's frames if a probe is due."""
        due = self._sent_at is None or now >= self._sent_at + PRESENCE_PROBE_INTERVAL
        if not self._needed or not due:
            return
        self._sent_at = now
        for frame in frames:
            if frame.can_id in _HARMLESS:
                self._port.send(frame)

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when the next probe is due, after the first."""
        if self._sent_at is not None:
            yield self._sent_at + PRESENCE_PROBE_INTERVAL
