"""How Waveshare's USB-CAN-A passes frames on, by the definition of its protocol.

    AA C8 51 03 14 02 F4 01 F4 01 C0 01 55    0x351, 8 bytes of data
    AA E1 51 03 00 00 14 55                   0x351 with 29 bits, 1 byte

0xC0 or 0xE0 with the number of bytes, the id from its lowest byte on, the data, 0x55.
With a fixed length: AA 55, 1 (data), 1 or 2 (11 or 29 bits), 1 (a data frame), the id in
4 bytes, the number of bytes, 8 bytes of data, 0, and the sum of all but AA 55.
"""

from collections.abc import Iterable
import struct

from custom_components.bms_gateway.engine.model import Frame


def variable(frames: Iterable[Frame]) -> bytes:
    """Return frames as the adapter sends them when it is new."""
    return b"".join(map(_variable, frames))


def fixed(frames: Iterable[Frame]) -> bytes:
    """Return frames with a fixed length, which it can be set to."""
    return b"".join(map(_fixed, frames))


def _variable(frame: Frame) -> bytes:
    kind = 0xE0 if frame.extended else 0xC0
    name = struct.pack("<I" if frame.extended else "<H", frame.can_id)
    return bytes([0xAA, kind | len(frame.data)]) + name + frame.data + b"\x55"


def _fixed(frame: Frame) -> bytes:
    head = struct.pack(
        "<BBBIB", 1, 1 + frame.extended, 1, frame.can_id, len(frame.data)
    )
    content = head + frame.data.ljust(8, b"\0") + b"\0"
    return b"\xaa\x55" + content + bytes([sum(content) & 0xFF])
