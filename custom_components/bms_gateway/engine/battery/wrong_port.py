"""Wrong port: only an inverter is received on the port of a battery."""

from typing import Final

ALONE_FOR: Final = 5.0
"""Seconds of an inverter's 0x305 without a battery frame: no battery is on this bus."""
GONE_AFTER: Final = 30.0
"""Seconds without 0x305 after which the inverter has left the bus."""


class WrongPort:
    """Watches for an inverter's requests that no battery on the port answers."""

    def __init__(self) -> None:
        """Begin without a request."""
        self._requested_since: float | None = None
        self._requested_at = 0.0

    def on_request(self, at: float) -> None:
        """Take a 0x305 of another node."""
        self._requested_since = self._requested_since or at
        self._requested_at = at

    def on_battery_frame(self) -> None:
        """Take a frame of a battery: the port is right."""
        self._requested_since = None

    def only_inverter(self, now: float) -> bool:
        """Return whether only an inverter sends on this port."""
        return (
            self._requested_since is not None
            and self._requested_at - self._requested_since >= ALONE_FOR
            and now < self._requested_at + GONE_AFTER
        )

    @property
    def ends_at(self) -> float:
        """When the inverter counts as gone if it sends no more requests."""
        return self._requested_at + GONE_AFTER
