"""Numbers in a frame: place, kind, scale, plausible window and rounding."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from math import ceil, floor, inf
from struct import calcsize, pack_into, unpack_from
from typing import Final

from ..model import Alarm, RejectedValue
from ..rounding import count_down

type Value = float | bool | str | bytes | frozenset[Alarm] | None

_GUARD: Final = 1e-6
"""Of a count: a value this close to a count is that count, whatever its binary form."""


class NoValue(Enum):
    """The reason why a field gives no value."""

    MISSING = "missing"
    """The frame ends before it: nothing is known about it."""
    UNAVAILABLE = "unavailable"
    """The sender reports it as not available."""
    IMPLAUSIBLE = "implausible"
    """Outside the window that is possible for any battery of this protocol."""


class Kind(StrEnum):
    """The encoding of a number; little-endian in every document."""

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
    """How a value is rounded to counts; never in favour of the load."""

    HALF_UP = "half_up"
    DOWN = "down"
    """For values that must not be exceeded."""
    UP = "up"
    """For values that must not be undercut."""
    INSIDE = "inside"
    """Half up, but an end of the window only if it is actually reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in a frame: value = raw / `per_unit` - `offset`.

    `per_unit` is a whole number, so that 528 / 10 is exactly 52.8. `low` and `high` are
    the plausible window in the value's own unit; values outside are rejected.
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
    """The sign is not reliable: dropped when read, sent positive."""
    noise: float = 0.0
    """Values less than this below 0 are read as 0, in the value's own unit."""
    clamps_to: float = -inf
    """Values above the window up to this one are read as its upper end."""
    whole: bool = False
    """A count of things, given as int."""
    bounded: bool = False
    """Sent within its window, whatever the value."""
    blank: int = 0
    """The raw value to send when the value is unknown."""

    def decode(self, data: bytes) -> float | NoValue:
        """Return the value in its unit, or the reason why there is none."""
        if len(data) < self.start + self.kind.size:
            return NoValue.MISSING
        raw: int = unpack_from(self.kind, data, self.start)[0]
        if raw in self.codes:
            return NoValue.UNAVAILABLE
        value = self._read(raw)
        if not self.low <= value <= self.high:
            return NoValue.IMPLAUSIBLE
        return int(value) if self.whole else value

    def rejected(self, data: bytes) -> RejectedValue:
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
        """Return the raw value for `value` (finite), clamped to the field."""
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


def _number(value: Value) -> float:
    if not isinstance(value, int | float):
        raise TypeError(value)
    return value
