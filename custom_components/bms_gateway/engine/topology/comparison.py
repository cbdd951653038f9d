"""Comparing a port that is listened to with others: are two adapters on one bus?"""

from typing import Final

from ..model import Frame
from .shared_bus import LIKELY, BusTopology

_THIS: Final = ""
"""The port that is listened to, among the ids of the others."""


class Comparison:
    """Hears a port and others for a few seconds; what comes of it is no more than likely.

    In so short a time there are fewer telegrams than `wiring.CERTAIN`, and two batteries
    that are alike may speak in the same moments for as long.
    """

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._topology = BusTopology()

    def on_frame(self, frame: Frame) -> None:
        """Take a frame of the port that is listened to."""
        self._topology.on_frame(_THIS, frame)

    def on_other_frame(self, port: str, frame: Frame) -> None:
        """Take a frame of another port, by its id: one that came, or that we sent."""
        self._topology.on_frame(port, frame)

    @property
    def alike(self) -> frozenset[str]:
        """Return the other ports that are probably on the same bus."""
        found = self._topology.alike(_THIS)
        return frozenset(k for k, telegrams in found.items() if telegrams >= LIKELY)

    @property
    def is_open(self) -> bool:
        """Return whether one has heard the same, but not often enough yet."""
        return any(each < LIKELY for each in self._topology.alike(_THIS).values())
