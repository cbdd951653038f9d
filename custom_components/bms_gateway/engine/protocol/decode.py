"""One frame of a battery in, the values it tells out. Any bytes are welcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ..model import Dialect, Frame, RejectedValue
from .dialect import is_battery_frame, is_deye_name
from .fields import Fields, NoValue, Number, Text, Value, decode_fields
from .flags import Flags, decode_bits, decode_deye, encode_bits
from .frames import (
    CELLS_AND_KELVINS,
    CHARGE_REQUEST,
    CHARGE_STATE,
    COARSE_MEASUREMENTS,
    COARSE_VOLTAGE,
    CYCLES,
    DEYE_NAME,
    DISCOVER_CAPACITY,
    FINE_SOC,
    FINE_VOLTAGE,
    IDENTITY,
    LOWEST_PACK_VOLTAGE,
    MEASUREMENTS,
    MODULES,
    NAME,
    NO_TAG,
    ON_GRID_LIMITS,
    OTHER_TAGS,
    PLAIN,
    PRODUCT_1,
    PRODUCT_2,
    PYLONTECH_TAG,
    TAG_PLACE,
    TEMPERATURES_AND_CELLS,
    VERSION_PLACE,
    WHOLE,
)
from .pairs import PairChange, decode_pairs


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one frame told.

    `values` are by attribute of `Readings`, besides `candidate_ah` (see
    `agreed_capacity`), `identity_ah` (see `Plausibility`) and the halves of texts (see
    `joined`). An attribute that is
    not there was not told; None: told as unknown, or not to be believed.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    pairs: PairChange | None = None
    """What 0x35A changed, for `Pairs.after`."""
    refused: tuple[RejectedValue, ...] = ()
    """The values outside their window; they are None among `values`."""

    @property
    def invalid(self) -> bool:
        """Return whether a value was outside its window."""
        return bool(self.refused)

    @property
    def is_empty(self) -> bool:
        """Return whether the frame told nothing, not even that something is unknown."""
        pairs = self.pairs
        said = pairs and (pairs.raised or pairs.cleared or pairs.zero)
        return not (self.values or said)


NOTHING: Final = Decoded()

type _Reader = Callable[[bytes, Dialect | None], Decoded]


def decode(frame: Frame, dialect: Dialect, settled: bool) -> Decoded:
    """Read one frame by the dialect that `judge` told; never raises.

    Frames that are no battery's tell nothing: 29-bit, remote and error frames, the
    inverter's 0x305, other protocols. While the dialect is not settled the current is
    unknown, and what else depends on the dialect is not told.
    """
    if not is_battery_frame(frame):
        return NOTHING
    if (table := PLAIN.get(frame.can_id)) is not None:
        return _plain(decode_fields(frame.data, table))
    if (table := WHOLE.get(frame.can_id)) is not None:
        return _plain(decode_fields(frame.data, table)) if _whole(frame) else NOTHING
    reader = _READERS.get(frame.can_id)
    known = dialect if settled else None
    return NOTHING if reader is None else reader(frame.data, known)


def agreed_capacity(candidate: float | None, known: float | None) -> float | None:
    """Return the capacity (Ah) told in 0x35F if it agrees with a known one.

    Some send 0.1 Ah there, some the modules on line: it is believed within a factor
    of 2 of what 0x379 says or the user set.
    """
    if candidate is None or known is None:
        return None
    return candidate if known / 2 <= candidate <= known * 2 else None


def joined(first: str | None, second: str | None) -> str | None:
    """Return a text that came in two frames; without the first half it is unknown."""
    return first and (first + (second or "")).strip(" ")


def _whole(frame: Frame) -> bool:
    return len(frame.data) == 8


def _plain(fields: Fields) -> Decoded:
    return Decoded(fields.values, refused=fields.refused)


def _discover(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x354 where it cannot be LG's: that has neither name, tag nor 0x35A."""
    if dialect in {Dialect.PYLONTECH, Dialect.VICTRON}:
        return _plain(decode_fields(data, DISCOVER_CAPACITY))
    return NOTHING


def _charge_state(data: bytes, _: Dialect | None) -> Decoded:
    """Read SOC and SOH; hundredths only where they refine the whole percent.

    They do if they are within 1 %, and not the 0 that pads the frame.
    """
    values, refused = decode_fields(data, CHARGE_STATE)
    whole, fine = values.get("soc"), FINE_SOC.decode(data)
    if isinstance(whole, float) and isinstance(fine, float):
        if abs(fine - whole) <= 1.0 and (fine or not whole):
            values["soc"] = fine
    return Decoded(values, refused=refused)


