"""0x359: Pylontech's bits, both ways, and Deye's tables."""

from collections.abc import Set as AbstractSet

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm
from custom_components.bms_gateway.engine.protocol.alarms.flags import (
    Flags,
    decode_bits,
    decode_deye,
    encode_bits,
)

# Pylontech CAN-bus protocol 1.2: (byte, bit) of the protection; the warning is two
# bytes further on.
PYLONTECH = {
    (0, 1): Alarm.OVER_VOLTAGE,
    (0, 2): Alarm.UNDER_VOLTAGE,
    (0, 3): Alarm.OVER_TEMPERATURE,
    (0, 4): Alarm.UNDER_TEMPERATURE,
    (0, 7): Alarm.DISCHARGE_CURRENT,
    (1, 0): Alarm.CHARGE_CURRENT,
    (1, 3): Alarm.INTERNAL,
}

# Deye PCS V3.3, some of its tables' entries: (byte, bit).
DEYE_PROTECTIONS = {
    (0, 0): Alarm.OVER_VOLTAGE,
    (0, 1): Alarm.UNDER_VOLTAGE,
    (0, 3): Alarm.UNDER_VOLTAGE,
    (0, 4): Alarm.CHARGE_CURRENT,
    (0, 5): Alarm.DISCHARGE_CURRENT,
    (0, 6): Alarm.CHARGE_OVER_TEMPERATURE,
    (0, 7): Alarm.CHARGE_UNDER_TEMPERATURE,
    (1, 0): Alarm.OVER_TEMPERATURE,
    (1, 2): Alarm.IMBALANCE,
    (1, 6): Alarm.DISCHARGE_CURRENT,
    (2, 0): Alarm.UNDER_VOLTAGE,
    (2, 1): Alarm.OVER_VOLTAGE,
    (2, 4): Alarm.SHORT_CIRCUIT,
    (2, 7): Alarm.SHORT_CIRCUIT,
    (3, 0): Alarm.INTERNAL,
    (3, 3): Alarm.CONTACTOR,
    (6, 1): Alarm.CONTACTOR,  # precharge failed
    (6, 4): Alarm.CONTACTOR,
    (6, 7): Alarm.GENERAL,
}


def flags_of(
    protections: AbstractSet[Alarm] | None, warnings: AbstractSet[Alarm] | None
) -> Flags:
    """Return flags of any kind of sets."""
    return Flags(
        None if protections is None else frozenset(protections),
        None if warnings is None else frozenset(warnings),
    )


def bit(byte: int, number: int, length: int = 8) -> bytes:
    """Return a frame with one bit set."""
    return (1 << 8 * byte + number).to_bytes(length, "little")


@pytest.mark.parametrize(("place", "alarm"), PYLONTECH.items())
def test_each_bit_is_its_alarm_both_ways(place: tuple[int, int], alarm: Alarm) -> None:
    """As protection and as warning."""
    byte, number = place
    protection, warning = bit(byte, number)[:4], bit(byte + 2, number)[:4]
    assert decode_bits(protection) == flags_of({alarm}, frozenset())
    assert decode_bits(warning) == flags_of(frozenset(), {alarm})
    assert encode_bits({alarm}) == protection
    assert encode_bits(frozenset(), {alarm}) == warning


@given(st.integers(0, 15))
def test_an_undefined_bit_is_not_dropped(number: int) -> None:
    """Every bit raises an alarm; the last one is the emulators' system error."""
    flags = decode_bits(bit(0, number))
    known = PYLONTECH | {(1, 7): Alarm.INTERNAL}
    assert flags.protections == frozenset({known.get(divmod(number, 8), Alarm.OTHER)})
    assert decode_bits(bit(2, number)).warnings == flags.protections


@given(st.sampled_from(list(Alarm)))
def test_an_alarm_without_a_bit_is_sent_as_another(alarm: Alarm) -> None:
    """No alarm is dropped, and none becomes two."""
    sent = decode_bits(encode_bits({alarm}, {alarm}))
    assert sent.protections is not None
    assert len(sent.protections) == 1
    assert sent.warnings == sent.protections


def test_charge_temperatures_are_sent_as_temperatures() -> None:
    """The nearest bit, and the system error only if there is none."""
    assert encode_bits({Alarm.CHARGE_OVER_TEMPERATURE}) == bit(0, 3)[:4]
    assert encode_bits({Alarm.CHARGE_UNDER_TEMPERATURE}) == bit(0, 4)[:4]
    assert encode_bits({Alarm.SHORT_CIRCUIT}, {Alarm.OTHER}) == b"\x00\x08\x00\x08"


@pytest.mark.parametrize(
    ("data", "protections", "warnings"),
    [
        (b"", None, None),
        (b"\x00", None, None),
        (b"\x02", {Alarm.OVER_VOLTAGE}, None),
        (b"\x00\x00", frozenset(), None),
        (b"\x00\x00\x00", frozenset(), None),
        (b"\x00\x00\x80", frozenset(), {Alarm.DISCHARGE_CURRENT}),
        (b"\x00\x00\x00\x00", frozenset(), frozenset()),
    ],
)
def test_a_short_frame_never_means_no_alarm(
    data: bytes, protections: set[Alarm] | None, warnings: set[Alarm] | None
) -> None:
    """Raised alarms count; missing bytes are unknown, not "no alarm"."""
    assert decode_bits(data) == flags_of(protections, warnings)


@pytest.mark.parametrize(("place", "alarm"), DEYE_PROTECTIONS.items())
def test_deye_faults_are_protections(place: tuple[int, int], alarm: Alarm) -> None:
    """Deye's tables 1 to 4 and 7."""
    assert decode_deye(bit(*place)) == flags_of({alarm}, frozenset())


@pytest.mark.parametrize(
    ("place", "alarm"),
    [
        ((4, 0), Alarm.OVER_VOLTAGE),
        ((4, 7), Alarm.CHARGE_UNDER_TEMPERATURE),
        ((5, 1), Alarm.UNDER_TEMPERATURE),
        ((5, 6), Alarm.INTERNAL),
        ((5, 7), Alarm.INTERNAL),
    ],
)
def test_deye_warnings_are_warnings(place: tuple[int, int], alarm: Alarm) -> None:
    """Tables 5 and 6 are the warnings of 1 and 2."""
    assert decode_deye(bit(*place)) == flags_of(frozenset(), {alarm})


def test_every_bit_of_the_deye_tables_raises_an_alarm() -> None:
    """The seven tables; the eighth byte holds none."""
    for number in range(7 * 8):
        protections, warnings = decode_deye(bit(0, number))
        assert len(protections or ()) + len(warnings or ()) == 1
    assert decode_deye(bit(7, 0)) == flags_of(frozenset(), frozenset())


def test_a_short_deye_frame_never_means_no_alarm() -> None:
    """Protections are in byte 6, too."""
    assert decode_deye(bytes(6)) == flags_of(None, frozenset())
    assert decode_deye(b"\x01") == flags_of({Alarm.OVER_VOLTAGE}, None)
    assert decode_deye(b"") == flags_of(None, None)
