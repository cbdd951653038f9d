"""The vocabulary of the wire: where a value stands in a frame, and what it counts in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from math import ceil, floor, inf
from struct import calcsize, pack_into, unpack_from
from typing import Final, NamedTuple

from ..model import Alarm, RejectedValue
from ..rounding import count_down

type Value = float | bool | str | bytes | frozenset[Alarm] | None

_GUARD: Final = 1e-6
"""Of a count: a value this near to a count is that count, whatever its binary form."""


class NoValue(Enum):
    """Why a field gives no value."""

    MISSING = "missing"
    """The frame ends before it: nothing was said about it."""
    UNAVAILABLE = "unavailable"
    """The sender said that it does not know."""
    IMPLAUSIBLE = "implausible"
    """Outside the window in which a 48 V battery can be."""


class Kind(StrEnum):
    """How a number lies in the bytes; little-endian, as every document has it."""

    U8 = "<B"
    U16 = "<H"
    S16 = "<h"
    U32 = "<I"

    @property
    def size(self) -> int:
        """Return the bytes it takes."""
        return calcsize(self)

    @property
    def lowest(self) -> int:
        """Return the lowest count to send: 0x8000 of a signed number is a code."""
        return -0x7FFF if self is Kind.S16 else 0

    @property
    def highest(self) -> int:
        """Return the highest count to send: all ones of a wide number is a code."""
        return _HIGHEST[self]


_HIGHEST: Final = {
    Kind.U8: 0xFF,
    Kind.U16: 0xFFFE,
    Kind.S16: 0x7FFF,
    Kind.U32: 0xFFFFFFFE,
}


class Rounding(StrEnum):
    """How a value becomes counts; it never favours the load."""

    HALF_UP = "half_up"
    DOWN = "down"
    """What may not be exceeded."""
    UP = "up"
    """What may not be gone below."""
    INSIDE = "inside"
    """Half up, but an end of the window only if it is really reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in a frame: value = raw / `per_unit` - `offset`.

    `per_unit` is a whole number, so that 528 / 10 is exactly 52.8. `low` and `high`
    are the window, in the value's own unit, outside of which nothing is believed.
    """

    attribute: str
    start: int
    kind: Kind = Kind.U16
    per_unit: int = 1
    offset: int = 0
    low: float = -inf
    high: float = inf
    codes: frozenset[int] = frozenset()
    """Raw values that mean "not available"."""
    rounding: Rounding = Rounding.HALF_UP
    magnitude: bool = False
    """The sign is not to be trusted: read without, sent positive."""
    noise: float = 0.0
    """So little below 0 is read as 0, in the value's own unit."""
    clamps_to: float = -inf
    """Values above the window up to this one are read as its upper end."""
    whole: bool = False
    """A count of things, given as int."""
    bounded: bool = False
    """Sent within its window, whatever the value."""
    blank: int = 0
    """The raw value to send when the value is unknown."""

    def decode(self, data: bytes) -> float | NoValue:
        """Return the value in its unit, or why there is none."""
        if len(data) < self.start + self.kind.size:
            return NoValue.MISSING
        raw: int = unpack_from(self.kind, data, self.start)[0]
        if raw in self.codes:
            return NoValue.UNAVAILABLE
        value = self._read(raw)
        if not self.low <= value <= self.high:
            return NoValue.IMPLAUSIBLE
        return int(value) if self.whole else value

    def refused(self, data: bytes) -> RejectedValue:
        """Return the value that `decode` found outside the window."""
        raw: int = unpack_from(self.kind, data, self.start)[0]
        return RejectedValue(self.attribute, self._read(raw), self.low, self.high)

    def _read(self, raw: int) -> float:
        value = raw / self.per_unit - self.offset
        if -self.noise < value < 0.0:
            return 0.0
        if self.high < value <= self.clamps_to:
            return self.high
        return abs(value) if self.magnitude else value

    def encode(self, value: Value, data: bytearray) -> None:
        """Write the value at its place; unknown writes the blank."""
        raw = self.blank if value is None else self.count(_number(value))
        pack_into(self.kind, data, self.start, raw)

    def count(self, value: float) -> int:
        """Return the raw value that says `value` (finite), clamped to the field."""
        if self.bounded:
            value = min(max(value, self.low), self.high)
        lowest = 0 if self.magnitude else self.kind.lowest
        return min(max(self._rounded(value), lowest), self.kind.highest)

    def _rounded(self, value: float) -> int:
        scaled = value + self.offset
        match self.rounding:
            case Rounding.DOWN:
                return count_down(scaled, self.per_unit)
            case Rounding.UP:
                return ceil(scaled * self.per_unit - _GUARD)
            case Rounding.INSIDE:
                return self._inside(scaled)
        return floor(scaled * self.per_unit + 0.5 + _GUARD)

    def _inside(self, scaled: float) -> int:
        counts = scaled * self.per_unit
        first = ceil((self.low + self.offset) * self.per_unit)
        last = floor((self.high + self.offset) * self.per_unit)
        if counts <= first + _GUARD or counts >= last - _GUARD:
            return round(counts)
        return min(max(floor(counts + 0.5 + _GUARD), first + 1), last - 1)


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
        """Return what is printable up to the first byte that is not."""
        if len(data) <= self.start:
            return NoValue.MISSING
        text = printable(data[self.start : self.start + self.length])
        return (text if self.half else text.strip(" ")) or NoValue.UNAVAILABLE

    def encode(self, value: Value, data: bytearray) -> None:
        """Write the text, cut to its place; what is not ASCII becomes "?"."""
        raw = ("" if value is None else str(value)).encode("ascii", "replace")
        end = self.start + self.length
        data[self.start : end] = raw[: self.length].ljust(self.length, b"\0")


type Field = Number | Bit | Text


class Fields(NamedTuple):
    """The values of one frame by attribute; None: the sender gave none to believe."""

    values: dict[str, Value]
    refused: tuple[RejectedValue, ...]
    """Those outside their window."""


def decode_fields(data: bytes, fields: Sequence[Field]) -> Fields:
    """Read any 0 to 8 bytes; a field that they do not reach is left out."""
    found = {field.attribute: field.decode(data) for field in fields}
    values: dict[str, Value] = {
        attribute: None if isinstance(value, NoValue) else value
        for attribute, value in found.items()
        if value is not NoValue.MISSING
    }
    if NoValue.IMPLAUSIBLE not in found.values():
        return Fields(values, ())
    refused = tuple(
        field.refused(data)
        for field in fields
        if isinstance(field, Number) and found[field.attribute] is NoValue.IMPLAUSIBLE
    )
    return Fields(values, refused)


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

    Byte by byte, for vendors put binary after the name (Deye PCS V3.3: cell maker
    and capacity), which no strict decoder survives.
    """
    end = next((i for i, byte in enumerate(data) if not 0x20 <= byte <= 0x7E), None)
    return data[:end].decode("ascii")


def _number(value: Value) -> float:
    if not isinstance(value, int | float):
        raise TypeError(value)
    return value
