"""Decoding: real traffic value by value, and arbitrary bytes."""

from math import isfinite

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import (
    Alarm,
    Dialect,
    Frame,
    Readings,
    RejectedValue,
)
from custom_components.bms_gateway.engine.protocol import (
    NO_MARKS,
    NOTHING,
    Decoded,
    agreed_capacity,
    decode,
    joined,
    marks_after,
    recognise,
)
from custom_components.bms_gateway.engine.protocol.frames import BATTERY_IDS
from custom_components.bms_gateway.engine.protocol.number import Value

from .captures import (
    DEYE,
    DEYE_AS_VICTRON,
    DEYE_TO_VICTRON,
    STACK,
    STACK_AND_INVERTER,
    VICTRON_TO_DEYE,
    frames,
)

NO_ALARM: frozenset[Alarm] = frozenset()

STACK_VALUES: dict[int, dict[str, Value]] = {
    0x359: {
        "protections": NO_ALARM,
        "warnings": NO_ALARM,
        "modules": 5,
        "flag_bytes": bytes(4),
    },
    0x351: {
        "charge_voltage_limit": 56.3,  # 0x0233
        "charge_current_limit": 922.5,  # 0x2409
        "discharge_current_limit": 922.5,
        "discharge_voltage_limit": 46.9,  # 0x01D5
    },
    0x355: {"soc": 80.0, "soh": 100.0},  # bytes 4 and 5 are padding
    0x356: {"voltage": 52.91, "current": -80.1, "temperature": 20.4},
    0x35C: {
        "charge_enabled": True,
        "discharge_enabled": True,
        "force_charge": False,
        "force_charge_2": False,
        "full_charge": False,
    },
    0x35E: {"name": "PYLON"},
    0x373: {
        "cell_voltage_min": 3.288,
        "cell_voltage_max": 3.313,
        "cell_temperature_min": 17.0,  # 0x0122 = 290 K
        "cell_temperature_max": 25.0,  # 0x012A = 298 K
    },
}

STACK_AND_INVERTER_VALUES: dict[int, dict[str, Value]] = {
    0x359: STACK_VALUES[0x359],
    0x351: STACK_VALUES[0x351],
    0x355: {"soc": 81.0, "soh": 100.0},
    0x356: {"voltage": 52.86, "current": -94.6, "temperature": 21.0},
    0x305: {},
    0x35C: STACK_VALUES[0x35C],
    0x35E: STACK_VALUES[0x35E],
}

DEYE_VALUES: dict[int, dict[str, Value]] = {
    0x351: {
        "charge_voltage_limit": 58.4,
        "charge_current_limit": 0.0,
        "discharge_current_limit": 230.0,
        "discharge_voltage_limit": 48.0,
    },
    0x355: {"soc": 100.0, "soh": 100.0},
    0x356: {"voltage": 53.3, "current": 0.8, "temperature": 24.0},  # sent: -0.8 A
    0x359: {"protections": NO_ALARM, "warnings": NO_ALARM, "flag_bytes": bytes(4)},
    0x35C: STACK_VALUES[0x35C],
    0x35E: {"name": "DY001", "candidate_ah": 230.0},
    0x361: {
        "cell_voltage_max": 3.345,
        "cell_voltage_min": 3.335,
        "cell_temperature_max": 25.0,
        "cell_temperature_min": 24.0,
    },
    0x363: {},
    0x364: {
        "modules_online": 1,
        "modules_blocking_charge": 0,
        "modules_blocking_discharge": 0,
        "modules_offline": 0,
        "modules": 1,
    },
    0x371: {
        "on_grid_charge_current_limit": 0.0,
        "on_grid_discharge_current_limit": 230.0,
    },
}

DEYE_AS_VICTRON_VALUES: dict[int, dict[str, Value]] = {
    0x351: DEYE_VALUES[0x351] | {"charge_current_limit": 10.0},
    0x355: DEYE_VALUES[0x355],
    0x356: DEYE_VALUES[0x356] | {"cycles": None},  # sent: +0.8 A
    0x35A: {},
    0x35E: {"name": "PYLON"},  # followed by binary
    0x35F: {"identity_ah": 2300.0, "version": "F0.05"},  # in truth 230 Ah
}


