"""Every battery frame of this protocol family, as tables of fields.

Sources, by the tags used beside the tables:

- PY: Pylontech, CAN-bus protocol 1.2 (2018-04-08).
- SMA: SMA, external batteries on Sunny Island, FSS-ConnectingBat-TI-en-10.
- VIC: Victron, CAN-bus BMS description.
- DY: Deye, PCS CAN-bus protocol low voltage V3.3.
- SOL: Sol-Ark, CAN protocol V1.3. LUX: LuxPower, V04.2. SEP: Seplos, V1.0.
- BYD: dfch/BydCanProtocol. YAM: Sleeper85/esphome-yambms, "Pylon V2".
- AES: ryanpulley/DiscoverAEStoPylontech.
"""

from typing import Final

from .fields import Bit, Field, Text
from .number import Kind, Number, Rounding
from .quantities import (
    LOWEST_CELL_VOLTAGE,
    NO_U16,
    UNSENT,
    capacity,
    cell_voltage,
    count,
    current,
    current_limit,
    cycles,
    energy,
    kelvin,
    percent,
    temperature,
    voltage,
    voltage_limit,
)

# PY, SMA. DVL: 0 is PY's blank.
LIMITS: Final = (
    voltage_limit("charge_voltage_limit", 0, NO_U16, Rounding.DOWN),
    current_limit("charge_current_limit", 2),
    current_limit("discharge_current_limit", 4),
    voltage_limit("discharge_voltage_limit", 6, UNSENT, Rounding.UP),
)

# AES, nominal and remaining. LG RESU has the ID for something unknown.
DISCOVER_CAPACITY: Final = (capacity("installed_ah", 0), capacity("remaining_ah", 2))

# PY. Full and empty are sent only when reached. SOH has no code for "unknown":
# 100 is what a pack sends that does not measure it, and 0 would be a dead one.
SOC: Final = percent("soc", 0, Rounding.INSIDE)
SOH: Final = percent("soh", 2, Rounding.INSIDE, blank=100)
CHARGE_STATE: Final = (SOC, SOH)
# SMA and VIC only: Pylontech sends 0 or other data there, LUX cell voltages.
FINE_SOC: Final = Number(
    attribute="soc",
    start=4,
    per_unit=100,
    low=0.0,
    high=100.0,
    codes=NO_U16,
    rounding=Rounding.INSIDE,
    bounded=True,
)

# Sofar. In Ah by its document, in 0.1 Ah as YAM sends it: see `agreed_remaining`.
REMAINING: Final = count("remaining_count", 6, Kind.U16, codes=UNSENT)

# PY, SMA. 0.1 V: AES and "BMS_Protocol _CAN_Hybrid_EN_V1.0".
FINE_VOLTAGE: Final = voltage(100)
COARSE_VOLTAGE: Final = voltage(10)
LOWEST_PACK_VOLTAGE: Final = 8.0
"""V; no pack has less, not even one of 12 V: a lower reading in 0.01 V is in 0.1 V.
A count of 800 is 8 V in one scale and 80 V in the other, above every pack: so a count has
one meaning at most, whatever the nominal voltage."""
FLOW_CURRENT: Final = current("current", 2)
_FLOW: Final = (FLOW_CURRENT, temperature("temperature", 4))
MEASUREMENTS: Final = (FINE_VOLTAGE, *_FLOW)
COARSE_MEASUREMENTS: Final = (COARSE_VOLTAGE, *_FLOW)
# SEP, YAM and some VIC; LUX has a temperature there, Pylontech padding.
CYCLES: Final = cycles(6)

# PY: byte 4 of 0x359, with or without a tag (Dyness, JK's and home-made ends). A stack
# that sends has at least one module: 0 is padding, and unknown is sent as 1.
MODULES: Final = (
    Number(
        attribute="modules",
        start=4,
        kind=Kind.U8,
        low=1.0,
        codes=frozenset({0}),
        whole=True,
        bounded=True,
        blank=1,
    ),
)
PYLONTECH_TAG: Final = b"PN"
"""PY: bytes 5 and 6 of 0x359."""
NO_TAG: Final = b"\0\0"
OTHER_TAGS: Final = (b"UZ", b"PY")
"""The same from SRNE, and from Pytes (hoylabs/OpenDTU-OnBattery, pull request 1213)."""
TAG_PLACE: Final = slice(5, 7)
MODULE_MAP_PLACE: Final = 7
"""SEP: one bit for each address that is online; others send 0."""

# PY. Bits 0 to 2 are 0, or bit 0 a request for heating (DY).
REQUESTS: Final = (
    Bit(attribute="charge_enabled", start=0, bit=7),
    Bit(attribute="discharge_enabled", start=0, bit=6),
    Bit(attribute="force_charge", start=0, bit=5),
    Bit(attribute="force_charge_2", start=0, bit=4),
    Bit(attribute="full_charge", start=0, bit=3),
)

NAME: Final = (Text(attribute="name"),)
# DY: `DY`, three digits of the pack's number, cell maker, capacity in 0.1 Ah.
DEYE_NAME: Final = (
    Text(attribute="name", length=5),
    capacity("candidate_ah", 6, per_unit=10),
)

