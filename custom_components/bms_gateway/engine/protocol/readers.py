"""Readers of the frames whose layout depends on the dialect or on their content."""

from collections.abc import Callable, Mapping
from typing import Final

from ..model import Dialect
from . import deye, luxpower
from .alarms.flag_readers import read_flags
from .alarms.pairs import decode_pairs
from .decoded import NOTHING, Decoded
from .dialect import is_deye_name
from .fields import Fields, Text, decode_fields
from .frames import (
    CELLS_AND_KELVINS,
    CHARGE_REQUEST,
    CHARGE_STATE,
    COARSE_MEASUREMENTS,
    COARSE_VOLTAGE,
    CYCLES,
    DEYE_NAME,
    DISCOVER_CAPACITY,
    EXTREMES,
    FINE_SOC,
    FINE_VOLTAGE,
    IDENTITY,
    LOWEST_PACK_VOLTAGE,
    MEASUREMENTS,
    MODULES_ONLINE,
    NAME,
    ON_GRID_LIMITS,
    PRODUCT_1,
    PRODUCT_2,
    REMAINING,
    REQUESTS,
    TEMPERATURES_AND_CELLS,
    VERSION_PLACE,
)
from .number import NoValue, Value

type Reader = Callable[[bytes, Dialect | None], Decoded]

_CHARGE_POSITIVE: Final = frozenset({Dialect.PYLONTECH, Dialect.VICTRON})


def plain(fields: Fields) -> Decoded:
    """Return the values of a table as decoded."""
    return Decoded(fields.values, rejected=fields.rejected)


