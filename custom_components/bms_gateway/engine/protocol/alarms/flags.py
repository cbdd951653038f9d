"""Alarms on the wire: the bits of 0x359, the pairs of 0x35A, Deye's tables in 0x359."""

from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from ...model import Alarm

NONE: Final[frozenset[Alarm]] = frozenset()


class Flags(NamedTuple):
    """Protections and warnings; None: not all of them were sent, and none was raised."""

    protections: frozenset[Alarm] | None
    warnings: frozenset[Alarm] | None


# 0x359 as a 16-bit word, protections in bytes 0 and 1, warnings in 2 and 3
# (Pylontech CAN-bus protocol 1.2, 2018-04-08; bit 1 as its 2017 revision has it).
# LG RESU has the very same places. Bit 15 is the system error of emulators
# (ArminJo/JK-BMSToPylontechCAN, Battery-Emulator); it is read only.
_BITS: Final = {
    1: Alarm.OVER_VOLTAGE,
    2: Alarm.UNDER_VOLTAGE,
    3: Alarm.OVER_TEMPERATURE,
    4: Alarm.UNDER_TEMPERATURE,
    7: Alarm.DISCHARGE_CURRENT,
    8: Alarm.CHARGE_CURRENT,
    11: Alarm.INTERNAL,
    15: Alarm.INTERNAL,
}

_SYSTEM_ERROR: Final = 1 << 11

# An alarm without a bit in 0x359 is sent as the nearest one: nothing raised is dropped.
_NEAREST: Final = {alarm: 1 << bit for bit, alarm in _BITS.items()} | {
    Alarm.INTERNAL: _SYSTEM_ERROR,
    Alarm.CHARGE_OVER_TEMPERATURE: 1 << 3,
    Alarm.CHARGE_UNDER_TEMPERATURE: 1 << 4,
}


def decode_bits(data: bytes) -> Flags:
    """Read Pylontech's 0x359: a half means "none" only with both of its bytes."""
    return Flags(_half(data[0:2]), _half(data[2:4]))


def encode_bits(
    protections: AbstractSet[Alarm], warnings: AbstractSet[Alarm] = NONE
) -> bytes:
    """Return bytes 0 to 3 of a Pylontech's 0x359."""
    return b"".join(_word(alarms) for alarms in (protections, warnings))


def _word(alarms: AbstractSet[Alarm]) -> bytes:
    word = 0
    for alarm in alarms:
        word |= _NEAREST.get(alarm, _SYSTEM_ERROR)
    return word.to_bytes(2, "little")


def _half(data: bytes) -> frozenset[Alarm] | None:
    word = int.from_bytes(data, "little")
    alarms = frozenset(
        _BITS.get(bit, Alarm.OTHER) for bit in range(16) if word >> bit & 1
    )
    return alarms if alarms or len(data) == 2 else None


