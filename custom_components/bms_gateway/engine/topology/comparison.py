"""Comparison of a scanned port with others: are two adapters on one bus?"""

from typing import Final

from ..model import Frame
from .shared_bus import LIKELY, BusTopology

_THIS: Final = ""
"""The scanned port, among the ids of the others."""


class Comparison:
    """Compares a port with others for a few seconds; its result is only likely.

    So short a time has fewer telegrams than `shared_bus.CERTAIN`, and two identical
    batteries may send at the same times for as long.
    """

    def __init__(self) -> None:
        """Begin without a frame."""
        self._topology = BusTopology()

    def on_frame(self, frame: Frame) -> None:
        """Take a frame of the scanned port."""
        self._topology.on_frame(_THIS, frame)

    def on_other_frame(self, port: str, frame: Frame) -> None:
        """Take a frame of another port, by its id: a received one, or one that we sent."""
        self._topology.on_frame(port, frame)

    @property
    def alike(self) -> frozenset[str]:
        """Return the other ports that are probably on the same bus."""
        found = self._topology.alike(_THIS)
        return frozenset(k for k, telegrams in found.items() if telegrams >= LIKELY)

    @property
    def is_open(self) -> bool:
        """Return whether a port received the same, but not often enough yet."""
        return any(each < LIKELY for each in self._topology.alike(_THIS).values())
