"""Error frames, in which a CAN controller reports its own state on its bus.

Source: Linux, linux/can/error.h. The identifier holds the classes of the error, the
data the details of each.
"""

from dataclasses import replace
from typing import Final

from ..model import BusState, Controller, Frame

CONTROLLER_PROBLEM: Final = 0x004
BUS_ERROR: Final = 0x080
BUS_OFF: Final = 0x040
RESTARTED: Final = 0x100
_COUNTERS: Final = 0x200

_STATE_BYTE: Final = 1
_STATES: Final = (
    (0x30, BusState.ERROR_PASSIVE),
    (0x0C, BusState.ERROR_WARNING),
    (0x40, BusState.ERROR_ACTIVE),
)
"""Bits of data byte 1, receiving or transmitting; the worst one first."""
_TRANSMIT_BYTE: Final = 6
_RECEIVE_BYTE: Final = 7


def observe(controller: Controller, frame: Frame) -> Controller:
    """Return the known state of a controller after one of its error frames.

    Anything the frame does not report is kept. One that is too short reports nothing.
    """
    known = replace(controller, state=_state(frame) or controller.state)
    if frame.can_id & _COUNTERS and len(frame.data) > _RECEIVE_BYTE:
        transmit, receive = frame.data[_TRANSMIT_BYTE], frame.data[_RECEIVE_BYTE]
        known = replace(known, transmit_errors=transmit, receive_errors=receive)
    return known


def error_frame_data(state: BusState, transmit: int, receive: int) -> tuple[int, bytes]:
    """Return identifier and data of the error frame that reports a state.

    For adapters that report it in a different way; both counters from 0 to 255.
    """
    if state is BusState.BUS_OFF:
        return BUS_OFF | _COUNTERS, bytes((0, 0, 0, 0, 0, 0, transmit, receive))
    bits = next((bits for bits, each in _STATES if each is state), 0)
    counted = bytes((0, bits, 0, 0, 0, 0, transmit, receive))
    return CONTROLLER_PROBLEM | _COUNTERS, counted


def _state(frame: Frame) -> BusState | None:
    if frame.can_id & BUS_OFF:
        return BusState.BUS_OFF
    if frame.can_id & CONTROLLER_PROBLEM and len(frame.data) > _STATE_BYTE:
        flags = frame.data[_STATE_BYTE]
        return next((state for bits, state in _STATES if flags & bits), None)
    return BusState.ERROR_ACTIVE if frame.can_id & RESTARTED else None