# SMA, VIC: installed capacity. A Deye sends 0.1 Ah, Dyness and YAM the remaining one.
IDENTITY: Final = (capacity("identity_ah", 4),)
VERSION_PLACE: Final = slice(2, 4)

# VIC. 0xFF requests charging, 0 does not.
CHARGE_REQUEST: Final = Number(
    attribute="charge_request", start=0, kind=Kind.U8, whole=True
)

# DY
DEYE_CELLS: Final = (
    cell_voltage("cell_voltage_max", 0),
    cell_voltage("cell_voltage_min", 2),
    temperature("cell_temperature_max", 4),
    temperature("cell_temperature_min", 6),
)
DEYE_MODULES: Final = (
    count("modules_online", 0, Kind.U8),
    count("modules_blocking_charge", 1, Kind.U8),
    count("modules_blocking_discharge", 2, Kind.U8),
    count("modules_offline", 3, Kind.U8),
    count("modules", 4, Kind.U8),
)
ON_GRID_LIMITS: Final = (
    current_limit("on_grid_charge_current_limit", 0),
    current_limit("on_grid_discharge_current_limit", 2),
)

# YAM, SEP: 0x370 with numbers.
TEMPERATURES_AND_CELLS: Final = (
    temperature("cell_temperature_max", 0),
    temperature("cell_temperature_min", 2),
    cell_voltage("cell_voltage_max", 4),
    cell_voltage("cell_voltage_min", 6),
)
# A bridge for EPEver's batteries: the same in another order, in 0.1 K. A cell's mV is
# no temperature in 0.1 °C (3300 would be 330 °C), so ranges tell the two apart.
CELLS_AND_KELVINS: Final = (
    cell_voltage("cell_voltage_max", 0, low=LOWEST_CELL_VOLTAGE),
    cell_voltage("cell_voltage_min", 2, low=LOWEST_CELL_VOLTAGE),
    kelvin("cell_temperature_max", 4, per_unit=10),
    kelvin("cell_temperature_min", 6, per_unit=10),
)

# SEP, YAM: 0x371 with numbers, in the order of 0x370.
EXTREMES: Final = tuple(
    count(f"cell_{extreme}_number", start, Kind.U16, codes=UNSENT)
    for start, extreme in (
        (0, "temperature_max"),
        (2, "temperature_min"),
        (4, "voltage_max"),
        (6, "voltage_min"),
    )
)

# VIC, BYD: texts of 16 characters in two frames.
PRODUCT_1: Final = Text(attribute="product_1", half=True)
PRODUCT_2: Final = Text(attribute="product_2", half=True)
SERIAL_1: Final = Text(attribute="serial_1", half=True)
SERIAL_2: Final = Text(attribute="serial_2", half=True)

# VIC, YAM. AES: 0x372 of 4 bytes is its firmware, 0x373 of 4 bytes its protocol's version.
MODULES_ONLINE: Final = (
    count("modules_online", 0, Kind.U16),
    count("modules_blocking_charge", 2, Kind.U16),
    count("modules_blocking_discharge", 4, Kind.U16),
    count("modules_offline", 6, Kind.U16),
)

# VIC, YAM, and in traffic of a Pylontech stack.
CELLS: Final = (
    cell_voltage("cell_voltage_min", 0),
    cell_voltage("cell_voltage_max", 2),
    kelvin("cell_temperature_min", 4),
    kelvin("cell_temperature_max", 6),
)

# VIC, BYD
ENERGY: Final = (energy("charged_kwh", 0), energy("discharged_kwh", 4))

# VIC, SOL, LUX
CAPACITY: Final = (capacity("installed_ah", 0),)

# VIC, YAM: as the battery numbers its cells.
CELL_IDS: Final = {
    0x374: Text(attribute="cell_voltage_min_id"),
    0x375: Text(attribute="cell_voltage_max_id"),
    0x376: Text(attribute="cell_temperature_min_id"),
    0x377: Text(attribute="cell_temperature_max_id"),
}


def unused(start: int) -> Number:
    """Return a field of 16 bits that holds SMA's code for "not available"."""
    return Number(attribute="unused", start=start, blank=0xFFFF)


PLAIN: Final[dict[int, tuple[Field, ...]]] = {
    0x351: LIMITS,
    0x361: DEYE_CELLS,
    0x364: DEYE_MODULES,
    **{can_id: (field,) for can_id, field in CELL_IDS.items()},
    0x378: ENERGY,
    0x379: CAPACITY,
    0x380: (SERIAL_1,),
    0x381: (SERIAL_2,),
    0x382: (Text(attribute="family"),),
}
"""Frames with one meaning, whichever device sends them."""

WHOLE: Final[dict[int, tuple[Field, ...]]] = {0x373: CELLS}
"""Frames with one meaning at 8 bytes, and others when shorter."""

SILENT_IDS: Final = frozenset({0x35B})
"""Battery frames without usable values: events, 0 in practice (SMA)."""

BATTERY_IDS: Final = (
    frozenset({0x354, 0x355, 0x356, 0x359, 0x35A, 0x35C, 0x35E, 0x35F, 0x360, 0x363})
    | frozenset({0x370, 0x371, 0x372})
    | PLAIN.keys()
    | WHOLE.keys()
    | SILENT_IDS
)
"""The IDs that only a battery sends; the inverter's 0x305 is not among them."""
