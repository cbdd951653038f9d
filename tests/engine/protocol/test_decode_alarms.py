"""Decoding of alarms: 0x359 and the pairs of 0x35A."""

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Dialect, Frame

from .decoding import NO_ALARM, decoded_by, values


def test_pylontech_alarms_are_decoded() -> None:
    """Cell over-voltage tripped, high temperature warning, five modules."""
    assert values(0x359, "0200080005504E00") == {
        "protections": frozenset({Alarm.OVER_VOLTAGE}),
        "warnings": frozenset({Alarm.OVER_TEMPERATURE}),
        "modules": 5,
        "flag_bytes": b"\x02\x00\x08\x00",
    }


def test_raw_flags_keep_undocumented_bits() -> None:
    """They are OR-ed for receivers of the bytes."""
    decoded = values(0x359, "0110000005504E00")
    assert decoded["flag_bytes"] == b"\x01\x10\x00\x00"
    assert decoded["protections"] == frozenset({Alarm.OTHER})


@pytest.mark.parametrize("dialect", [None, *Dialect])
def test_the_tag_overrules_the_dialect(dialect: Dialect | None) -> None:
    """`PN` means Pylontech's table, also while a Deye changes its profile."""
    decoded = values(0x359, "0200000005504E", dialect)
    assert decoded["protections"] == frozenset({Alarm.OVER_VOLTAGE})
    assert decoded["modules"] == 5


def test_deye_alarms_are_decoded() -> None:
    """Table 1 bit 1 is under-voltage, where Pylontech has over-voltage."""
    assert values(0x359, "0200000080000000", Dialect.DEYE) == {
        "protections": frozenset({Alarm.UNDER_VOLTAGE}),
        "warnings": frozenset({Alarm.CHARGE_UNDER_TEMPERATURE}),
        "flag_bytes": b"\x04\x00\x10\x00",
    }
    assert "protections" not in values(0x359, "00000000", Dialect.DEYE)


def test_alarms_without_a_tag_wait_for_the_dialect() -> None:
    """Until the dialect is settled they yield nothing: they may be a Deye's."""
    assert values(0x359, "0200000005000000", None) == {}
    assert values(0x359, "0200000005555A", None)["protections"] == frozenset(
        {Alarm.OVER_VOLTAGE}
    )
    decoded = values(0x359, "0200000005000000", Dialect.UNKNOWN)
    assert decoded["protections"] == frozenset({Alarm.OVER_VOLTAGE})
    assert decoded["flag_bytes"] == b"\x02\x00\x00\x00"


@pytest.mark.parametrize(
    ("data", "dialect", "modules"),
    [
        ("0000000003000000", Dialect.UNKNOWN, 3),  # a home-made end
        ("0000000003000000", Dialect.VICTRON, 3),  # Dyness, beside 0x35A
        ("00000000055055", Dialect.PYLONTECH, 5),  # by the name `PYLON`
        ("0000000005555A", Dialect.UNKNOWN, 5),  # SRNE
        ("0000000005180100", Dialect.UNKNOWN, None),  # LuxPower: 280 Ah
        ("0000000005000000", Dialect.DEYE, None),  # a table of warnings
        ("0000000000504E00", Dialect.PYLONTECH, None),  # none at all: padding
    ],
)
def test_the_module_count_needs_no_tag(
    data: str, dialect: Dialect, modules: int | None
) -> None:
    """Byte 4 is the count for all but Deye and LuxPower."""
    assert values(0x359, data, dialect).get("modules") == modules


def test_alarms_of_a_short_frame_are_pylontechs() -> None:
    """Too short for a tag means Pylontech; missing bytes are not "no alarm"."""
    assert values(0x359, "0000000003") == {
        "protections": NO_ALARM,
        "warnings": NO_ALARM,
        "modules": 3,
        "flag_bytes": bytes(4),
    }
    assert values(0x359, "0000") == {"protections": NO_ALARM}
    assert values(0x359, "00") == {}


def test_pairs_are_decoded_as_changes() -> None:
    """0x35A has no values of its own: `Pairs` keeps the state."""
    decoded = decoded_by(
        Frame(0x35A, bytes.fromhex("A6AAAA02AAAAAA02")), Dialect.VICTRON
    )
    assert decoded.values == {}
    assert decoded.pairs is not None
    assert decoded.pairs.raised == {1}
    assert 0 in decoded.pairs.cleared