def values(
    can_id: int, data: str | bytes, dialect: Dialect | None = Dialect.PYLONTECH
) -> dict[str, Value]:
    """Return the values of one frame; dialect None: not settled."""
    raw = bytes.fromhex(data) if isinstance(data, str) else data
    return dict(decoded_by(Frame(can_id, raw), dialect).values)


def decoded_by(frame: Frame, dialect: Dialect | None) -> Decoded:
    """Decode by a dialect; None: not settled."""
    return decode(frame, dialect or Dialect.UNKNOWN, settled=dialect is not None)


@pytest.mark.parametrize(
    ("dump", "dialect", "expected"),
    [
        (STACK, Dialect.PYLONTECH, STACK_VALUES),
        (STACK_AND_INVERTER, Dialect.PYLONTECH, STACK_AND_INVERTER_VALUES),
        (DEYE, Dialect.DEYE, DEYE_VALUES),
        (DEYE_AS_VICTRON, Dialect.VICTRON, DEYE_AS_VICTRON_VALUES),
    ],
)
def test_real_traffic_decodes_to_the_known_values(
    dump: str, dialect: Dialect, expected: dict[int, dict[str, Value]]
) -> None:
    """Every value of every frame, and no others."""
    captured = list(frames(dump))
    assert {f.can_id: dict(decoded_by(f, dialect).values) for f in captured} == expected
    assert not any(decoded_by(f, dialect).invalid for f in captured)


@pytest.mark.parametrize(
    ("dump", "expected"),
    [(DEYE_TO_VICTRON, [0.7, None, 0.8]), (VICTRON_TO_DEYE, [0.4, None, 0.2])],
)
def test_a_change_of_profile_never_reverses_the_current(
    dump: str, expected: list[float | None]
) -> None:
    """The pack was charged all the time: the current is positive or unknown."""
    marks, currents = NO_MARKS, []
    for frame in frames(dump):
        marks = marks_after(marks, frame)
        dialect, settled = recognise(marks, frame.at)
        decoded = decode(frame, dialect, settled)
        if frame.can_id == 0x356:
            currents.append(decoded.values["current"])
    assert currents == expected


@pytest.mark.parametrize("can_id", sorted(BATTERY_IDS | {0x305}))
@pytest.mark.parametrize("kind", ["extended", "remote", "error"])
def test_frames_other_than_11_bit_data_yield_nothing(can_id: int, kind: str) -> None:
    """The payload may be valid: inverters ignore it, too."""
    data = next((f.data for f in frames(STACK) if f.can_id == can_id), b"\x55" * 8)
    flags = {kind: True}
    assert decoded_by(Frame(can_id, data, **flags), Dialect.PYLONTECH) == NOTHING


# --- Any bytes -----------------------------------------------------------------------

WINDOWS: dict[str, tuple[float, float]] = {
    "charge_voltage_limit": (40, 65),
    "discharge_voltage_limit": (32, 54.4),
    "charge_current_limit": (0, 3276.7),
    "discharge_current_limit": (0, 3276.7),
    "on_grid_charge_current_limit": (0, 3276.7),
    "on_grid_discharge_current_limit": (0, 3276.7),
    "soc": (0, 100),
    "soh": (0, 100),
    "voltage": (30, 65),
    "current": (-3276.7, 3276.7),
    "temperature": (-40, 100),
    "cell_temperature_min": (-40, 100),
    "cell_temperature_max": (-40, 100),
    "cell_voltage_min": (0.5, 5),
    "cell_voltage_max": (0.5, 5),
}

READINGS = set(Readings.__dataclass_fields__)
SPACING = {
    "candidate_ah",
    "identity_ah",
    "product_1",
    "product_2",
    "serial_1",
    "serial_2",
}

bytes_of_a_frame = st.binary(max_size=8)
dialects = st.one_of(st.none(), st.sampled_from(list(Dialect)))
can_ids = st.one_of(
    st.sampled_from(sorted(BATTERY_IDS)), st.integers(0, 0x7FF), st.integers(0, 2**29)
)


@given(can_ids, bytes_of_a_frame, dialects, st.booleans())
@example(0x35E, b"\xff\xfe\x80", Dialect.DEYE, False)
@example(0x351, b"\x00\x80\x00\x80\x00\x80\x00\x80", Dialect.PYLONTECH, False)
def test_any_bytes_give_values_in_their_windows(
    can_id: int, data: bytes, dialect: Dialect | None, extended: bool
) -> None:
    """Never an exception, never a value that a 48 V battery cannot have."""
    decoded = decoded_by(Frame(can_id, data, extended=extended), dialect)
    assert decoded.values.keys() <= READINGS | SPACING
    for name, value in decoded.values.items():
        if isinstance(value, float):
            low, high = WINDOWS.get(name, (0, 2**32))
            assert isfinite(value)
            assert low <= value <= high
        if isinstance(value, str):
            assert value.isascii()
            assert value.isprintable()
    if extended or can_id not in BATTERY_IDS:
        assert decoded == NOTHING


