"""Telegrams to inverters, byte by byte: never more than the limit."""

from dataclasses import replace
from math import inf, nan
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm, Dialect, Telegram
from custom_components.bms_gateway.engine.protocol import (
    NO_MARKS,
    decode,
    encode,
    marks_after,
    recognise,
)

from ...telegrams import RECORDED as TELEGRAM
from ..captures import STACK, frames

ORDER = [0x35E, 0x351, 0x355, 0x356, 0x35C, 0x359, 0x373]


def sent(telegram: Telegram, *, exact_dlc: bool = False) -> dict[int, bytes]:
    """Return the telegram's contents by ID."""
    return {f.can_id: f.data for f in encode(telegram, exact_dlc=exact_dlc)}


def read(telegram: Telegram) -> dict[str, object]:
    """Return the values that a receiver decodes."""
    values: dict[str, object] = {}
    for frame in encode(telegram):
        values |= decode(frame, Dialect.PYLONTECH, settled=True).values
    return values


def test_a_real_telegram_is_reproduced_byte_by_byte() -> None:
    """Padded, the very bytes of the stack; the harmless name first."""
    captured = {f.can_id: f.data for f in frames(STACK)}
    assert sent(TELEGRAM) == captured
    assert list(sent(TELEGRAM)) == ORDER


def test_exact_lengths_follow_the_document() -> None:
    """Pylontech's: 351 8, 355 4, 356 6, 359 7, 35C 2, 35E 8."""
    lengths = {
        can_id: len(data) for can_id, data in sent(TELEGRAM, exact_dlc=True).items()
    }
    assert lengths == {
        0x35E: 8,
        0x351: 8,
        0x355: 4,
        0x356: 6,
        0x359: 7,
        0x35C: 2,
        0x373: 8,
    }
    padded = sent(TELEGRAM)
    for can_id, data in sent(TELEGRAM, exact_dlc=True).items():
        assert padded[can_id] == data.ljust(8, b"\0")


@pytest.mark.parametrize("exact", [False, True])
def test_the_opening_is_the_name_alone(exact: bool) -> None:
    """The frame that may wait in a queue: it holds nothing that could become stale."""
    opening = encode(TELEGRAM, exact_dlc=exact, opening=True)
    assert [frame.can_id for frame in opening] == [0x35E]
    assert opening == encode(TELEGRAM, exact_dlc=exact)[:1]
    assert encode(replace(TELEGRAM, voltage=nan), opening=True) == ()


def test_a_telegram_is_recognised_as_pylontech() -> None:
    """By name and tag, so that its current is read with the right sign."""
    marks = NO_MARKS
    for frame in encode(replace(TELEGRAM, name="DY001")):
        marks = marks_after(marks, frame)
    assert recognise(marks, 0.0) == (Dialect.PYLONTECH, True)


# --- Limits --------------------------------------------------------------------------

currents = st.floats(0, 3276)
voltages = st.floats(40, 65)


@given(voltages, currents, currents)
def test_no_limit_is_ever_raised(cvl: float, ccl: float, dcl: float) -> None:
    """The decoded limit is at most the given one, and less than a count below it."""
    values = read(
        replace(
            TELEGRAM,
            charge_voltage_limit=cvl,
            charge_current_limit=ccl,
            discharge_current_limit=dcl,
        )
    )
    guard = 1e-7
    for name, limit in (
        ("charge_voltage_limit", cvl),
        ("charge_current_limit", ccl),
        ("discharge_current_limit", dcl),
    ):
        decoded = values[name]
        if decoded is None:  # CVL cut to below the window, at its very edge
            assert name == "charge_voltage_limit"
            continue
        assert isinstance(decoded, float)
        assert limit - 0.1 < decoded <= limit + guard


@given(st.integers(400, 650), st.integers(0, 0x7FFF))
def test_whole_counts_are_sent_unchanged(cvl: int, amps: int) -> None:
    """52.8 V is 528 counts, whatever 52.8 * 10 comes out as."""
    data = sent(
        replace(
            TELEGRAM, charge_voltage_limit=cvl / 10, discharge_current_limit=amps / 10
        )
    )[0x351]
    assert int.from_bytes(data[0:2], "little") == cvl
    assert int.from_bytes(data[4:6], "little") == amps


def test_limits_are_clamped_to_their_field() -> None:
    """Too much is 0x7FFF, below nothing is 0: never a negative or a code."""
    data = sent(
        replace(TELEGRAM, charge_current_limit=1e6, discharge_current_limit=-1.0)
    )
    assert data[0x351][2:6] == b"\xff\x7f\x00\x00"


def test_a_limit_out_of_the_window_is_not_moved_into_it() -> None:
    """Windows are for reading: 30 V must not become 40 V."""
    data = sent(replace(TELEGRAM, charge_voltage_limit=30.0))[0x351]
    assert int.from_bytes(data[0:2], "little") == 300


def test_a_discharge_voltage_limit_is_never_lowered() -> None:
    """The voltage must not fall below it."""
    data = sent(replace(TELEGRAM, discharge_voltage_limit=46.91))[0x351]
    assert int.from_bytes(data[6:8], "little") == 470


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize(
    "name",
    [
        "charge_voltage_limit",
        "charge_current_limit",
        "discharge_current_limit",
        "discharge_voltage_limit",
        "soc",
        "voltage",
    ],
)
def test_without_a_finite_required_value_nothing_is_sent(
    name: str, value: float
) -> None:
    """No telegram is better than a wrong one."""
    change: dict[str, Any] = {name: value}
    assert encode(replace(TELEGRAM, **change)) == ()