def _discover(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x354 where it cannot be LG's: that has neither name, tag nor 0x35A."""
    if dialect in _CHARGE_POSITIVE:
        return plain(decode_fields(data, DISCOVER_CAPACITY))
    return NOTHING


def _charge_state(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read SOC and SOH; hundredths only where they refine the whole percent.

    They do if they are within 1 %, and not the 0 that pads the frame. The remaining
    charge is read where no cell voltage can be in its place, see `agreed_remaining`.
    """
    values, rejected = decode_fields(data, CHARGE_STATE)
    if dialect is Dialect.LUXPOWER:
        return Decoded(
            values | decode_fields(data, luxpower.CELLS).values, rejected=rejected
        )
    if dialect in _CHARGE_POSITIVE:
        values |= decode_fields(data, (REMAINING,)).values
    whole, fine = values.get("soc"), FINE_SOC.decode(data)
    if isinstance(whole, float) and isinstance(fine, float):
        if abs(fine - whole) <= 1.0 and (fine or not whole):
            values["soc"] = fine
    return Decoded(values, rejected=rejected)


def _measurements(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x356: scale by plausibility, sign by dialect."""
    coarse = FINE_VOLTAGE.decode(data) is NoValue.IMPLAUSIBLE and (
        not isinstance(COARSE_VOLTAGE.decode(data), NoValue)
        or FINE_VOLTAGE.rejected(data).value < LOWEST_PACK_VOLTAGE
    )
    table = COARSE_MEASUREMENTS if coarse else MEASUREMENTS
    values, rejected = decode_fields(data, table)
    if "current" in values:
        values["current"] = _charge_positive(values["current"], dialect)
    if dialect in _CHARGE_POSITIVE:
        values |= decode_fields(data, (CYCLES,)).values
    elif dialect is Dialect.LUXPOWER:
        values |= decode_fields(data, luxpower.CELL_TEMPERATURES).values
    return Decoded(values, rejected=rejected)


def _charge_positive(current: Value, dialect: Dialect | None) -> Value:
    if dialect is None or not isinstance(current, float):
        return None
    return 0.0 - current if dialect is Dialect.DEYE else current


def _pairs(data: bytes, _: Dialect | None) -> Decoded:
    return Decoded(pairs=decode_pairs(data))


def _requests(data: bytes, dialect: Dialect | None) -> Decoded:
    fields = decode_fields(data, REQUESTS)
    if dialect is Dialect.DEYE:
        fields.values.update(decode_fields(data, (deye.HEATING_REQUEST,)).values)
    elif dialect is Dialect.LUXPOWER:
        fields.values.update(decode_fields(data, (luxpower.CYCLES,)).values)
    return plain(fields)


def _name(data: bytes, _: Dialect | None) -> Decoded:
    numbered = is_deye_name(data) and data[2:5].isdigit()
    return plain(decode_fields(data, DEYE_NAME if numbered else NAME))


def _identity(data: bytes, _: Dialect | None) -> Decoded:
    """Read 0x35F; the version as raw digits.

    Some batteries mean the digits, some the number.
    """
    fields = decode_fields(data, IDENTITY)
    version = data[VERSION_PLACE]
    if len(version) == 2:
        fields.values["version"] = version.hex(".").upper()
    return plain(fields)


def _charge_request(data: bytes, _: Dialect | None) -> Decoded:
    meanings = {0x00: False, 0xFF: True}
    value = CHARGE_REQUEST.decode(data)
    if isinstance(value, NoValue):
        return NOTHING
    return Decoded({"charge_request": meanings.get(int(value))})


def _product_1(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x370: Victron's text, or numbers if nothing contradicts them."""
    if dialect is Dialect.DEYE:
        return NOTHING
    if _is_text(data):
        return _half_text(data, PRODUCT_1)
    if len(data) < 8 or dialect is None:
        return NOTHING
    orders = (TEMPERATURES_AND_CELLS, CELLS_AND_KELVINS)
    read = (decode_fields(data, order) for order in orders)
    whole = (fields for fields in read if None not in fields.values.values())
    return next(map(plain, whole), NOTHING)


def _product_2(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x371: Deye's limits on the grid, Victron's text, or Seplos' cell numbers.

    Those only if all four are there: a text may be a single letter, or none.
    """
    if dialect is Dialect.DEYE:
        return plain(decode_fields(data, ON_GRID_LIMITS))
    if _is_text(data):
        return _half_text(data, PRODUCT_2)
    numbers = decode_fields(data, EXTREMES)
    is_whole = len(data) == 8 and None not in numbers.values.values()
    return plain(numbers) if is_whole and dialect is not None else NOTHING


def _modules_online(data: bytes, _: Dialect | None) -> Decoded:
    """Read 0x372: module counts, or the firmware of a Discover in 4 bytes (AES)."""
    if len(data) == 8:
        return plain(decode_fields(data, MODULES_ONLINE))
    if len(data) == 4:
        return Decoded({"firmware": ".".join(map(str, reversed(data)))})
    return NOTHING


def _deye_version(data: bytes, dialect: Dialect | None) -> Decoded:
    version = data[deye.VERSION_PLACE]
    if dialect is not Dialect.DEYE or len(version) < 2:
        return NOTHING
    return Decoded({"firmware": version.hex(".").upper()})


def _half_text(data: bytes, table: Text) -> Decoded:
    return plain(decode_fields(data, (table,)))


def _is_text(data: bytes) -> bool:
    """Return whether all bytes but the padding are printable.

    Numbers never are: the high byte of a temperature in 0.1 °C is not, and a single
    letter before the padding could be its low byte.
    """
    text = data.rstrip(b"\0")
    return len(text) > 1 and all(0x20 <= byte <= 0x7E for byte in text)


READERS: Final[Mapping[int, Reader]] = {
    0x354: _discover,
    0x355: _charge_state,
    0x356: _measurements,
    0x359: read_flags,
    0x35A: _pairs,
    0x35C: _requests,
    0x35E: _name,
    0x35F: _identity,
    0x360: _charge_request,
    0x363: _deye_version,
    0x370: _product_1,
    0x371: _product_2,
    0x372: _modules_online,
}