@given(st.sampled_from(sorted(BATTERY_IDS)), bytes_of_a_frame, dialects)
@example(0x374, b" !", None)
def test_a_truncated_frame_yields_fewer_values_and_no_others(
    can_id: int, data: bytes, dialect: Dialect | None
) -> None:
    """Each value as in the whole frame, or unknown: never 0 or "none" instead."""
    # A tail decides: tags, text or numbers, hundredths of SOC, version of a table
    if can_id in {0x355, 0x359, 0x35E, 0x370, 0x371}:
        return
    whole = values(can_id, data, dialect)
    for length in range(len(data)):
        part = values(can_id, data[:length], dialect)
        for name, value in part.items():
            if isinstance(value, str | None) and isinstance(whole[name], str):
                assert str(whole[name]).startswith(value or "")  # blanks are no text
            elif not isinstance(value, str):
                assert value == whole[name]


@pytest.mark.parametrize("can_id", sorted(BATTERY_IDS))
def test_an_empty_frame_yields_nothing(can_id: int) -> None:
    """DLC 0 of each."""
    for dialect in Dialect:
        assert values(can_id, b"", dialect) == {}


# --- 0x351 ---------------------------------------------------------------------------


def test_short_limit_frames_leave_the_rest_unknown() -> None:
    """Six bytes have no DVL, two only CVL."""
    assert values(0x351, "330209240924").keys() == {
        "charge_voltage_limit",
        "charge_current_limit",
        "discharge_current_limit",
    }
    assert values(0x351, "3302") == {"charge_voltage_limit": 56.3}
    assert values(0x351, "33020924D5") == {
        "charge_voltage_limit": 56.3,
        "charge_current_limit": 922.5,
    }


def test_a_negative_discharge_limit_is_a_magnitude() -> None:
    """Some emulators send DCL negative: 0xFF9C is -10.0 A. Less than 1 A is noise."""
    assert values(0x351, "330264009CFF")["discharge_current_limit"] == 10.0
    assert values(0x351, "33026400F6FF")["discharge_current_limit"] == 1.0
    assert values(0x351, "33026400F7FF")["discharge_current_limit"] == 0.0


@pytest.mark.parametrize(
    ("data", "invalid"),
    [
        ("FFFF00800080FFFF", False),  # SMA's codes
        ("FFFFFFFFFFFFFFFF", False),
        ("20010080FFFF0000", True),  # 28.8 V: a pack of 24 V
        ("00000080FFFF0000", True),  # CVL 0 makes some inverters dump the pack
    ],
)
def test_unavailable_limits_are_none(data: str, invalid: bool) -> None:
    """Received but unknown is None; it is invalid only if it is not a code."""
    decoded = decoded_by(Frame(0x351, bytes.fromhex(data)), Dialect.PYLONTECH)
    assert set(decoded.values.values()) == {None}
    assert len(decoded.values) == 4
    assert decoded.invalid is invalid


def test_a_rejected_value_comes_with_its_window() -> None:
    """65.6 V is 0x0290: it does not count, as if unknown, but it can be shown."""
    decoded = decoded_by(Frame(0x351, bytes.fromhex("9002C800F401")), Dialect.PYLONTECH)
    assert decoded.values == {
        "charge_voltage_limit": None,
        "charge_current_limit": 20.0,
        "discharge_current_limit": 50.0,
    }
    assert decoded.rejected == (
        RejectedValue("charge_voltage_limit", 65.6, 40.0, 65.0),
    )


