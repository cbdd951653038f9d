"""Frames of inverters: the request 0x305, and IDs of other protocols."""

from collections.abc import Container
from typing import Final

from ..model import Frame, Neighbour

REQUEST_ID: Final = 0x305

POLL: Final = Frame(REQUEST_ID, bytes(8))
"""The poll of a battery (Pylontech CAN-bus protocol 1.2): 11 bits, 8 zeros. Never an
inverter's own 0x305, which may hold a clock or measurements."""


def is_request(frame: Frame) -> bool:
    """Return whether this is an inverter's request, any 0x305.

    Length and content differ by make, and a Schneider XW Pro sends 29 bits.
    """
    return frame.can_id == REQUEST_ID and not (frame.remote or frame.error)


# Growatt LV V1.04 (0x301 asks; 0x322 to 0x330 by a recording of an SPH); the native
# protocols of GoodWe and Pytes.
_STANDARD: Final[tuple[tuple[Container[int], Neighbour], ...]] = (
    (range(0x301, 0x302), Neighbour.GROWATT),
    (range(0x311, 0x325), Neighbour.GROWATT),
    ({0x329, 0x330}, Neighbour.GROWATT),
    (range(0x453, 0x459), Neighbour.GOODWE),
    (range(0x400, 0x41F), Neighbour.PYTES),
)
# An inverter asks with 0x4200 (dalathegreat/Battery-Emulator, issue 670), stacks
# answer on IDs that follow it.
_HIGH_VOLTAGE: Final = range(0x4200, 0x4300)
# Sofar's AMASS: the number of the pack in bits 12 to 15 (dalathegreat/Battery-Emulator).
# Number 0 is the plain ID, as bridges send it by mistake (bms-to-inverter issue 63).
_PACK_BITS: Final = 12
_PACKS: Final = 16
_FAMILY: Final = frozenset({0x351, 0x355, 0x356, 0x359, 0x35A, 0x35C, 0x35E, 0x35F})


def neighbour(frame: Frame) -> Neighbour | None:
    """Return the other protocol that a frame belongs to, for a hint during set-up.

    Only a hint, and only where no supported battery is received: a Deye's diagnostics
    use the IDs of Pytes and GoodWe.
    """
    if frame.remote or frame.error:
        return None
    if frame.extended:
        return _extended(frame.can_id)
    return next((kind for ids, kind in _STANDARD if frame.can_id in ids), None)


def _extended(can_id: int) -> Neighbour | None:
    if can_id in _HIGH_VOLTAGE:
        return Neighbour.PYLONTECH_HV
    pack, base = divmod(can_id, 1 << _PACK_BITS)
    return Neighbour.EXTENDED if pack < _PACKS and base in _FAMILY else None
