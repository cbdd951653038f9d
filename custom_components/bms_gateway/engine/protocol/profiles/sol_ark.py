"""Profile `sol_ark`: Pylontech's telegram as a Sol-Ark reads it (CAN protocol V1.3).

- It accepts frames of 8 bytes only: their exact lengths are 8.
- The document gives the voltage in 0.1 V. A Deye, which is the same hardware, reads 0.01 V
  and raises a fault on a wrong scale, so `sol_ark` sends 0.01 V and `sol_ark_coarse`
  what the document says. Neither has been verified on a unit.
- It reads the capacity in 0x379.
"""

from functools import partial
from typing import Final

from ..fields import Field
from ..frames import (
    CAPACITY,
    CHARGE_STATE,
    COARSE_MEASUREMENTS,
    LIMITS,
    MEASUREMENTS,
    NAME,
)
from .pylontech import flags, measurements, requests
from .rows import Row, fill, fill_if_known


def _telegram(table: tuple[Field, ...]) -> tuple[Row, ...]:
    """Return the profile with one of the two scales of the voltage."""
    return (
        Row(0x35E, 8, partial(fill, NAME)),
        Row(0x351, 8, partial(fill, LIMITS)),
        Row(0x355, 8, partial(fill, CHARGE_STATE)),
        Row(0x356, 8, partial(measurements, table)),
        Row(0x35C, 8, requests),
        Row(0x359, 8, flags),
        Row(0x379, 8, partial(fill_if_known, CAPACITY)),
    )


SOL_ARK: Final = _telegram(MEASUREMENTS)
SOL_ARK_COARSE: Final = _telegram(COARSE_MEASUREMENTS)
"""Every row by the same document."""
