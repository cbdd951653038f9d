"""Profile `sma`: the telegram that a Sunny Island reads (FSS-ConnectingBat-TI-en-10).

- Only these IDs: the document allows no others on the bus. There are no enables, so a
  direction that is not enabled is sent as 0 A.
- It prefers SOC in hundredths where 0x355 holds them: padding would mean 0 %.
- Unused fields are 0xFFFF, an unknown current or temperature 0x8000.
- A value outside its window is ignored without a word, and the last good one stays. So
  limits are sent inside the windows: at most 63 V and 1,200 A, DVL 41 to 48 V. A charge
  voltage limit below 41 V would be ignored too: its preset sends nothing then, and here
  it comes with 0 A.
- Any alarm in 0x35A makes it stop until the alarm is cleared explicitly; warnings are
  only logged.
"""

from dataclasses import replace
from functools import partial
from typing import Final

from ...model import Telegram
from ..frames import FINE_SOC, IDENTITY, LIMITS, MEASUREMENTS, NAME, SOC, SOH, unused
from .rows import Row, Values, fill, fill_enabled_limits, fill_pairs

_CVL, _CCL, _DCL, _DVL = LIMITS
_MOST_AMPS: Final = 1200.0
_LEAST_CHARGE_VOLTS: Final = 41.0
_LIMITS: Final = (
    replace(_CVL, low=0.0, high=63.0, bounded=True),  # a limit is never raised
    replace(_CCL, low=0.0, high=_MOST_AMPS, bounded=True),
    replace(_DCL, low=0.0, high=_MOST_AMPS, bounded=True),
    replace(_DVL, low=41.0, high=48.0, bounded=True),
)
_CHARGE_STATE: Final = (SOC, replace(SOH, blank=0xFFFF), FINE_SOC, unused(6))
_IDENTITY: Final = tuple(replace(field, blank=0xFFFF) for field in IDENTITY)


def _limits(telegram: Telegram, values: Values) -> bytes:
    if telegram.charge_voltage_limit < _LEAST_CHARGE_VOLTS:
        values = values | {"charge_current_limit": 0.0}
    return fill_enabled_limits(_LIMITS, telegram, values)


SMA: Final = (
    Row(0x35E, 8, partial(fill, NAME)),
    Row(0x351, 8, _limits),
    Row(0x355, 8, partial(fill, _CHARGE_STATE)),
    Row(0x356, 8, partial(fill, (*MEASUREMENTS, unused(6)))),
    Row(0x35A, 8, fill_pairs),
    Row(0x35F, 8, partial(fill, _IDENTITY)),
)
"""Every row by the same document."""