# Deye PCS CAN-bus protocol, low voltage, V3.3: byte n of its 0x359 is table n + 1,
# bit 0 first. A pack's parts share one alarm: cell and module, MOS and heater.
_DEYE_CURRENT_AND_CELLS: Final = (
    Alarm.OVER_VOLTAGE,  # cell
    Alarm.UNDER_VOLTAGE,
    Alarm.OVER_VOLTAGE,  # module
    Alarm.UNDER_VOLTAGE,
    Alarm.CHARGE_CURRENT,
    Alarm.DISCHARGE_CURRENT,
    Alarm.CHARGE_OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE,
)
_DEYE_TABLES: Final = {
    0: _DEYE_CURRENT_AND_CELLS,
    1: (
        Alarm.OVER_TEMPERATURE,  # while discharging
        Alarm.UNDER_TEMPERATURE,
        Alarm.IMBALANCE,  # of voltages
        Alarm.IMBALANCE,  # of temperatures
        Alarm.OVER_TEMPERATURE,  # MOS
        Alarm.OVER_TEMPERATURE,  # heater
        Alarm.DISCHARGE_CURRENT,  # seen by the AFE, two stages
        Alarm.DISCHARGE_CURRENT,
    ),
    2: (
        Alarm.UNDER_VOLTAGE,  # AFE
        Alarm.OVER_VOLTAGE,
        Alarm.DISCHARGE_CURRENT,  # latched
        Alarm.CHARGE_CURRENT,
        Alarm.SHORT_CIRCUIT,
        Alarm.UNDER_TEMPERATURE,
        Alarm.OVER_TEMPERATURE,
        Alarm.SHORT_CIRCUIT,  # latched
    ),
    3: (
        Alarm.INTERNAL,  # AFE communication
        Alarm.INTERNAL,  # voltage sampling
        Alarm.INTERNAL,  # temperature sampling
        Alarm.CONTACTOR,  # MOS shorted: the path cannot be opened
        Alarm.INTERNAL,  # EEPROM
        Alarm.INTERNAL,  # internal communication
        Alarm.INTERNAL,  # communication with the inverter
        Alarm.INTERNAL,  # the same address twice
    ),
    4: _DEYE_CURRENT_AND_CELLS,
    5: (
        Alarm.OVER_TEMPERATURE,
        Alarm.UNDER_TEMPERATURE,
        Alarm.IMBALANCE,
        Alarm.IMBALANCE,
        Alarm.OVER_TEMPERATURE,
        Alarm.OVER_TEMPERATURE,
        Alarm.INTERNAL,  # heater MOS stuck
        Alarm.INTERNAL,  # heater
    ),
    6: (
        Alarm.OVER_TEMPERATURE,  # connector
        Alarm.CONTACTOR,  # precharge
        Alarm.INTERNAL,  # charger reversed
        Alarm.OVER_TEMPERATURE,  # terminal
        Alarm.CONTACTOR,  # fuse
        Alarm.INTERNAL,  # voltage wire open
        Alarm.INTERNAL,  # temperature wire open
        Alarm.GENERAL,  # charge voltage low
    ),
}
_DEYE_PROTECTIONS: Final = (0, 1, 2, 3, 6)
_DEYE_WARNINGS: Final = (4, 5)


def decode_deye(data: bytes) -> Flags:
    """Read Deye's 0x359: a half means "none" only with every one of its tables."""
    return Flags(_deye_half(data, _DEYE_PROTECTIONS), _deye_half(data, _DEYE_WARNINGS))


def encode_deye(protections: AbstractSet[Alarm], warnings: AbstractSet[Alarm]) -> bytes:
    """Return a Deye's 0x359: for each alarm the first bit that stands for it.

    An alarm without a bit is sent as an internal one; so is a general one, as the table
    knows it only as one certain fault (charge voltage low).
    """
    data = bytearray(8)
    for alarms, places in (
        (protections, _places(_DEYE_PROTECTIONS)),
        (warnings, _places(_DEYE_WARNINGS)),
    ):
        for alarm in alarms:
            is_named = alarm in places and alarm is not Alarm.GENERAL
            number, bit = places[alarm if is_named else Alarm.INTERNAL]
            data[number] |= 1 << bit
    return bytes(data)


def _places(numbers: tuple[int, ...]) -> dict[Alarm, tuple[int, int]]:
    """Return the first byte and bit of each alarm in some of Deye's tables."""
    found: dict[Alarm, tuple[int, int]] = {}
    for number in numbers:
        for bit, alarm in enumerate(_DEYE_TABLES[number]):
            found.setdefault(alarm, (number, bit))
    return found


def _deye_half(data: bytes, numbers: tuple[int, ...]) -> frozenset[Alarm] | None:
    alarms = frozenset(
        alarm
        for number in numbers
        if number < len(data)
        for bit, alarm in enumerate(_DEYE_TABLES[number])
        if data[number] >> bit & 1
    )
    return alarms if alarms or len(data) > max(numbers) else None
