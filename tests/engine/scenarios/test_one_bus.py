"""Two adapters on one bus, seen from the inverter: one battery is never counted twice."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import BatteryStatus, Frame, Status
from custom_components.bms_gateway.engine.setpoints import AllSetpoints

from ..plant import Plant, battery, inverter

LATE = 0.02
"""Seconds; one adapter passes a frame on later than the other."""


class OneBus(Plant):
    """A battery of 100 A whose bus ends at the ports of b1 and b2."""

    def __init__(self, *, late: float = LATE, spacing: float = 0.0005) -> None:
        """`late`: how much later b2 receives; `spacing`: seconds between its frames.

        Those that a serial adapter passes on in one piece have one time.
        """
        super().__init__([battery("b1"), battery("b2")], [inverter("i1")])
        self._late, self._spacing = late, spacing
        self.plugged = ["b1", "b2"]
        self.step()

    def live(self, seconds: int) -> list[float]:
        """Report every second; return the discharge limits sent."""
        sent = []
        for _ in range(seconds):
            began = self.now
            for late, ports in ((0.0, ["b1"]), (self._late, ["b2"])):
                self.clock.now = began + late + 7 * self._spacing
                for port in ports:
                    if port in self.plugged:
                        self.port(port).push(*self._frames(began + late))
                self.step()
                sent += self._sent_now()
            while self.now < began + 1.0:
                self.clock.now = min(began + 1.0, self.now + 0.25)
                self.step()
                sent += self._sent_now()
        return sent

    @property
    def lives(self) -> dict[str, BatteryStatus]:
        """How the gateway sees both."""
        return {key: each.status for key, each in self.snapshot.batteries.items()}

    def _frames(self, at: float) -> Iterator[Frame]:
        for n, frame in enumerate(self.packs["b1"].frames(at)):
            yield replace(frame, at=at + n * self._spacing)

    def _sent_now(self) -> list[float]:
        return [self.sent()[2]] if self.port().sent else []


@pytest.mark.parametrize("late", [0.0, LATE])
@pytest.mark.parametrize("spacing", [0.0, 0.0005])
def test_one_battery_on_two_ports_is_counted_once(late: float, spacing: float) -> None:
    """From the first telegram on, also while its own values are sent."""
    bus = OneBus(late=late, spacing=spacing)
    sent = bus.live(60)
    assert max(sent) == 100.0
    assert sent[-1] == 100.0
    assert min(sent) == 100.0
    assert bus.lives == {"b1": BatteryStatus.ONLINE, "b2": BatteryStatus.DUPLICATE}
    assert bus.snapshot.status is Status.RUNNING


def test_second_port_plugged_in_later_counts_only_once() -> None:
    """It counts twice for less time than an inverter could use."""
    bus = OneBus()
    bus.plugged = ["b1"]
    bus.live(20)
    bus.plugged = ["b1", "b2"]
    assert max(bus.live(40)) == 100.0
    assert bus.lives == {"b1": BatteryStatus.ONLINE, "b2": BatteryStatus.DUPLICATE}


@pytest.mark.parametrize("key", ["b1", "b2"])
def test_unplugging_either_port_changes_nothing(key: str) -> None:
    """The battery is still received on the other one."""
    bus = OneBus()
    bus.live(20)
    bus.plugged.remove(key)
    sent = bus.live(90)
    bus.plugged.append(key)
    sent += bus.live(30)
    assert bus.snapshot.status is Status.RUNNING
    assert bus.lives == {"b1": BatteryStatus.ONLINE, "b2": BatteryStatus.DUPLICATE}
    assert max(sent) == 100.0
    assert min(sent) == 100.0


@pytest.mark.parametrize("key", ["b1", "b2"])
def test_either_port_can_be_taken_out_of_service(key: str) -> None:
    """As the repair suggests: the other one counts."""
    bus = OneBus()
    bus.live(20)
    bus.set(AllSetpoints(out_of_service=frozenset({key})))
    sent = bus.live(40)
    assert max(sent) == 100.0
    assert sent[-1] == 100.0
    assert min(sent) == 100.0
    [counted] = (
        key
        for key, battery_status in bus.lives.items()
        if battery_status is BatteryStatus.ONLINE
    )
    assert counted != key


def test_duplicate_is_reported_once_it_is_sure() -> None:
    """Two batteries may be alike for some seconds: no repair for that."""
    bus = OneBus()
    bus.live(5)
    assert bus.lives["b2"] is BatteryStatus.DUPLICATE
    assert bus.state("b2").duplicate_of is None
    bus.live(6)
    assert bus.state("b2").duplicate_of == "b1"


def test_duplicate_out_of_service_is_not_reported_as_connected() -> None:
    """The current is the other one's."""
    bus = OneBus()
    bus.live(20)
    bus.set(AllSetpoints(out_of_service=frozenset({"b1"})))
    bus.packs["b1"].reports(current=20.0)
    bus.live(40)
    assert bus.lives == {"b1": BatteryStatus.DUPLICATE, "b2": BatteryStatus.ONLINE}
    assert not bus.state("b1").carries_current_out_of_service


@pytest.mark.parametrize("shared_before", [True, False])
def test_own_frames_are_no_battery(shared_before: bool) -> None:
    """The bus of a battery that has died ends at an inverter's port: it stays lost.

    `shared_before`: since it was alive; else the cables were changed after its death.
    """
    plant = Plant([battery("b1"), battery("b2")], [inverter("i1"), inverter("i2")])
    plant.started(1.0)
    received = 0
    for second in range(120):
        alive = second < 15
        if not alive:
            plant.packs["b1"].active = False
        for _ in range(4):
            before = plant.now
            plant.run(0.25)
            sent = plant.port("i1").since(before)
            if alive and shared_before and plant.packs["b1"].next_at > before + 1:
                plant.port("i1").push(*plant.packs["b1"].frames(plant.now))
            elif not alive and second > 30:
                received += len(sent)
                plant.port("b1").push(*sent)
            plant.step()
            if second > 30:
                assert plant.state("b1").status is BatteryStatus.LOST
    assert received > 100
