"""Ports on one bus receive the same frames at the same time."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.topology.shared_bus import LIKELY, BusTopology

from ..telegrams import telegram


def send(
    topology: BusTopology,
    *ports: str,
    at: float,
    seconds: int = 1,
    late: float = 0.0,
    **changes: Any,
) -> None:
    """Send the ports a telegram every second, each `late` after the last."""
    for n in range(seconds):
        for frame in telegram(**changes):
            for place, port in enumerate(ports):
                topology.on_frame(port, replace(frame, at=at + n + place * late))


@pytest.mark.parametrize("late", [0.0, 0.03, -0.03])
def test_one_battery_on_two_ports_is_a_duplicate(late: float) -> None:
    """Certain after ten telegrams, likely before."""
    topology = BusTopology()
    send(topology, "b1", "b2", at=10.0, seconds=9, late=late)
    assert topology.duplicates(["b1", "b2"]) == {}
    assert topology.duplicates(["b1", "b2"], LIKELY)
    send(topology, "b1", "b2", at=19.0, late=late)
    assert topology.duplicates(["b1", "b2"]) == {"b2": "b1"}
    assert topology.duplicates(["b2", "b1"]) == {"b1": "b2"}


@pytest.mark.parametrize("is_one", [True, False])
def test_telegrams_delivered_as_a_whole_are_compared(is_one: bool) -> None:
    """An adapter may deliver a whole telegram before the other one begins.

    Two batteries that send at the same time, and differ by their names alone, are not
    likely duplicates.
    """
    topology = BusTopology()
    for second in range(10):
        for port in ("b1", "b2"):
            name = "PYLON" if is_one or port == "b1" else "PYLON 2"
            last_first = reversed(telegram(name=name))
            for n, frame in enumerate(last_first):
                topology.on_frame(port, replace(frame, at=second / 100 + n / 1000))
        assert is_one or not topology.duplicates(["b1", "b2"], LIKELY)
    assert bool(topology.duplicates(["b1", "b2"])) is is_one


def test_one_battery_on_three_ports_has_two_duplicates() -> None:
    """Of the first port."""
    topology = BusTopology()
    send(topology, "b1", "b2", "b3", at=10.0, seconds=10)
    assert topology.duplicates(["b1", "b2", "b3"]) == {"b2": "b1", "b3": "b1"}


def test_frames_with_equal_times_keep_their_order() -> None:
    """As from a serial adapter that delivers a telegram as a whole."""
    topology = BusTopology()
    for second in range(2):
        for port in ("b1", "b2"):
            for frame in telegram():
                topology.on_frame(port, replace(frame, at=float(second)))
    assert topology.duplicates(["b1", "b2"], LIKELY)


def test_identical_batteries_are_not_duplicates() -> None:
    """They send the same, each at its own time."""
    topology = BusTopology()
    for second in range(30):
        send(topology, "b1", at=second)
        send(topology, "b2", at=second + 0.4)
    assert topology.duplicates(["b1", "b2"]) == {}
    assert not topology.duplicates(["b1", "b2"], LIKELY)


def test_other_limits_are_another_battery() -> None:
    """However much of the rest is the same, it is not even likely."""
    topology = BusTopology()
    for second in range(5):
        send(topology, "b1", at=second, charge_current_limit=60.0)
        send(topology, "b2", at=second)
        assert not topology.duplicates(["b1", "b2"], LIKELY)


@pytest.mark.parametrize("changes", [{"name": "PYLON 2"}, {"soc": 49.0}])
def test_any_other_frame_is_another_battery(changes: dict[str, Any]) -> None:
    """Also one that comes before the limits."""
    topology = BusTopology()
    for second in range(5):
        send(topology, "b1", at=second, **changes)
        send(topology, "b2", at=second)
        assert not topology.duplicates(["b1", "b2"], LIKELY)


def test_batteries_polled_together_are_distinguished() -> None:
    """They answer at the same time, until one of them sends something else."""
    topology = BusTopology()
    send(topology, "b1", "b2", at=10.0, seconds=8)
    send(topology, "b1", at=18.0, current=5.0)
    send(topology, "b2", at=18.0, current=5.2)
    send(topology, "b1", "b2", at=19.0, seconds=5)
    assert topology.duplicates(["b1", "b2"]) == {}


def test_batteries_identical_for_long_are_distinguished() -> None:
    """Taken for one while they rest; they are two as soon as their measurements differ."""
    topology = BusTopology()
    send(topology, "b1", "b2", at=10.0, seconds=20)
    assert topology.duplicates(["b1", "b2"]) == {"b2": "b1"}
    for second in range(4):
        send(topology, "b1", at=30.0 + second, current=5.0)
        send(topology, "b2", at=30.0 + second, current=5.2)
    assert topology.duplicates(["b1", "b2"]) == {}


def test_waiting_frames_of_one_port_may_be_read_first() -> None:
    """After the loop was held for seconds they are known as before."""
    topology = BusTopology()
    send(topology, "b1", "b2", at=10.0, seconds=10)
    send(topology, "b1", at=20.0, seconds=7)
    send(topology, "b2", at=20.0, seconds=7)
    assert topology.duplicates(["b1", "b2"]) == {"b2": "b1"}


def test_a_silent_port_stays_a_duplicate() -> None:
    """Its adapter was unplugged: there is still one battery only; and plugged in again."""
    topology = BusTopology()
    send(topology, "b1", "b2", at=10.0, seconds=10)
    send(topology, "b1", at=20.0, seconds=60)
    assert topology.duplicates(["b1", "b2"]) == {"b2": "b1"}
    send(topology, "b1", "b2", at=80.0, seconds=2)
    assert topology.duplicates(["b1", "b2"]) == {"b2": "b1"}


def test_changed_cables_end_a_duplicate() -> None:
    """Each port receives a battery of its own now."""
    topology = BusTopology()
    send(topology, "b1", "b2", at=10.0, seconds=10)
    for second in range(5):
        send(topology, "b1", at=20.0 + second, soc=60.0)
        send(topology, "b2", at=20.4 + second, soc=40.0)
    assert topology.duplicates(["b1", "b2"]) == {}


def test_frames_of_zeros_do_not_count() -> None:
    """An alarm frame without alarms may be any battery's."""
    topology = BusTopology()
    for second in range(30):
        for port in ("b1", "b2"):
            topology.on_frame(port, Frame(0x351, bytes(8), second))
    assert topology.duplicates(["b1", "b2"]) == {}


