"""What an inverter is told: profiles as tables of frames.

Profile `pylontech` (Pylontech CAN-bus protocol 1.2), and what was judged for it:

- The name goes first: it is the harmless frame by which a set is begun. It always
  begins `PYLON`, whatever the batteries call themselves: a Deye refuses others.
- 0x355 is padded with 0 as a real stack pads it, not with SOC in hundredths: that is
  only for Sunny Island and Victron, and a LuxPower takes it for a cell's voltage.
- 0x356 is always sent, for the voltage is known. It has no code for "not available":
  SMA's 0x8000 is -3276.8 °C and -3276.8 A to every reader of Pylontech 1.2. A current
  that nobody knows goes out as 0 A, a temperature that nobody ever told as 20 °C, with
  which no inverter stops charging for frost.
- The limits, measurements and enables (0x35C) come before the alarms (0x359): who takes
  0x359 for the end of a set would pair new limits with old enables.
- 0x359 alone carries alarms. What it has no bit for goes out as "system error".
- 0x373 (cells) and 0x379 (capacity) follow where known: a real stack sends the first,
  Sol-Ark and LuxPower read the second, the others pass over both.
- Not sent: 0x35A and 0x35F, which Pylontech 1.2 has not, and 0x370/0x371, whose
  meaning depends on who reads them (a GX would show the numbers as a name).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from math import isfinite
from typing import Final

from ..config import Profile
from ..model import Frame, Telegram
from .fields import Field, Value, encode_fields
from .flags import encode_bits
from .frames import (
    CAPACITY,
    CELLS,
    CHARGE_STATE,
    LIMITS,
    MEASUREMENTS,
    MODULES,
    NAME,
    PYLONTECH_TAG,
    REQUESTS,
    TAG_PLACE,
)

_REQUIRED: Final = (
    "charge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
    "discharge_voltage_limit",
    "soc",
    "voltage",
)
_ASKING: Final = ("force_charge", "force_charge_2", "full_charge")
_PYLONTECH_NAME: Final = "PYLON"
_PYLONTECH_UNKNOWN: Final = {"current": 0.0, "temperature": 20.0}
"""A and °C, told for what is unknown."""
_NAMES: Final = tuple(item.name for item in fields(Telegram))

type _Values = dict[str, Value]
"""What a telegram says, by the attributes that the tables use."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One frame of a profile: its ID, its own DLC, and how its 8 bytes are made."""

    can_id: int
    length: int
    content: Callable[[Telegram, _Values], bytes | None]
    """None: something in it is unknown, and the frame is left out."""


def encode(
    telegram: Telegram,
    *,
    profile: Profile = Profile.PYLONTECH,
    exact_dlc: bool = False,
    opening: bool = False,
) -> tuple[Frame, ...]:
    """Return the frames of one set, in the order to send them.

    `opening`: only the first, the harmless one by which a set is begun.

    Limits are cut to their counts, values clamp to their fields. A required value
    that is not a finite number leaves nothing to send: no frame at all. Frames are 8
    bytes long, padded with 0 (Sol-Ark takes no other), or as long as in the document.
    """
    if not all(isfinite(getattr(telegram, name)) for name in _REQUIRED):
        return ()
    values = _values(telegram)
    rows = _PROFILES[profile][:1] if opening else _PROFILES[profile]
    contents = ((row, row.content(telegram, values)) for row in rows)
    return tuple(
        Frame(row.can_id, data[: row.length] if exact_dlc else data)
        for row, data in contents
        if data is not None
    )


def _values(telegram: Telegram) -> _Values:
    values = {name: _known(getattr(telegram, name)) for name in _NAMES}
    return values | {"installed_ah": values["capacity_ah"]}


def _known(value: Value) -> Value:
    return None if isinstance(value, float) and not isfinite(value) else value


def _table(table: tuple[Field, ...], _: Telegram, values: _Values) -> bytes:
    return encode_fields(values, table)


def _whole_table(
    table: tuple[Field, ...], _: Telegram, values: _Values
) -> bytes | None:
    unknown = any(values[field.attribute] is None for field in table)
    return None if unknown else encode_fields(values, table)


def _pylontech_name(telegram: Telegram, _: _Values) -> bytes:
    name = telegram.name or ""
    sent = name if name.startswith(_PYLONTECH_NAME) else _PYLONTECH_NAME
    return encode_fields({"name": sent}, NAME)


def _pylontech_measurements(_: Telegram, values: _Values) -> bytes:
    unknown = {
        k: v if values[k] is None else values[k] for k, v in _PYLONTECH_UNKNOWN.items()
    }
    return encode_fields(values | unknown, MEASUREMENTS)


def _pylontech_flags(telegram: Telegram, values: _Values) -> bytes:
    data = bytearray(encode_fields(values, MODULES))
    data[:4] = encode_bits(telegram.protections, telegram.warnings)
    data[TAG_PLACE] = PYLONTECH_TAG
    return bytes(data)


def _requests(telegram: Telegram, values: _Values) -> bytes:
    """Ask for charge only where charging is allowed: else the two contradict."""
    limits = encode_fields(values, LIMITS)
    if not telegram.charge_enabled or limits[2:4] == b"\0\0":
        values = values | dict.fromkeys(_ASKING, False)
    return encode_fields(values, REQUESTS)


_PYLONTECH: Final = (
    _Row(0x35E, 8, _pylontech_name),
    _Row(0x351, 8, partial(_table, LIMITS)),
    _Row(0x355, 4, partial(_table, CHARGE_STATE)),
    _Row(0x356, 6, _pylontech_measurements),
    _Row(0x35C, 2, _requests),
    _Row(0x359, 7, _pylontech_flags),
    _Row(0x373, 8, partial(_whole_table, CELLS)),
    _Row(0x379, 8, partial(_whole_table, CAPACITY)),
)

_PROFILES: Final[Mapping[Profile, tuple[_Row, ...]]] = {Profile.PYLONTECH: _PYLONTECH}
