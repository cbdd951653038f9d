"""Profile `pylontech`: the telegram of a Pylontech stack (CAN-bus protocol 1.2).

Choices made for it, and why:

- The name goes first: it is the harmless frame that opens a telegram. It always begins
  `PYLON`, whatever the batteries call themselves: a Deye rejects others.
- 0x355 is padded with 0, as a real stack pads it, not with SOC in hundredths: only Sunny
  Island and Victron read those, and a LuxPower takes them for a cell voltage.
- 0x356 is always sent, because the voltage is known. It has no code for "not available":
  SMA's 0x8000 is -3276.8 °C and -3276.8 A to every reader of Pylontech 1.2. An unknown
  current is sent as 0 A, a temperature that no battery ever reported as 20 °C, at which
  no inverter stops charging for frost.
- Limits, measurements and enables (0x35C) precede the alarms (0x359): a receiver that
  takes 0x359 for the end of a telegram would pair new limits with old enables.
- 0x359 alone carries alarms. An alarm without a bit of its own is sent as "system error".
- 0x373 (cells) and 0x379 (capacity) follow where known: a real stack sends the first,
  Sol-Ark and LuxPower read the second, the others ignore both.
- Not sent: 0x35A and 0x35F, which Pylontech 1.2 does not have, and 0x370/0x371, whose
  meaning depends on the receiver (a GX would show the numbers as a name).
"""

from functools import partial
from typing import Final

from ...model import Direction, Telegram
from ..alarms.flags import encode_bits
from ..fields import Field, encode_fields
from ..frames import (
    CAPACITY,
    CELLS,
    CHARGE_STATE,
    LIMITS,
    MEASUREMENTS,
    MODULES,
    NAME,
    REQUESTS,
    TAG_PLACE,
)
from .rows import CHARGE_REQUESTS, Row, Values, fill, fill_if_known

HARMLESS: Final = {"current": 0.0, "temperature": 20.0}
"""A and °C, sent while the value is unknown."""


def measurements(fields: tuple[Field, ...], _: Telegram, values: Values) -> bytes:
    """Return 0x356 for a receiver that knows no code for "not available"."""
    known = {k: v if values[k] is None else values[k] for k, v in HARMLESS.items()}
    return encode_fields(values | known, fields)


def flags(telegram: Telegram, values: Values) -> bytes:
    """Return 0x359: the alarms and warnings, the module count and the tag."""
    data = bytearray(encode_fields(values, MODULES))
    data[:4] = encode_bits(telegram.protections, telegram.warnings)
    if isinstance(tag := values["tag"], bytes):
        data[TAG_PLACE] = tag
    return bytes(data)


def requests(telegram: Telegram, values: Values) -> bytes:
    """Return 0x35C; it requests charging only while that is allowed.

    The two would contradict each other otherwise.
    """
    if not telegram.charge_enabled or not telegram.permits(Direction.CHARGE):
        values = values | dict.fromkeys(CHARGE_REQUESTS, False)
    return encode_fields(values, REQUESTS)


PYLONTECH: Final = (
    Row(0x35E, 8, partial(fill, NAME)),  # PY
    Row(0x351, 8, partial(fill, LIMITS)),  # PY
    Row(0x355, 4, partial(fill, CHARGE_STATE)),  # PY
    Row(0x356, 6, partial(measurements, MEASUREMENTS)),  # PY
    Row(0x35C, 2, requests),  # PY
    Row(0x359, 7, flags),  # PY
    Row(0x373, 8, partial(fill_if_known, CELLS)),  # traffic of a Pylontech stack
    Row(0x379, 8, partial(fill_if_known, CAPACITY)),  # SOL, LUX; a Deye ignores it
)
