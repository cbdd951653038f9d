"""Polling of batteries that send only on request (0x305)."""

import pytest

from custom_components.bms_gateway.engine.battery.poller import Poller
from custom_components.bms_gateway.engine.model import Frame

from ..plant import Plant, battery
from ..wires import MovedClock, Wires

ZEROS = Frame(0x305, bytes(8))
ANSWER = Frame(0x351, bytes(8))
ECHO = ZEROS


class Polled:
    """A poller and its port."""

    def __init__(self, *, has_echo: bool = True) -> None:
        """Poll every 2 s."""
        self.clock = MovedClock()
        self.port = Wires()(
            battery("b1").port,
            on_frame=self._on_frame,
            on_echo=self._on_frame,
            on_change=lambda _: None,
            clock=self.clock,
            wall=self.clock,
        )
        self.port.has_echo = self.port.echoes = has_echo
        self.poller = Poller(self.port, 2.0)

    def _on_frame(self, frame: Frame) -> None:
        self.poller.on_frame(frame)

    def at(self, at: float) -> int:
        """Return how many polls were sent up to a time."""
        self.clock.now = 1000.0 + at
        self.port.drain()
        self.poller.step(self.clock.now)
        return len(self.port.sent) + len(self.port.queue)


def test_poller_polls_at_once_and_then_every_interval() -> None:
    """With 11 bits and 8 zeros."""
    polled = Polled()
    assert [polled.at(t) for t in (0, 1, 1.9, 2, 3, 4)] == [1, 1, 1, 2, 2, 3]
    assert {(f.can_id, f.data, f.extended) for f in polled.port.sent} == {
        (0x305, bytes(8), False)
    }


def test_step_returns_when_the_next_poll_is_due() -> None:
    """No sooner than after the interval."""
    polled = Polled()
    assert polled.poller.step(1000.0) == 1002.0
    assert polled.poller.step(1001.0) == 1002.0


def test_a_silent_bus_gets_one_poll() -> None:
    """None queues behind another, however long no node answers."""
    polled = Polled()
    polled.port.acknowledged = False
    assert [polled.at(t) for t in range(0, 100, 2)] == [1] * 50
    polled.port.acknowledged = True
    polled.port.leave()
    assert polled.at(100) == 2


@pytest.mark.parametrize("frame", [ANSWER, Frame(0x100, error=True)])
def test_a_frame_shows_that_the_poll_has_left(frame: Frame) -> None:
    """A node is there that would have acknowledged it, or the controller was reset."""
    polled = Polled()
    polled.port.acknowledged = False
    polled.at(0)
    polled.port.forget()
    polled.port.push(frame)
    assert polled.at(2) == 1
    assert polled.port.queue


def test_without_echo_polling_continues() -> None:
    """An interface without echoes is polled regardless."""
    polled = Polled(has_echo=False)
    assert [polled.at(t) for t in (0, 2, 4)] == [1, 2, 3]


def test_frames_prove_nothing_without_echo() -> None:
    """They show nothing about the poll."""
    polled = Polled(has_echo=False)
    polled.at(0)
    polled.port.push(ANSWER)
    assert polled.at(2) == 2


def test_a_full_queue_is_retried() -> None:
    """At the next interval."""
    polled = Polled()
    polled.port.queue = [ANSWER] * 12
    polled.at(0)
    polled.port.queue.clear()
    assert [polled.at(t) for t in (1, 2)] == [0, 1]


def test_a_lost_port_is_not_polled() -> None:
    """When it is back, the queued poll is gone, and another follows."""
    polled = Polled()
    polled.port.acknowledged = False
    polled.at(0)
    polled.port.lose()
    assert polled.poller.step(1002.0) is None
    assert not polled.port.refused
    polled.port.reopen()
    assert polled.at(2.5) == 1


def test_polling_happens_only_if_configured() -> None:
    """A battery that sends by itself is never polled; changes hold at once."""
    plant = Plant([battery("b1"), battery("b2", poll_interval=5.0)])
    plant.started(11.0)
    assert plant.port("b1").sent == []
    assert plant.port("b2").ids() == [0x305] * 3
    plant.apply(batteries=(battery("b1", poll_interval=2.0), battery("b2")))
    plant.run(4.0)
    assert plant.port("b1").ids() == [0x305] * 2
    assert plant.port("b2").ids() == [0x305] * 3
    plant.apply(batteries=(battery("b1", poll_interval=1.0), battery("b2")))
    plant.run(4.0)
    assert len(plant.port("b1").sent) in (5, 6)