# --- 0x355, 0x356 --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "soc"),
    [
        ("5000640040 1F", 80.0),
        ("500064004A1F", 80.1),
        ("50006400A41F", 81.0),  # 1.00 away
        ("50006400A51F", 80.0),  # 1.01 away
        ("500064000000", 80.0),  # padding
        ("5000640001", 80.0),
        ("50006400E80C", 80.0),  # LuxPower: 3304 mV
        ("50006400FFFF", 80.0),
        ("000064003200", 0.5),
        ("000064000000", 0.0),
        ("010064000000", 1.0),  # 0 is within 1 of it, and still padding
        ("640064001A27", 100.0),  # 100.10 does not exist
        ("64006400AC26", 99.0),
    ],
)
def test_hundredths_of_soc_count_only_if_they_refine(data: str, soc: float) -> None:
    """Packs put 0, cell voltages and other values there."""
    assert values(0x355, data)["soc"] == soc


@pytest.mark.parametrize(("raw", "soc"), [(101, 100.0), (140, 100.0), (150, 100.0)])
def test_a_soc_above_100_reads_as_full(raw: int, soc: float) -> None:
    """101 and 140 % come from the field: a battery's limits count, not its counter."""
    data = raw.to_bytes(2, "little") + b"\x64\0"
    decoded = decoded_by(Frame(0x355, data), Dialect.PYLONTECH)
    assert decoded.values == {"soc": soc, "soh": 100.0}
    assert not decoded.invalid


def test_soc_and_soh_outside_their_window_are_rejected() -> None:
    """More than 150 % is implausible; 0xFFFF is a code."""
    decoded = decoded_by(Frame(0x355, bytes.fromhex("9700FFFF")), Dialect.PYLONTECH)
    assert decoded.values == {"soc": None, "soh": None}
    assert decoded.invalid
    assert values(0x355, "50") == {}
    assert values(0x355, "500064") == {"soc": 80.0}


@pytest.mark.parametrize(
    ("raw", "voltage", "invalid"),
    [
        (5291, 52.91, False),
        (529, 52.9, False),  # in 0.1 V
        (300, 30.0, False),
        (3000, 30.0, False),
        (6500, 65.0, False),
        (650, 65.0, False),
        (0, None, True),
        (2640, None, True),  # 26.4 V, a pack of 24 V, or 264 V
        (-5291, None, True),
        (-32768, None, False),
    ],
)
def test_the_voltage_scale_is_chosen_by_plausibility(
    raw: int, voltage: float | None, invalid: bool
) -> None:
    """0.01 V; 0.1 V only if nothing else is plausible."""
    data = raw.to_bytes(2, "little", signed=True) + bytes(4)
    decoded = decoded_by(Frame(0x356, data), Dialect.PYLONTECH)
    assert decoded.values["voltage"] == voltage
    assert decoded.invalid is invalid


@pytest.mark.parametrize(
    ("raw", "rejected"),
    [
        (1320, 13.2),
        (132, 13.2),  # in 0.1 V
        (2640, 26.4),
        (264, 26.4),
        (799, 79.9),  # no pack has 7.99 V
        (800, 8.0),
        (6600, 66.0),
        (0, 0.0),
    ],
)
def test_a_rejected_voltage_is_scaled_to_a_possible_pack(
    raw: int, rejected: float
) -> None:
    """The user is shown a voltage that a pack can have, if there is one."""
    data = raw.to_bytes(2, "little", signed=True) + bytes(4)
    decoded = decoded_by(Frame(0x356, data), Dialect.PYLONTECH)
    assert decoded.rejected == (RejectedValue("voltage", rejected, 30.0, 65.0),)


@pytest.mark.parametrize(
    ("dialect", "current"),
    [
        (Dialect.PYLONTECH, -80.1),
        (Dialect.VICTRON, -80.1),
        (Dialect.UNKNOWN, -80.1),
        (Dialect.DEYE, 80.1),
        (None, None),
    ],
)
def test_the_current_sign_follows_the_dialect(
    dialect: Dialect | None, current: float | None
) -> None:
    """Charge is positive, except in Deye's own dialect; unsettled it is unknown."""
    assert values(0x356, "AB14DFFCCC00", dialect)["current"] == current
    assert values(0x356, "AB14", dialect) == {"voltage": 52.91}
    assert values(0x356, "AB140080", dialect)["current"] is None


def test_a_deye_at_rest_has_no_negative_zero() -> None:
    """It would be shown as -0.0 A."""
    assert str(values(0x356, "AB140000CC00", Dialect.DEYE)["current"]) == "0.0"


