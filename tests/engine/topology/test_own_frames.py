"""What we have sent is no battery's, whenever and on however many ports it is heard."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.topology.own_frames import OwnFrames
from custom_components.bms_gateway.engine.topology.shared_bus import BusTopology

from ..telegrams import telegram

SET = telegram(100.0)
LIMITS_ID = next(frame for frame in SET if frame.can_id == 0x351)


def _queued() -> BusTopology:
    wiring = BusTopology()
    for frame in SET:
        wiring.queue("i1", frame, 100.0)
    return wiring


def _limits_are_ours(wiring: BusTopology, port: str, late: float = 0.001) -> bool:
    """Return whether none of a set that is heard makes a battery of a port."""
    heard = [replace(frame, at=100.0 + late) for frame in SET]
    ours = [wiring.is_own(port, frame, counts=False) for frame in heard]
    return ours[SET.index(LIMITS_ID)]


def test_heard_before_its_echo() -> None:
    """Another adapter may be faster, and some have no echo."""
    assert _limits_are_ours(_queued(), "b1")


def test_heard_on_several_ports() -> None:
    """All of them may be on the inverter's bus."""
    wiring = _queued()
    assert [_limits_are_ours(wiring, port) for port in ("b1", "b2", "b3")] == [True] * 3


def test_heard_when_it_has_left() -> None:
    """However long it waited in a queue."""
    wiring = _queued()
    late = 0.9
    for frame in SET:
        wiring.leave("i1", replace(frame, at=100.0 + late))
    assert _limits_are_ours(wiring, "b1", late)


def test_heard_once_on_each_port() -> None:
    """Whoever says the same again is a battery."""
    wiring = _queued()
    assert _limits_are_ours(wiring, "b1")
    assert not wiring.is_own("b1", replace(LIMITS_ID, at=100.1), counts=False)


@pytest.mark.parametrize("can_id", [0x355, 0x356, 0x359])
def test_another_frame_shows_a_battery(can_id: int) -> None:
    """It may say the same limits as we do: ours are made of its."""
    wiring = _queued()
    assert not wiring.is_own("b1", Frame(can_id, b"\x01" * 8, 100.0), counts=False)
    assert not _limits_are_ours(wiring, "b1")


def test_frames_of_a_battery_that_died_show_none() -> None:
    """Only what is heard since it ceased to count."""
    own = OwnFrames()
    own.is_own(
        "b1",
        Frame(0x356, b"\x01" * 8, 99.0),
        counts=True,
        duplicate_receives=False,
        shares_bus=lambda _: False,
    )
    own.queue("i1", LIMITS_ID, 100.0)
    assert own.is_own(
        "b1",
        LIMITS_ID,
        counts=False,
        duplicate_receives=False,
        shares_bus=lambda _: False,
    )


def test_the_same_set_again_and_again() -> None:
    """No list grows."""
    own = OwnFrames()
    for n in range(1000):
        own.queue("i1", LIMITS_ID, float(n))
    assert [len(each) for each in own._sent.values()] == [8]
