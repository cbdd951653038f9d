"""Bytes of frames as the readers see them, decoded without the gateway's own decoder.

A decoder and an encoder that were wrong in the same way would not notice each other.
Numbers are little-endian in every document of this family.
"""

from collections.abc import Set as AbstractSet
from struct import Struct
from typing import Final

from custom_components.bms_gateway.engine.model import Alarm, Frame

_U16: Final = Struct("<H")
_S16: Final = Struct("<h")

TAG: Final = b"PN"
"""Bytes 5 and 6 of a Pylontech's 0x359 (PY)."""

# PY, 0x359: bits of bytes 0 and 1 (protections), the same in bytes 2 and 3 (warnings).
_BITS: Final = (
    (1 << 1, Alarm.OVER_VOLTAGE),
    (1 << 2, Alarm.UNDER_VOLTAGE),
    (1 << 3, Alarm.OVER_TEMPERATURE),
    (1 << 4, Alarm.UNDER_TEMPERATURE),
    (1 << 7, Alarm.DISCHARGE_CURRENT),
    (1 << 8, Alarm.CHARGE_CURRENT),
    (1 << 11, Alarm.INTERNAL),
)
_NAMED: Final = sum(bit for bit, _ in _BITS)

# SMA and VIC, 0x35A: four pairs of bits a byte, 16 of alarms, then 16 of warnings.
_PAIRS: Final = (
    Alarm.GENERAL,
    Alarm.OVER_VOLTAGE,
    Alarm.UNDER_VOLTAGE,
    Alarm.OVER_TEMPERATURE,
    Alarm.UNDER_TEMPERATURE,
    Alarm.CHARGE_OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE,
    Alarm.DISCHARGE_CURRENT,
    Alarm.CHARGE_CURRENT,
    Alarm.CONTACTOR,
    Alarm.SHORT_CIRCUIT,
    Alarm.INTERNAL,
    Alarm.IMBALANCE,
)
_RAISED: Final = 1
_ENDED: Final = 2


def reads(frame: Frame) -> bool:
    """Return whether an inverter looks at a frame at all: 11 bits, with data."""
    return not (frame.extended or frame.remote or frame.error)


def u16(data: bytes, at: int) -> int | None:
    """Return an unsigned number; None: the frame ends before it."""
    return _U16.unpack_from(data, at)[0] if len(data) >= at + 2 else None


def s16(data: bytes, at: int) -> int | None:
    """Return a signed number; None: the frame ends before it."""
    return _S16.unpack_from(data, at)[0] if len(data) >= at + 2 else None


def scaled(raw: int | None, per_unit: int) -> float | None:
    """Return a number in its unit."""
    return None if raw is None else raw / per_unit


def text(data: bytes) -> str:
    """Return the text before the first byte that is not printable, without blanks."""
    end = next((i for i, b in enumerate(data) if not 0x20 <= b <= 0x7E), len(data))
    return data[:end].decode("ascii").strip()


def bits(data: bytes, start: int) -> frozenset[Alarm]:
    """Return what is raised in two bytes of a Pylontech's 0x359."""
    word = int.from_bytes(data[start : start + 2], "little")
    if not word:
        return frozenset()
    found = {alarm for bit, alarm in _BITS if word & bit}
    return frozenset(found | ({Alarm.OTHER} if word & ~_NAMED else set()))


def pairs(
    data: bytes, start: int, before: AbstractSet[Alarm] | None
) -> frozenset[Alarm]:
    """Return what is raised after four bytes of 0x35A, `start` 0 or 4.

    1 raises, 2 ends; 0 ("not supported") and 3 change nothing (SMA).
    """
    word = int.from_bytes(data[start : start + 4], "little")
    raised = set(before or ())
    for number, alarm in enumerate(_PAIRS):
        value = word >> 2 * number & 3
        if value == _RAISED:
            raised.add(alarm)
        elif value == _ENDED:
            raised.discard(alarm)
    return frozenset(raised)