@pytest.mark.parametrize(
    ("raw", "temperature"),
    [("0080", None), ("24FA", None), ("70FE", -40.0), ("6FFE", None), ("E803", 100.0)],
)
def test_temperatures_of_missing_sensors_are_unknown(
    raw: str, temperature: float | None
) -> None:
    """-150 °C is a missing sensor, like SMA's code."""
    assert values(0x356, "AB140000" + raw)["temperature"] == temperature


def test_cycles_are_read_from_victron_only() -> None:
    """LuxPower has a temperature there, Pylontech padding."""
    assert "cycles" not in values(0x356, "AB140000CC003000")
    assert values(0x356, "AB140000CC003000", Dialect.VICTRON)["cycles"] == 48


# --- 0x359 ---------------------------------------------------------------------------


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


# --- 0x35C and what follows ----------------------------------------------------------


@pytest.mark.parametrize(
    ("byte", "names"),
    [
        ("80", {"charge_enabled"}),
        ("40", {"discharge_enabled"}),
        ("20", {"force_charge"}),
        ("10", {"force_charge_2"}),
        ("08", {"full_charge"}),
        ("07", set()),
    ],
)
def test_requests_and_enables_are_decoded(byte: str, names: set[str]) -> None:
    """One bit each; the lower ones are heating (Deye), or nothing."""
    decoded = values(0x35C, byte)
    assert {name for name, value in decoded.items() if value} == names
    assert len(decoded) == 5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"PYTES", "PYTES"),
        (b"BYD     ", "BYD"),
        (b"PYLON\xff\xfe\x80", "PYLON"),
        (b"DY0012\x00\x10", "DY001"),  # cell maker 0x32 would be a "2"
        (b"DYNESS  ", "DYNESS"),
        (bytes(8), None),
    ],
)
def test_names_end_at_the_first_unprintable_byte(data: bytes, name: str | None) -> None:
    """Byte by byte."""
    assert values(0x35E, data)["name"] == name


def test_0x354_is_a_capacity_only_with_a_known_dialect() -> None:
    """Discover's; LG's 0x354 is something else, and LG shows no mark at all."""
    data = "6400320000000000"
    for dialect in (Dialect.PYLONTECH, Dialect.VICTRON):
        assert values(0x354, data, dialect) == {
            "installed_ah": 100.0,
            "remaining_ah": 50.0,
        }
    for other in (Dialect.UNKNOWN, Dialect.DEYE, None):
        assert values(0x354, data, other) == {}


@pytest.mark.parametrize(
    ("candidate", "known", "agreed"),
    [
        (230.0, 230.0, 230.0),
        (115.0, 230.0, 115.0),
        (460.0, 230.0, 460.0),
        (2300.0, 230.0, None),
        (114.0, 230.0, None),
        (None, 230.0, None),
        (230.0, None, None),
    ],
)
def test_a_capacity_counts_if_it_agrees(
    candidate: float | None, known: float | None, agreed: float | None
) -> None:
    """Within a factor of 2 of a known one: some batteries send 0.1 Ah."""
    assert agreed_capacity(candidate, known) == agreed


def test_a_charge_request_is_decoded() -> None:
    """0xFF requests, 0 does not, anything else is unknown."""
    assert values(0x360, "FF") == {"charge_request": True}
    assert values(0x360, "0000000000000000") == {"charge_request": False}
    assert values(0x360, "01") == {"charge_request": None}


# --- 0x370 to 0x382 ------------------------------------------------------------------

TEXT = b"BYD Batt"
NUMBERS = "FA00E600110D070D"  # 25.0 °C, 23.0 °C, 3345 mV, 3335 mV


def test_0x370_is_text_or_numbers() -> None:
    """Victron's name, Pylon V2's cells; nothing from a Deye, nor while unsettled."""
    for dialect in (Dialect.PYLONTECH, Dialect.VICTRON, Dialect.UNKNOWN):
        assert values(0x370, TEXT, dialect) == {"product_1": "BYD Batt"}
        assert values(0x370, NUMBERS, dialect) == {
            "cell_temperature_max": 25.0,
            "cell_temperature_min": 23.0,
            "cell_voltage_max": 3.345,
            "cell_voltage_min": 3.335,
        }
    assert values(0x370, NUMBERS, None) == {}
    assert values(0x370, NUMBERS, Dialect.DEYE) == {}
    assert values(0x370, NUMBERS[:12]) == {}


