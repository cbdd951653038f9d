"""Profile `luxpower`: the telegram that LuxPower and EG4 read (V04.2, "Lithium 6").

- 0x355 also holds the extreme cell voltages, 0x356 the extreme temperatures. Neither has
  a code for "not available": 0 would be a dead cell, or frost. Unknown cell voltages are
  sent as their mean, unknown temperatures as the bank's; where one end is known, never
  beyond that.
- 0x359 has no tag: bytes 5 and 6 are the capacity. What byte 4 means is not known; it
  is sent as 0.
- 0x373 and 0x379 repeat cells and capacity where known: an SNA reads them there.
"""

from functools import partial
from math import ceil
from typing import Final

from ...model import Telegram
from ..alarms.flags import encode_bits
from ..fields import encode_fields
from ..frames import (
    CAPACITY,
    CELLS,
    CHARGE_STATE,
    FINE_VOLTAGE,
    FLOW_CURRENT,
    LIMITS,
    NAME,
)
from ..luxpower import (
    CAPACITY as ALARMS_CAPACITY,
    CELL_TEMPERATURES,
    CELLS as CHARGE_STATE_CELLS,
)
from ..number import Number
from .pylontech import HARMLESS, measurements, requests
from .rows import Row, Values, fill, fill_if_known

_FULL_CELL: Final = 3.65
"""V of a full lithium iron phosphate cell."""


def _charge_state(_: Telegram, values: Values) -> bytes:
    """Use the mean where the batteries report no cells.

    It is that of the fewest cells which can have the voltage: of more than three at
    least 2.7 V each, so that neither end of their range is ever pretended.
    """
    volts = values["voltage"]
    mean = 0.0
    if isinstance(volts, int | float) and volts > 0:
        mean = volts / ceil(volts / _FULL_CELL)
    extremes = _known_or(mean, values, CHARGE_STATE_CELLS)
    return encode_fields(values | extremes, (*CHARGE_STATE, *CHARGE_STATE_CELLS))


def _measurements(telegram: Telegram, values: Values) -> bytes:
    """Use the bank's temperature where the batteries report no extremes."""
    celsius = values["temperature"]
    if not isinstance(celsius, int | float):
        celsius = HARMLESS["temperature"]
    extremes = _known_or(celsius, values, CELL_TEMPERATURES)
    table = (FINE_VOLTAGE, FLOW_CURRENT, *CELL_TEMPERATURES)
    return measurements(table, telegram, values | extremes)


def _known_or(
    substitute: float, values: Values, extremes: tuple[Number, Number]
) -> Values:
    """Return the highest and the lowest value, or the substitute for an unknown one."""
    found = [values[field.attribute] for field in extremes]
    either = [substitute, *(v for v in found if isinstance(v, int | float))]
    ends = zip(extremes, found, (max(either), min(either)), strict=True)
    return {
        field.attribute: end if value is None else value for field, value, end in ends
    }


def _flags(telegram: Telegram, values: Values) -> bytes:
    data = bytearray(encode_fields(values, ALARMS_CAPACITY))
    data[:4] = encode_bits(telegram.protections, telegram.warnings)
    return bytes(data)


LUXPOWER: Final = (
    Row(0x35E, 8, partial(fill, NAME)),  # LUX
    Row(0x351, 8, partial(fill, LIMITS)),  # LUX
    Row(0x355, 8, _charge_state),  # LUX
    Row(0x356, 8, _measurements),  # LUX
    Row(0x35C, 8, requests),  # LUX
    Row(0x359, 8, _flags),  # LUX
    Row(0x373, 8, partial(fill_if_known, CELLS)),  # reports on an SNA
    Row(0x379, 8, partial(fill_if_known, CAPACITY)),  # LUX
)