def test_a_battery_and_an_inverter_share_a_bus() -> None:
    """Both ports receive the battery."""
    topology = BusTopology()
    send(topology, "b1", "i1", at=10.0, seconds=10)
    assert list(topology.shared(["b1", "b2"], ["i1"])) == [("b1", "i1")]
    topology.forget("i1")
    assert list(topology.shared(["b1", "b2"], ["i1"])) == []


def _own(
    topology: BusTopology,
    frames: Iterable[Frame],
    *,
    late: float,
    counts: bool,
    port: str = "b1",
) -> list[bool]:
    """Send frames to i1; return whether those received on a port are taken as ours."""
    own = []
    for frame in frames:
        topology.queue("i1", frame, frame.at)
        received = replace(frame, at=frame.at + late)
        own.append(topology.is_own(port, received, counts=counts))
    return own


def test_own_limits_are_no_battery() -> None:
    """While a battery is not online, limits that we just sent are not its own.

    The other frames may be the same by chance, as the state of charge: a battery that
    returns must not be kept away by that.
    """
    frames = telegram(100.0)
    ours = [frame.can_id == 0x351 for frame in frames]
    assert _own(BusTopology(), frames, late=0.3, counts=False) == ours
    assert not any(_own(BusTopology(), frames, late=0.6, counts=False))


def test_a_duplicate_may_send_what_we_sent() -> None:
    """We send its battery's values: otherwise it would not be a duplicate for long."""
    topology = BusTopology()
    frames = telegram(92.0)
    send(topology, "b1", "b2", at=90.0, seconds=2)
    send(topology, "b1", at=92.0)
    ours = [frame.can_id == 0x351 for frame in frames]
    assert not any(_own(topology, frames, late=0.01, counts=False, port="b2"))
    # While the first one receives nothing, own frames must not take its place
    frames = telegram(93.0)
    assert _own(topology, frames, late=0.01, counts=False, port="b2") == ours


def test_an_online_battery_may_send_the_same() -> None:
    """A single one does: we send its inverter its own values."""
    assert not any(_own(BusTopology(), telegram(100.0), late=0.01, counts=True))


def test_own_frames_on_a_shared_bus_are_own_while_online_too() -> None:
    """One frame for each that was sent: the battery's own one counts."""
    topology = BusTopology()
    send(topology, "b1", "i1", at=10.0, seconds=10)
    assert all(_own(topology, telegram(100.0), late=0.01, counts=True))
    frame = telegram(101.0)[0]
    topology.queue("i1", frame, frame.at)
    assert topology.is_own("b1", frame, counts=True)
    assert not topology.is_own("b1", frame, counts=True)


def test_a_flood_takes_bounded_memory() -> None:
    """Every list has a bound."""
    topology = BusTopology()
    for n in range(5000):
        frame = Frame(0x356, n.to_bytes(8, "little"), n / 5000)
        topology.on_frame("b1", frame)
        topology.queue("i1", frame, frame.at)
    assert len(topology._received) <= 512
    assert len(topology._own._sent) <= 512
