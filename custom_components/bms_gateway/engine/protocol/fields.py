"""Fields of a frame: numbers, bits and texts, and reading and writing a table of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..model import RejectedValue
from .number import NoValue, Number, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Bit:
    """One bit of a byte: a yes or no."""

    attribute: str
    start: int
    bit: int

    def decode(self, data: bytes) -> bool | NoValue:
        """Return whether the bit is set."""
        if len(data) <= self.start:
            return NoValue.MISSING
        return bool(data[self.start] >> self.bit & 1)

    def encode(self, value: Value, data: bytearray) -> None:
        """Set the bit if the value is true; unknown leaves it clear."""
        data[self.start] |= bool(value) << self.bit


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """ASCII, padded with blanks or NUL."""

    attribute: str
    start: int = 0
    length: int = 8
    half: bool = False
    """Part of a longer text: blanks at its ends belong to it."""

    def decode(self, data: bytes) -> str | NoValue:
        """Return the text up to the first byte that is not printable."""
        if len(data) <= self.start:
            return NoValue.MISSING
        text = printable(data[self.start : self.start + self.length])
        return (text if self.half else text.strip(" ")) or NoValue.UNAVAILABLE

    def encode(self, value: Value, data: bytearray) -> None:
        """Write the text, cut to its length; characters outside ASCII become "?"."""
        raw = ("" if value is None else str(value)).encode("ascii", "replace")
        end = self.start + self.length
        data[self.start : end] = raw[: self.length].ljust(self.length, b"\0")


type Field = Number | Bit | Text


class Fields(NamedTuple):
    """The values of one frame by attribute; None: not available, or not plausible."""

    values: dict[str, Value]
    rejected: tuple[RejectedValue, ...]
    """Those outside their window."""


def decode_fields(data: bytes, fields: Sequence[Field]) -> Fields:
    """Read any 0 to 8 bytes; a field beyond their end is left out."""
    found = {field.attribute: field.decode(data) for field in fields}
    values: dict[str, Value] = {
        attribute: None if isinstance(value, NoValue) else value
        for attribute, value in found.items()
        if value is not NoValue.MISSING
    }
    if NoValue.IMPLAUSIBLE not in found.values():
        return Fields(values, ())
    rejected = tuple(
        field.rejected(data)
        for field in fields
        if isinstance(field, Number) and found[field.attribute] is NoValue.IMPLAUSIBLE
    )
    return Fields(values, rejected)


def encode_fields(
    values: Mapping[str, Value], fields: Sequence[Field], length: int = 8
) -> bytes:
    """Write the values into a frame of `length` bytes that holds every field."""
    data = bytearray(length)
    for field in fields:
        field.encode(values.get(field.attribute), data)
    return bytes(data)


def printable(data: bytes) -> str:
    """Return the text up to the first byte outside 0x20 to 0x7E.

    Byte by byte, because vendors put binary data after the name (Deye PCS V3.3: cell
    maker and capacity), which no strict decoder survives.
    """
    end = next((i for i, byte in enumerate(data) if not 0x20 <= byte <= 0x7E), None)
    return data[:end].decode("ascii")
