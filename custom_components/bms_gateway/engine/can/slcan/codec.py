"""LAWICEL's serial CAN protocol (slcan): lines of text to frames and back.

LAWICEL CANUSB manual 1.0 and CAN232 manual 3: a command ends with CR; the answer ends
with CR, or is BEL where the command was refused. `t` and `T` are data frames with 11
and 29 bits, `r` and `R` remote frames; `z` and `Z` acknowledge a frame to be sent.
"""

from enum import Enum
import re
from typing import Final

import can

from ...model import BusState
from ..error_frames import BUS_ERROR, error_frame_data

CR: Final = b"\r"
BEL: Final = b"\a"
CLOSE: Final = b"C\r"
OPEN: Final = b"O\r"
VERSION: Final = b"V\r"
BITRATES: Final = {
    10_000: b"S0\r",
    20_000: b"S1\r",
    50_000: b"S2\r",
    100_000: b"S3\r",
    125_000: b"S4\r",
    250_000: b"S5\r",
    500_000: b"S6\r",
    800_000: b"S7\r",
    1_000_000: b"S8\r",
}
"""The command that sets each bitrate (bit/s)."""

LONGEST: Final = 64
"""Bytes; a frame takes 30 with its time stamp, longer lines are rubbish."""
_END: Final = re.compile(rb"(?<=[\r\a])")
_FRAME: Final = re.compile(
    rb"(?:([tr])([0-7][0-9A-Fa-f]{2})|([TR])([01][0-9A-Fa-f]{7}))"
    rb"([0-8])([0-9A-Fa-f]*)"
)
_STAMP: Final = 4
"""Hexadecimal digits of a time stamp that an adapter may add to a frame."""
_STATE: Final = re.compile(rb"s([awpb])([0-9]{3})([0-9]{3})")
_STATES: Final = {
    b"a": BusState.ERROR_ACTIVE,
    b"w": BusState.ERROR_WARNING,
    b"p": BusState.ERROR_PASSIVE,
    b"b": BusState.BUS_OFF,
}
_MOST_ERRORS: Final = 255


class Answer(Enum):
    """An adapter's answer to a command, or to a frame to be sent."""

    DONE = "done"
    REFUSED = "refused"


type Parsed = can.Message | Answer | None
"""The meaning of one line; None: none of these, such as a version."""


class Lines:
    """Splits received bytes into lines; no sequence of bytes can block it."""

    def __init__(self) -> None:
        """Start with an empty line."""
        self._begun = b""

    @property
    def begun(self) -> bytes:
        """The received part of the incomplete line."""
        return self._begun

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are now complete, each with its final CR or BEL."""
        *lines, begun = _END.split(self._begun + data)
        # A line that got too long stays longer than any frame is
        self._begun = begun[:LONGEST]
        return lines


def parse(line: bytes, at: float) -> Parsed:
    """Return the meaning of a line; `at`: when it came, by the wall clock."""
    if line.endswith(b"\a"):
        return Answer.REFUSED
    content = line.removesuffix(CR).lstrip(b"\n")
    if content in (b"", b"z", b"Z"):
        return Answer.DONE
    # Two extensions that Linux's driver knows: e1a and the like, bus errors; s and the
    # state, with the counters of receive and transmit errors
    if content[:1] == b"e":
        return _error(at, BUS_ERROR)
    if content[:1] == b"s":
        return _state(content, at)
    return _frame(content, at)


def encode(message: can.Message) -> bytes:
    """Return the command that sends a frame."""
    kind = "r" if message.is_remote_frame else "t"
    name = f"{message.arbitration_id:03X}"
    if message.is_extended_id:
        kind, name = kind.upper(), f"{message.arbitration_id:08X}"
    return f"{kind}{name}{message.dlc}{message.data.hex().upper()}\r".encode()


def _state(content: bytes, at: float) -> can.Message | None:
    if not (found := _STATE.fullmatch(content)):
        return None
    receive, transmit = (min(int(found[n]), _MOST_ERRORS) for n in (2, 3))
    return _error(at, *error_frame_data(_STATES[found[1]], transmit, receive))


def _error(at: float, classes: int, data: bytes = b"") -> can.Message:
    return can.Message(
        timestamp=at,
        arbitration_id=classes,
        data=data,
        is_error_frame=True,
        is_extended_id=False,
    )


def _frame(content: bytes, at: float) -> can.Message | None:
    found = _FRAME.fullmatch(content)
    if found is None:
        return None
    kind = found[1] or found[3]
    remote = kind in b"rR"
    length = int(found[5])
    digits = found[6]
    expected = 0 if remote else 2 * length
    if len(digits) not in (expected, expected + _STAMP):
        return None
    return can.Message(
        timestamp=at,
        arbitration_id=int(found[2] or found[4], 16),
        is_extended_id=kind in b"TR",
        is_remote_frame=remote,
        dlc=length,
        data=None if remote else bytes.fromhex(digits[:expected].decode()),
    )
