"""Reading alarms and module counts in 0x359, by its tag and the dialect."""

from dataclasses import replace

from ...model import Dialect
from .. import luxpower
from ..decoded import NOTHING, Decoded
from ..fields import decode_fields
from ..frames import (
    MODULE_MAP_PLACE,
    MODULES,
    NO_TAG,
    OTHER_TAGS,
    PYLONTECH_TAG,
    TAG_PLACE,
)
from ..number import Number, Value
from .flags import Flags, decode_bits, decode_deye, encode_bits


def read_flags(data: bytes, dialect: Dialect | None) -> Decoded:
    """Read 0x359, by Pylontech's bits or Deye's tables.

    One without a tag may be a Deye's: it yields nothing until the dialect is settled.
    """
    tag = data[TAG_PLACE]
    if dialect is Dialect.DEYE and tag != PYLONTECH_TAG:
        return _flags_decoded(decode_deye(data))
    if dialect is Dialect.LUXPOWER and tag != PYLONTECH_TAG:
        return _luxpower_flags(data)
    is_known = len(tag) < 2 or tag == PYLONTECH_TAG or tag in OTHER_TAGS
    if dialect is None and not is_known:
        return NOTHING
    # A LuxPower that is not recognised has a capacity in the place of the tag
    counts = is_known or tag == NO_TAG or dialect is Dialect.PYLONTECH
    return _pylontech_flags(data, MODULES if counts else ())


def _luxpower_flags(data: bytes) -> Decoded:
    """Read the capacity as a candidate: 0x379 may hold it, too."""
    flags = _pylontech_flags(data, ())
    found = decode_fields(data, luxpower.CAPACITY).values
    if "installed_ah" not in found:
        return flags
    return replace(
        flags, values={**flags.values, "candidate_ah": found["installed_ah"]}
    )


def _pylontech_flags(data: bytes, more: tuple[Number, ...]) -> Decoded:
    flags = _flags_decoded(decode_bits(data))
    values = {**flags.values, **decode_fields(data, more).values}
    if len(data) >= 4:
        values["flag_bytes"] = data[:4]
    if len(data) > MODULE_MAP_PLACE and data[TAG_PLACE] == PYLONTECH_TAG:
        if online := data[MODULE_MAP_PLACE]:
            values["module_map"] = f"{online:08b}"
    return replace(flags, values=values)


def _flags_decoded(flags: Flags) -> Decoded:
    """Leave out a half that is not complete and raises nothing."""
    values: dict[str, Value] = {
        attribute: alarms
        for attribute, alarms in flags._asdict().items()
        if alarms is not None
    }
    if flags.protections is not None and flags.warnings is not None:
        values["flag_bytes"] = encode_bits(flags.protections, flags.warnings)
    return Decoded(values)