def _measurements(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x356: the scale by what is plausible, the sign by the dialect."""
    coarse = FINE_VOLTAGE.decode(data) is NoValue.IMPLAUSIBLE and (
        not isinstance(COARSE_VOLTAGE.decode(data), NoValue)
        or FINE_VOLTAGE.refused(data).value < LOWEST_PACK_VOLTAGE
    )
    table = COARSE_MEASUREMENTS if coarse else MEASUREMENTS
    values, refused = decode_fields(data, table)
    if "current" in values:
        values["current"] = _charge_positive(values["current"], dialect)
    if dialect is Dialect.VICTRON:
        values |= decode_fields(data, (CYCLES,)).values
    return Decoded(values, refused=refused)


def _charge_positive(current: Value, dialect: Dialect | None) -> Value:
    if dialect is None or not isinstance(current, float):
        return None
    return 0.0 - current if dialect is Dialect.DEYE else current


def _flags(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x359, by Pylontech's bits or Deye's tables.

    One without a tag may be a Deye's: before that is settled it tells nothing.
    """
    tag = data[TAG_PLACE]
    if dialect is Dialect.DEYE and tag != PYLONTECH_TAG:
        return _flags_decoded(decode_deye(data))
    is_known = len(tag) < 2 or tag == PYLONTECH_TAG or tag in OTHER_TAGS
    if dialect is None and not is_known:
        return NOTHING
    # LuxPower has a capacity in the place of the tag
    counts = is_known or tag == NO_TAG or dialect is Dialect.PYLONTECH
    return _pylontech_flags(data, MODULES if counts else ())


def _pylontech_flags(data: bytes, more: tuple[Number, ...]) -> Decoded:
    flags = _flags_decoded(decode_bits(data))
    values = {**flags.values, **decode_fields(data, more).values}
    if len(data) >= 4:
        values["flag_bytes"] = data[:4]
    return replace(flags, values=values)


def _flags_decoded(flags: Flags) -> Decoded:
    """Leave out a half that the frame did not tell in full and raised nothing in."""
    values: dict[str, Value] = {
        attribute: alarms
        for attribute, alarms in flags._asdict().items()
        if alarms is not None
    }
    if flags.protections is not None and flags.warnings is not None:
        values["flag_bytes"] = encode_bits(flags.protections, flags.warnings)
    return Decoded(values)


def _pairs(data: bytes, _: Dialect | None) -> Decoded:
    return Decoded(pairs=decode_pairs(data))


def _name(data: bytes, _: Dialect | None) -> Decoded:
    numbered = is_deye_name(data) and data[2:5].isdigit()
    return _plain(decode_fields(data, DEYE_NAME if numbered else NAME))


def _identity(data: bytes, _: Dialect | None) -> Decoded:
    """Read 0x35F; versions as they stand: some mean the digits, some the number."""
    fields = decode_fields(data, IDENTITY)
    version = data[VERSION_PLACE]
    if len(version) == 2:
        fields.values["version"] = version.hex(".").upper()
    return _plain(fields)


def _charge_request(data: bytes, _: Dialect | None) -> Decoded:
    asked = {0x00: False, 0xFF: True}
    value = CHARGE_REQUEST.decode(data)
    if isinstance(value, NoValue):
        return NOTHING
    return Decoded({"charge_request": asked.get(int(value))})


def _product_1(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x370: Victron's text, else numbers where nothing speaks against them."""
    if dialect is Dialect.DEYE:
        return NOTHING
    if _is_text(data):
        return _half_text(data, PRODUCT_1)
    if len(data) < 8 or dialect is None:
        return NOTHING
    orders = (TEMPERATURES_AND_CELLS, CELLS_AND_KELVINS)
    read = (decode_fields(data, order) for order in orders)
    whole = (fields for fields in read if None not in fields.values.values())
    return next(map(_plain, whole), NOTHING)


def _product_2(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x371: Deye's limits on the grid, else Victron's text; else bare ids."""
    if dialect is Dialect.DEYE:
        return _plain(decode_fields(data, ON_GRID_LIMITS))
    return _half_text(data, PRODUCT_2) if _is_text(data) else NOTHING


def _half_text(data: bytes, table: Text) -> Decoded:
    return _plain(decode_fields(data, (table,)))


def _is_text(data: bytes) -> bool:
    """Return whether all is printable but the padding.

    Numbers never are: the high byte of a temperature in 0.1 °C is none, and a single
    letter before the padding could be its low byte.
    """
    text = data.rstrip(b"\0")
    return len(text) > 1 and all(0x20 <= byte <= 0x7E for byte in text)


_READERS: Final[Mapping[int, _Reader]] = {
    0x354: _discover,
    0x355: _charge_state,
    0x356: _measurements,
    0x359: _flags,
    0x35A: _pairs,
    0x35E: _name,
    0x35F: _identity,
    0x360: _charge_request,
    0x370: _product_1,
    0x371: _product_2,
}