# --- Measurements --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("soc", "encoded"), [(99.6, 99), (100.0, 100), (0.4, 1), (0.0, 0), (49.5, 50)]
)
def test_soc_is_0_or_100_only_when_reached(soc: float, encoded: int) -> None:
    """Inverters act on full and empty."""
    assert sent(replace(TELEGRAM, soc=soc))[0x355][0:2] == encoded.to_bytes(2, "little")


@pytest.mark.parametrize(("soh", "encoded"), [(99.6, 99), (98.6, 99), (104.0, 100)])
def test_soh_is_100_only_when_reached(soh: float, encoded: int) -> None:
    """It is 100 % only if every battery's is."""
    assert sent(replace(TELEGRAM, soh=soh))[0x355][2:4] == encoded.to_bytes(2, "little")


def test_hundredths_of_soc_stay_blank() -> None:
    """A real stack sends 0 there, and a LuxPower reads a cell voltage."""
    assert sent(replace(TELEGRAM, soc=80.4))[0x355] == bytes.fromhex("5000640000000000")


@given(st.floats(40, 60), st.floats(-3000, 3000), st.floats(-40, 100))
def test_measurements_are_rounded(voltage: float, current: float, temp: float) -> None:
    """To the nearest count."""
    values = read(replace(TELEGRAM, voltage=voltage, current=current, temperature=temp))
    assert values["voltage"] == pytest.approx(voltage, abs=0.005001)
    assert values["current"] == pytest.approx(current, abs=0.050001)
    assert values["temperature"] == pytest.approx(temp, abs=0.050001)


@pytest.mark.parametrize("unknown", [None, nan])
def test_unknown_measurements_are_sent_as_harmless_values(
    unknown: float | None,
) -> None:
    """SMA's 0x8000 would be read as -3276.8 A and -3276.8 °C; SOH has no code either.

    200 counts are 20.0 °C.
    """
    telegram = replace(TELEGRAM, current=unknown, temperature=unknown, soh=unknown)
    assert sent(telegram)[0x356] == bytes.fromhex("AB140000C8000000")
    assert sent(telegram)[0x355] == bytes.fromhex("5000640000000000")


# --- Alarms, requests, the rest ------------------------------------------------------


def test_alarms_are_sent_with_the_tag() -> None:
    """Protections in bytes 0 and 1, warnings in 2 and 3, and always the tag."""
    data = sent(
        replace(
            TELEGRAM,
            protections=frozenset({Alarm.UNDER_VOLTAGE, Alarm.INTERNAL}),
            warnings=frozenset({Alarm.CHARGE_CURRENT, Alarm.IMBALANCE}),
        )
    )
    assert data[0x359] == bytes.fromhex("0408000905504E00")


@pytest.mark.parametrize(
    ("modules", "byte"), [(None, 1), (0, 1), (1, 1), (255, 255), (256, 255), (900, 255)]
)
def test_the_module_count_is_at_least_1(modules: int | None, byte: int) -> None:
    """At most 255; a battery that does not report any has at least one."""
    assert sent(replace(TELEGRAM, modules=modules))[0x359][4] == byte


@pytest.mark.parametrize("charge", [True, False])
@pytest.mark.parametrize("discharge", [True, False])
def test_enables_are_bits_7_and_6(charge: bool, discharge: bool) -> None:
    """Bits 7 and 6."""
    telegram = replace(TELEGRAM, charge_enabled=charge, discharge_enabled=discharge)
    assert sent(telegram)[0x35C] == bytes([charge << 7 | discharge << 6]) + bytes(7)


ASKING = replace(TELEGRAM, force_charge=True, force_charge_2=True, full_charge=True)


def test_charge_requests_are_bits_5_to_3() -> None:
    """Bits 5, 4 and 3."""
    assert sent(ASKING)[0x35C][0] == 0xF8


@given(st.floats(-10, 0.0999))
def test_no_charge_is_requested_while_none_is_allowed(limit: float) -> None:
    """With a limit that is sent as 0 A, or charging disabled, nothing is requested."""
    assert sent(replace(ASKING, charge_current_limit=limit))[0x35C][0] == 0xC0
    assert sent(replace(ASKING, charge_enabled=False))[0x35C][0] == 0x40


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        (None, b"PYLON\0\0\0"),
        ("BYD", b"PYLON\0\0\0"),
        ("DIYPYLON", b"PYLON\0\0\0"),
        ("PYLON-2", b"PYLON-2\0"),
        ("PYLONTECH", b"PYLONTEC"),
    ],
)
def test_the_name_begins_with_pylon(name: str | None, encoded: bytes) -> None:
    """A Deye rejects others."""
    assert sent(replace(TELEGRAM, name=name))[0x35E] == encoded


@pytest.mark.parametrize(
    "name",
    [
        "cell_voltage_min",
        "cell_voltage_max",
        "cell_temperature_min",
        "cell_temperature_max",
    ],
)
def test_cells_are_sent_only_when_all_are_known(name: str) -> None:
    """A 0 would be a cell at 0 V, or at -273 °C."""
    change: dict[str, Any] = {name: None}
    assert 0x373 not in sent(replace(TELEGRAM, **change))


def test_capacity_is_sent_where_known() -> None:
    """Sol-Ark and LuxPower read it."""
    assert 0x379 not in sent(TELEGRAM)
    data = sent(replace(TELEGRAM, capacity_ah=560.0))
    assert data[0x379] == bytes.fromhex("3002000000000000")
    assert list(data) == [*ORDER, 0x379]
