"""Requests of inverters, and frames of other protocols."""

import pytest

from custom_components.bms_gateway.engine.model import Frame, Neighbour
from custom_components.bms_gateway.engine.protocol import POLL, is_request, neighbour
from custom_components.bms_gateway.engine.protocol.frames import BATTERY_IDS


def test_the_poll_is_of_11_bits() -> None:
    """A battery that waits for 0x305 never received the 29 bits of the daemon."""
    assert Frame(0x305, bytes(8)) == POLL
    assert POLL.standard


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x305, bytes(8)),
        Frame(0x305),
        Frame(0x305, bytes.fromhex("1E050C160B1A0000")),  # a Deye's clock
        Frame(0x305, bytes(8), extended=True),  # Schneider XW Pro
    ],
)
def test_any_0x305_is_a_request(frame: Frame) -> None:
    """Length, content and width differ by make."""
    assert is_request(frame)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x306, bytes(8)),
        Frame(0x351, bytes(8)),
        Frame(0x305, remote=True),
        Frame(0x305, error=True),
    ],
)
def test_other_frames_are_no_request(frame: Frame) -> None:
    """Other IDs, and frames without data."""
    assert not is_request(frame)


@pytest.mark.parametrize(
    ("can_id", "extended", "kind"),
    [
        (0x301, False, Neighbour.GROWATT),
        (0x311, False, Neighbour.GROWATT),
        (0x321, False, Neighbour.GROWATT),
        # An SPH's battery answers on these, too
        (0x322, False, Neighbour.GROWATT),
        (0x324, False, Neighbour.GROWATT),
        (0x325, False, None),
        (0x329, False, Neighbour.GROWATT),
        (0x32A, False, None),
        (0x330, False, Neighbour.GROWATT),
        (0x453, False, Neighbour.GOODWE),
        (0x458, False, Neighbour.GOODWE),
        (0x400, False, Neighbour.PYTES),
        (0x41E, False, Neighbour.PYTES),
        (0x41F, False, None),
        (0x4200, True, Neighbour.PYLONTECH_HV),
        (0x4210, True, Neighbour.PYLONTECH_HV),
        # Sofar's AMASS: pack 1 and 15 of its 29-bit IDs; pack 0 is the plain ID
        (0x1351, True, Neighbour.EXTENDED),
        (0xF35E, True, Neighbour.EXTENDED),
        (0x351, True, Neighbour.EXTENDED),
        (0x10351, True, None),
        (0x1311, True, None),
        (0x18A2FF80, True, None),  # a Deye inverter's wake-up
        (0x311, True, None),
        (0x305, False, None),
        (0x305, True, None),
    ],
)
def test_other_protocols_are_recognised(
    can_id: int, extended: bool, kind: Neighbour | None
) -> None:
    """By their IDs, with their own width."""
    assert neighbour(Frame(can_id, bytes(8), extended=extended)) is kind
    assert neighbour(Frame(can_id, error=True, extended=extended)) is None


def test_no_battery_frame_is_another_protocols() -> None:
    """Otherwise the hint would be wrong for every battery."""
    assert not any(neighbour(Frame(can_id)) for can_id in BATTERY_IDS)
