"""Two adapters on one bus, seen from the inverter: one battery is never counted twice."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Frame, Life, Status

from .plant import Plant, battery, inverter

LATE = 0.02
"""Seconds; one adapter passes a frame on later than the other."""


class OneBus(Plant):
    """A battery of 100 A whose bus ends at the ports of b1 and b2."""

    def __init__(self, *, late: float = LATE, apart: float = 0.0005) -> None:
        """`late`: how much later b2 hears; `apart`: how far its frames are apart.

        Those that a serial adapter passes on in one piece have one time.
        """
        super().__init__([battery("b1"), battery("b2")], [inverter("i1")])
        self._late, self._apart = late, apart
        self.plugged = ["b1", "b2"]
        self.step()

    def live(self, seconds: int) -> list[float]:
        """Let the battery speak each second; return what was told to discharge with."""
        told = []
        for _ in range(seconds):
            began = self.now
            for late, ports in ((0.0, ["b1"]), (self._late, ["b2"])):
                self.clock.now = began + late + 7 * self._apart
                for port in ports:
                    if port in self.plugged:
                        self.port(port).push(*self._frames(began + late))
                self.step()
                told += self._told_now()
            while self.now < began + 1.0:
                self.clock.now = min(began + 1.0, self.now + 0.25)
                self.step()
                told += self._told_now()
        return told

    @property
    def lives(self) -> dict[str, Life]:
        """How the gateway sees both."""
        return {key: each.life for key, each in self.snapshot.batteries.items()}

    def _frames(self, at: float) -> Iterator[Frame]:
        for n, frame in enumerate(self.packs["b1"].frames(at)):
            yield replace(frame, at=at + n * self._apart)

    def _told_now(self) -> list[float]:
        return [self.told()[2]] if self.port().sent else []


@pytest.mark.parametrize("late", [0.0, LATE])
@pytest.mark.parametrize("apart", [0.0, 0.0005])
def test_one_battery_on_two_ports_is_counted_once(late: float, apart: float) -> None:
    """From the first set on, also while we tell what the battery itself says."""
    bus = OneBus(late=late, apart=apart)
    told = bus.live(60)
    assert max(told) == 100.0
    assert told[-1] == 100.0
    assert min(told) == 100.0
    assert bus.lives == {"b1": Life.ONLINE, "b2": Life.TWIN}
    assert bus.snapshot.status is Status.RUNNING
