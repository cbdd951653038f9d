"""Ports on one bus hear the same frames in the same moments."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.topology.shared_bus import LIKELY, BusTopology

from ..telegrams import telegram


def speak(
    wiring: BusTopology,
    *ports: str,
    at: float,
    seconds: int = 1,
    late: float = 0.0,
    **says: Any,
) -> None:
    """Let the ports hear a telegram each second; each one `late` after the one before."""
    for n in range(seconds):
        for frame in telegram(**says):
            for place, port in enumerate(ports):
                wiring.on_frame(port, replace(frame, at=at + n + place * late))


@pytest.mark.parametrize("late", [0.0, 0.03, -0.03])
def test_one_battery_on_two_ports(late: float) -> None:
    """Known after ten telegrams, until then suspected."""
    wiring = BusTopology()
    speak(wiring, "b1", "b2", at=10.0, seconds=9, late=late)
    assert wiring.duplicates(["b1", "b2"]) == {}
    assert wiring.duplicates(["b1", "b2"], LIKELY)
    speak(wiring, "b1", "b2", at=19.0, late=late)
    assert wiring.duplicates(["b1", "b2"]) == {"b2": "b1"}
    assert wiring.duplicates(["b2", "b1"]) == {"b1": "b2"}


@pytest.mark.parametrize("is_one", [True, False])
def test_what_comes_in_one_piece(is_one: bool) -> None:
    """An adapter may pass on a telegram whole, before the other one begins.

    Two batteries that speak at once, and differ by their names alone, are not suspected.
    """
    wiring = BusTopology()
    for second in range(10):
        for port in ("b1", "b2"):
            name = "PYLON" if is_one or port == "b1" else "PYLON 2"
            last_first = reversed(telegram(name=name))
            for n, frame in enumerate(last_first):
                wiring.on_frame(port, replace(frame, at=second / 100 + n / 1000))
        assert is_one or not wiring.duplicates(["b1", "b2"], LIKELY)
    assert bool(wiring.duplicates(["b1", "b2"])) is is_one


def test_one_battery_on_three_ports() -> None:
    """Both others are twins of the first."""
    wiring = BusTopology()
    speak(wiring, "b1", "b2", "b3", at=10.0, seconds=10)
    assert wiring.duplicates(["b1", "b2", "b3"]) == {"b2": "b1", "b3": "b1"}


def test_frames_of_one_time_are_in_the_order_in_which_they_came() -> None:
    """As a serial adapter gives them to us that passes on a telegram in one piece."""
    wiring = BusTopology()
    for second in range(2):
        for port in ("b1", "b2"):
            for frame in telegram():
                wiring.on_frame(port, replace(frame, at=float(second)))
    assert wiring.duplicates(["b1", "b2"], LIKELY)


def test_two_batteries_that_are_alike() -> None:
    """They say the same, each in its own time."""
    wiring = BusTopology()
    for second in range(30):
        speak(wiring, "b1", at=second)
        speak(wiring, "b2", at=second + 0.4)
    assert wiring.duplicates(["b1", "b2"]) == {}
    assert not wiring.duplicates(["b1", "b2"], LIKELY)


def test_other_limits_are_another_battery() -> None:
    """However much of the rest is the same, it is not even suspected."""
    wiring = BusTopology()
    for second in range(5):
        speak(wiring, "b1", at=second, charge_current_limit=60.0)
        speak(wiring, "b2", at=second)
        assert not wiring.duplicates(["b1", "b2"], LIKELY)


@pytest.mark.parametrize("says", [{"name": "PYLON 2"}, {"soc": 49.0}])
def test_any_other_word_is_another_battery(says: dict[str, Any]) -> None:
    """Also one that comes before the limits."""
    wiring = BusTopology()
    for second in range(5):
        speak(wiring, "b1", at=second, **says)
        speak(wiring, "b2", at=second)
        assert not wiring.duplicates(["b1", "b2"], LIKELY)


def test_two_batteries_asked_at_once() -> None:
    """They answer in the same moment, until one of them says something else."""
    wiring = BusTopology()
    speak(wiring, "b1", "b2", at=10.0, seconds=8)
    speak(wiring, "b1", at=18.0, current=5.0)
    speak(wiring, "b2", at=18.0, current=5.2)
    speak(wiring, "b1", "b2", at=19.0, seconds=5)
    assert wiring.duplicates(["b1", "b2"]) == {}


def test_two_batteries_asked_at_once_that_were_alike_for_long() -> None:
    """Taken for one while they rest; they are two as soon as they measure otherwise."""
    wiring = BusTopology()
    speak(wiring, "b1", "b2", at=10.0, seconds=20)
    assert wiring.duplicates(["b1", "b2"]) == {"b2": "b1"}
    for second in range(4):
        speak(wiring, "b1", at=30.0 + second, current=5.0)
        speak(wiring, "b2", at=30.0 + second, current=5.2)
    assert wiring.duplicates(["b1", "b2"]) == {}


def test_what_waited_for_one_is_read_first() -> None:
    """After the loop was held for seconds they are known as before."""
    wiring = BusTopology()
    speak(wiring, "b1", "b2", at=10.0, seconds=10)
    speak(wiring, "b1", at=20.0, seconds=7)
    speak(wiring, "b2", at=20.0, seconds=7)
    assert wiring.duplicates(["b1", "b2"]) == {"b2": "b1"}


def test_a_port_that_hears_nothing_any_more_stays_a_twin() -> None:
    """Its adapter was unplugged: there is still one battery only; and plugged in again."""
    wiring = BusTopology()
    speak(wiring, "b1", "b2", at=10.0, seconds=10)
    speak(wiring, "b1", at=20.0, seconds=60)
    assert wiring.duplicates(["b1", "b2"]) == {"b2": "b1"}
    speak(wiring, "b1", "b2", at=80.0, seconds=2)
    assert wiring.duplicates(["b1", "b2"]) == {"b2": "b1"}


def test_the_cables_were_changed() -> None:
    """Each port hears a battery of its own now."""
    wiring = BusTopology()
    speak(wiring, "b1", "b2", at=10.0, seconds=10)
    for second in range(5):
        speak(wiring, "b1", at=20.0 + second, soc=60.0)
        speak(wiring, "b2", at=20.4 + second, soc=40.0)
    assert wiring.duplicates(["b1", "b2"]) == {}


def test_zeros_are_everybodys() -> None:
    """An alarm frame without alarms says nothing of whose it is."""
    wiring = BusTopology()
    for second in range(30):
        for port in ("b1", "b2"):
            wiring.on_frame(port, Frame(0x351, bytes(8), second))
    assert wiring.duplicates(["b1", "b2"]) == {}


def test_a_battery_and_an_inverter_on_one_bus() -> None:
    """Both ports hear the battery."""
    wiring = BusTopology()
    speak(wiring, "b1", "i1", at=10.0, seconds=10)
    assert list(wiring.shared(["b1", "b2"], ["i1"])) == [("b1", "i1")]
    wiring.forget("i1")
    assert list(wiring.shared(["b1", "b2"], ["i1"])) == []


def _own(
    wiring: BusTopology,
    frames: Iterable[Frame],
    *,
    late: float,
    counts: bool,
    port: str = "b1",
) -> list[bool]:
    """Send frames to i1; return whether those heard on a port are taken as ours."""
    own = []
    for frame in frames:
        wiring.queue("i1", frame, frame.at)
        received = replace(frame, at=frame.at + late)
        own.append(wiring.is_own(port, received, counts=counts))
    return own


def test_our_own_words_are_no_battery() -> None:
    """Of a battery that is not online: limits that we have just sent are no battery's.

    The other frames may be the same by chance, as the state of charge: a battery that
    comes back must not be kept away by that.
    """
    frames = telegram(100.0)
    ours = [frame.can_id == 0x351 for frame in frames]
    assert _own(BusTopology(), frames, late=0.3, counts=False) == ours
    assert not any(_own(BusTopology(), frames, late=0.6, counts=False))


def test_a_twin_says_what_we_have_sent() -> None:
    """For we send what its battery says: else it would not be a twin for long."""
    wiring = BusTopology()
    frames = telegram(92.0)
    speak(wiring, "b1", "b2", at=90.0, seconds=2)
    speak(wiring, "b1", at=92.0)
    ours = [frame.can_id == 0x351 for frame in frames]
    assert not any(_own(wiring, frames, late=0.01, counts=False, port="b2"))
    # While the first one hears nothing, our own words are not to take its place
    frames = telegram(93.0)
    assert _own(wiring, frames, late=0.01, counts=False, port="b2") == ours


def test_a_battery_that_is_online_may_say_the_same() -> None:
    """A lone one does: we tell its inverter what it told us."""
    assert not any(_own(BusTopology(), telegram(100.0), late=0.01, counts=True))


def test_on_one_bus_our_words_are_ours_also_while_the_battery_is_online() -> None:
    """One frame for each that was sent: the battery's own one counts."""
    wiring = BusTopology()
    speak(wiring, "b1", "i1", at=10.0, seconds=10)
    assert all(_own(wiring, telegram(100.0), late=0.01, counts=True))
    frame = telegram(101.0)[0]
    wiring.queue("i1", frame, frame.at)
    assert wiring.is_own("b1", frame, counts=True)
    assert not wiring.is_own("b1", frame, counts=True)


def test_a_flood_leaves_no_more_than_is_kept() -> None:
    """Every list has a bound."""
    wiring = BusTopology()
    for n in range(5000):
        frame = Frame(0x356, n.to_bytes(8, "little"), n / 5000)
        wiring.on_frame("b1", frame)
        wiring.queue("i1", frame, frame.at)
    assert len(wiring._received) <= 512
    assert len(wiring._own._sent) <= 512
