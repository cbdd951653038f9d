"""Own frames are no battery's, at any time and on any number of ports."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.topology.own_frames import OwnFrames
from custom_components.bms_gateway.engine.topology.shared_bus import BusTopology

from ..telegrams import telegram

SET = telegram(100.0)
LIMITS_ID = next(frame for frame in SET if frame.can_id == 0x351)


def _queued() -> BusTopology:
    topology = BusTopology()
    for frame in SET:
        topology.queue("i1", frame, 100.0)
    return topology


def _limits_are_ours(topology: BusTopology, port: str, late: float = 0.001) -> bool:
    """Return whether a received telegram does not make a port's battery count."""
    received = [replace(frame, at=100.0 + late) for frame in SET]
    ours = [topology.is_own(port, frame, counts=False) for frame in received]
    return ours[SET.index(LIMITS_ID)]


def test_a_frame_received_before_its_echo_is_own() -> None:
    """Another adapter may be faster, and some have no echo."""
    assert _limits_are_ours(_queued(), "b1")


def test_a_frame_received_on_several_ports_is_own() -> None:
    """All of them may be on the inverter's bus."""
    topology = _queued()
    assert [_limits_are_ours(topology, port) for port in ("b1", "b2", "b3")] == [
        True
    ] * 3


def test_a_frame_is_own_when_it_has_left() -> None:
    """However long it was queued."""
    topology = _queued()
    late = 0.9
    for frame in SET:
        topology.leave("i1", replace(frame, at=100.0 + late))
    assert _limits_are_ours(topology, "b1", late)


def test_a_repeated_frame_is_a_batterys() -> None:
    """Each port receives an own frame once."""
    topology = _queued()
    assert _limits_are_ours(topology, "b1")
    assert not topology.is_own("b1", replace(LIMITS_ID, at=100.1), counts=False)


@pytest.mark.parametrize("can_id", [0x355, 0x356, 0x359])
def test_another_frame_shows_a_battery(can_id: int) -> None:
    """It may send the same limits as we do: ours follow from its."""
    topology = _queued()
    assert not topology.is_own("b1", Frame(can_id, b"\x01" * 8, 100.0), counts=False)
    assert not _limits_are_ours(topology, "b1")


def test_frames_from_before_a_loss_show_no_battery() -> None:
    """Only frames since it was last online count."""
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


def test_repeated_telegrams_take_no_memory() -> None:
    """No list grows."""
    own = OwnFrames()
    for n in range(1000):
        own.queue("i1", LIMITS_ID, float(n))
    assert [len(each) for each in own._sent.values()] == [8]
