"""Profile `victron`: the telegram that a Victron GX reads (CAN-bus BMS).

- A GX guesses the product from name and frames, and then replaces limits: for PYLON it
  raises CCL 0 to a quarter of the capacity, for BYD to 40 A; what it takes for an LG may
  be switched off. So the name and product are our own, and there is no 0x359.
- There are no enables, so a direction that is not enabled is sent as 0 A.
- 0x355 holds SOC in hundredths, the rest is 0; a GX itself ignores them.
- An alarm that is not raised is cleared explicitly in 0x35A.
- Not sent: 0x360 (a charge request, which a GX would follow from the grid), 0x378
  (energy: the batteries' own counters start anywhere), serial numbers.
"""

from functools import partial
from typing import Final

from ...model import Telegram
from ..fields import Text, encode_fields
from ..frames import (
    CAPACITY,
    CELLS,
    FINE_SOC,
    IDENTITY,
    LIMITS,
    MEASUREMENTS,
    MODULES_ONLINE,
    NAME,
    PRODUCT_1,
    PRODUCT_2,
    SOC,
    SOH,
)
from .pylontech_plus import CELL_ID_ROWS
from .rows import Row, Values, fill, fill_enabled_limits, fill_if_known, fill_pairs

_PRODUCT: Final = "BMS CAN Gateway"


def _product(half: Text, _: Telegram, __: Values) -> bytes:
    """Return one half of the product's name."""
    halves = {PRODUCT_1.attribute: _PRODUCT[:8], PRODUCT_2.attribute: _PRODUCT[8:]}
    return encode_fields(halves, (half,))


VICTRON: Final = (
    Row(0x35E, 8, partial(fill, NAME)),  # VIC
    Row(0x351, 8, partial(fill_enabled_limits, LIMITS)),  # VIC
    Row(0x355, 8, partial(fill, (SOC, SOH, FINE_SOC))),  # VIC
    Row(0x356, 8, partial(fill, MEASUREMENTS)),  # VIC
    Row(0x35A, 8, fill_pairs),  # VIC
    Row(0x35F, 8, partial(fill, IDENTITY)),  # VIC
    Row(0x370, 8, partial(_product, PRODUCT_1)),  # VIC
    Row(0x371, 8, partial(_product, PRODUCT_2)),  # VIC
    Row(0x372, 8, partial(fill_if_known, MODULES_ONLINE)),  # VIC
    Row(0x373, 8, partial(fill_if_known, CELLS)),  # VIC
    *CELL_ID_ROWS,  # VIC
    Row(0x379, 8, partial(fill_if_known, CAPACITY)),  # VIC
)
