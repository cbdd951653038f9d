"""Profile `deye`: Deye's own low-voltage telegram (PCS CAN-bus protocol V3.3).

For inverters that are set to Deye's own batteries; any Deye also reads Pylontech's.

- Discharge current is positive.
- 0x359 holds seven tables of single faults instead of Pylontech's words. Where a table
  has several bits for one alarm, the first is sent; an alarm without a bit is sent as
  internal.
- 0x351 holds the limits off the grid, 0x371 those on the grid: both are sent the same.
- The name is that of pack 1, with the capacity in 0.1 Ah behind it.
- Not sent: 0x363, versions.
"""

from functools import partial
from typing import Final

from ...model import Telegram
from ..alarms.flags import encode_deye
from ..fields import encode_fields
from ..frames import (
    CHARGE_STATE,
    DEYE_CELLS,
    DEYE_MODULES,
    DEYE_NAME,
    LIMITS,
    MEASUREMENTS,
    ON_GRID_LIMITS,
)
from .pylontech import measurements, requests
from .rows import Row, Values, fill, fill_if_known


def _discharge_positive(telegram: Telegram, values: Values) -> bytes:
    current = values["current"]
    if isinstance(current, int | float):
        values = values | {"current": -current}
    return measurements(MEASUREMENTS, telegram, values)


def _flags(telegram: Telegram, _: Values) -> bytes:
    return encode_deye(telegram.protections, telegram.warnings)


def _on_grid(_: Telegram, values: Values) -> bytes:
    on_grid: Values = {
        f"on_grid_{key}": values[key]
        for key in ("charge_current_limit", "discharge_current_limit")
    }
    return encode_fields(on_grid, ON_GRID_LIMITS)


DEYE: Final = (
    Row(0x35E, 8, partial(fill, DEYE_NAME)),
    Row(0x351, 8, partial(fill, LIMITS)),
    Row(0x355, 8, partial(fill, CHARGE_STATE)),
    Row(0x356, 8, _discharge_positive),
    Row(0x35C, 8, requests),
    Row(0x359, 8, _flags),
    Row(0x371, 8, _on_grid),
    Row(0x361, 8, partial(fill_if_known, DEYE_CELLS)),
    Row(0x364, 8, partial(fill_if_known, DEYE_MODULES)),
)
"""Every row by the same document."""
