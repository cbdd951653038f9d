"""What only a Deye sends: its diagnostics, its version and a request.

Sources: DY, Deye PCS CAN-bus protocol low voltage V3.3; DDB,
vladyspavlov/dbus-deye-battery, recorded from an SE-F12-C and compared with the vendor's
app.
"""

from typing import Final

from .fields import Bit, Field, Text
from .quantities import cycles, energy

# Other nodes may have these IDs, so they count only from a battery known as a Deye.
# Energies are in Wh (DY; the app shows the same). Not read: 0x110, 0x150, 0x200 and
# 0x250, because a second source of the current or the state of charge would only
# disagree with the first; 0x500, 0x700 and 0x750, because no user needs them.
DIAGNOSTICS: Final[dict[int, tuple[Field, ...]]] = {
    0x400: (cycles(2),),
    0x550: (
        energy("charged_kwh", 0, per_unit=1000),
        energy("discharged_kwh", 4, per_unit=1000),
    ),
    0x600: (Text(attribute="serial_1", half=True),),
    0x650: (Text(attribute="serial_2", half=True),),
}

HEATING_REQUEST: Final = Bit(attribute="heating_request", start=0, bit=0)
"""DDB: in 0x35C, a bit that is 0 in all other documents."""

VERSION_PLACE: Final = slice(0, 2)
"""DDB: in 0x363, the bytes that a Deye in Victron's profile has in 0x35F."""