def test_0x370_is_read_in_the_other_order_too() -> None:
    """Cells first, then temperatures in 0.1 K, as a bridge for EPEver sends them."""
    # 3345 mV, 3335 mV, 298.0 K, 296.0 K
    assert values(0x370, "110D070DA40B900B") == {
        "cell_voltage_max": 3.345,
        "cell_voltage_min": 3.335,
        "cell_temperature_max": 25.0,
        "cell_temperature_min": 23.0,
    }
    # 60.0 °C, 55.0 °C, 3345 mV: neither order may be taken for the other
    assert values(0x370, "58022602110D070D")["cell_temperature_max"] == 60.0


@pytest.mark.parametrize("data", [bytes(8), b"A" + bytes(7), b"\xff" * 8])
def test_0x370_without_cells_is_ignored(data: bytes) -> None:
    """Padding is not 0.0 °C."""
    assert values(0x370, data) == {}


def test_0x371_is_text_limits_or_ids() -> None:
    """By the dialect first: a Deye's limits may happen to be printable."""
    assert values(0x371, b"ery\0\0\0\0\0", Dialect.VICTRON) == {"product_2": "ery"}
    assert values(0x371, "0100020003000400") == {}
    assert values(0x371, b"ABCDEFGH", Dialect.DEYE) == {
        "on_grid_charge_current_limit": 1696.1,
        "on_grid_discharge_current_limit": 1747.5,
    }


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ("BYD Batt", "ery", "BYD Battery"),
        ("My bank ", "of two", "My bank of two"),
        ("PYLON   ", None, "PYLON"),
        (None, "ery", None),
        (None, None, None),
    ],
)
def test_texts_in_two_frames_are_joined(
    first: str | None, second: str | None, text: str | None
) -> None:
    """Blanks between the halves stay."""
    assert joined(first, second) == text


@pytest.mark.parametrize("can_id", [0x372, 0x373])
def test_frames_with_another_meaning_when_shorter_are_ignored(can_id: int) -> None:
    """Discover's 0x372 of four bytes is its firmware."""
    assert values(can_id, "D80CF10C") == {}
    assert values(can_id, "D80CF10C220129") == {}


def test_module_counts_are_decoded() -> None:
    """Pytes (AndreasBoehm/PytesCANProtocol): 2 on line, 1 and 1 block, 2 off line."""
    assert values(0x372, "0200010001000200", Dialect.VICTRON) == {
        "modules_online": 2,
        "modules_blocking_charge": 1,
        "modules_blocking_discharge": 1,
        "modules_offline": 2,
    }


def test_cells_without_a_sensor_are_unknown() -> None:
    """0 K and 0 mV mean that they are not sent."""
    decoded = decoded_by(
        Frame(0x373, bytes.fromhex("D80CF10C00000000")), Dialect.VICTRON
    )
    assert decoded.values["cell_temperature_min"] is None
    assert decoded.values["cell_voltage_min"] == 3.288
    assert not decoded.invalid
    # 0.1 °C, as some readers have it, is not taken for kelvin
    assert values(0x373, "D80CF10CCC00CC00")["cell_temperature_min"] is None


@pytest.mark.parametrize(
    ("can_id", "name"),
    [
        (0x374, "cell_voltage_min_id"),
        (0x375, "cell_voltage_max_id"),
        (0x376, "cell_temperature_min_id"),
        (0x377, "cell_temperature_max_id"),
        (0x380, "serial_1"),
        (0x381, "serial_2"),
        (0x382, "family"),
    ],
)
def test_texts_are_decoded(can_id: int, name: str) -> None:
    """Pytes sends `0800` as the id of its lowest cell."""
    assert values(can_id, "3038303000000000", Dialect.VICTRON) == {name: "0800"}


def test_energy_and_capacity_are_decoded() -> None:
    """Pytes: 211.2 kWh charged, 183.5 kWh discharged, 100 Ah in a frame of two bytes."""
    assert values(0x378, "400800002B070000", Dialect.VICTRON) == {
        "charged_kwh": 211.2,
        "discharged_kwh": 183.5,
    }
    assert values(0x379, "6400", Dialect.VICTRON) == {"installed_ah": 100.0}
    assert values(0x379, "0000", Dialect.VICTRON) == {"installed_ah": None}


@pytest.mark.parametrize("can_id", [0x35B, 0x363])
def test_frames_without_usable_values_are_battery_frames(can_id: int) -> None:
    """They show that the battery sends, no more."""
    assert values(can_id, b"\x55" * 8, Dialect.DEYE) == {}
