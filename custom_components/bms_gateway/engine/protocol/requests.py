"""Frames of inverters: the request 0x305, and IDs of other protocols."""

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


# Growatt LV V1.04 (0x301 asks); the native protocols of GoodWe and Pytes.
_STANDARD: Final = (
    (range(0x301, 0x302), Neighbour.GROWATT),
    (range(0x311, 0x322), Neighbour.GROWATT),
    (range(0x453, 0x459), Neighbour.GOODWE),
    (range(0x400, 0x41F), Neighbour.PYTES),
)
# An inverter asks with 0x4200 (dalathegreat/Battery-Emulator, issue 670), stacks
# answer on IDs that follow it.
_EXTENDED: Final = ((range(0x4200, 0x4300), Neighbour.PYLONTECH_HV),)


def neighbour(frame: Frame) -> Neighbour | None:
    """Return the other protocol that a frame belongs to, for a hint during set-up.

    Only a hint, and only where no supported battery is received: a Deye's diagnostics
    use the IDs of Pytes and GoodWe. Sofar's own protocol cannot be recognised by an ID.
    """
    if frame.remote or frame.error:
        return None
    table = _EXTENDED if frame.extended else _STANDARD
    return next((kind for ids, kind in table if frame.can_id in ids), None)
