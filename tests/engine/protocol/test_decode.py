"""Decoding: real traffic value by value, and arbitrary bytes."""

from math import isfinite

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Dialect, Frame, Readings
from custom_components.bms_gateway.engine.protocol import (
    NO_MARKS,
    NOTHING,
    decode,
    marks_after,
    recognise,
)
from custom_components.bms_gateway.engine.protocol.deye import DIAGNOSTICS
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
from .decoding import NO_ALARM, decoded_by, values

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
    # Bytes 4 to 7 are padding, here and in 0x356
    0x355: {"soc": 80.0, "soh": 100.0, "remaining_count": None},
    0x356: {"voltage": 52.91, "current": -80.1, "temperature": 20.4, "cycles": None},
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
    0x355: {"soc": 81.0, "soh": 100.0, "remaining_count": None},
    0x356: {"voltage": 52.86, "current": -94.6, "temperature": 21.0, "cycles": None},
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
    0x35C: STACK_VALUES[0x35C] | {"heating_request": False},
    0x35E: {"name": "DY001", "candidate_ah": 230.0},
    0x361: {
        "cell_voltage_max": 3.345,
        "cell_voltage_min": 3.335,
        "cell_temperature_max": 25.0,
        "cell_temperature_min": 24.0,
    },
    0x363: {"firmware": "F0.05"},  # as 0x35F below
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
    0x355: DEYE_VALUES[0x355] | {"remaining_count": None},
    0x356: DEYE_VALUES[0x356] | {"cycles": None},  # sent: +0.8 A
    0x35A: {},
    0x35E: {"name": "PYLON"},  # followed by binary
    0x35F: {"identity_ah": 2300.0, "version": "F0.05"},  # in truth 230 Ah
}


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
    # The first recording begins with a single mark of Deye: unknown until the second
    [(DEYE_TO_VICTRON, [None, None, 0.8]), (VICTRON_TO_DEYE, [0.4, None, 0.2])],
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
    "firmware",
    "identity_ah",
    "remaining_count",
    "cell_voltage_min_number",
    "cell_voltage_max_number",
    "cell_temperature_min_number",
    "cell_temperature_max_number",
    "product_1",
    "product_2",
    "serial_1",
    "serial_2",
}

bytes_of_a_frame = st.binary(max_size=8)

dialects = st.one_of(st.none(), st.sampled_from(list(Dialect)))

can_ids = st.one_of(
    st.sampled_from(sorted(BATTERY_IDS | DIAGNOSTICS.keys())),
    st.integers(0, 0x7FF),
    st.integers(0, 2**29),
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
    own = BATTERY_IDS | (DIAGNOSTICS.keys() if dialect is Dialect.DEYE else set())
    if extended or can_id not in own:
        assert decoded == NOTHING


@given(st.sampled_from(sorted(BATTERY_IDS)), bytes_of_a_frame, dialects)
@example(0x374, b" !", None)
def test_a_truncated_frame_yields_fewer_values_and_no_others(
    can_id: int, data: bytes, dialect: Dialect | None
) -> None:
    """Each value as in the whole frame, or unknown: never 0 or "none" instead."""
    # A tail decides: tags, text or numbers, hundredths of SOC, version of a table; and
    # 0x372 has another meaning with 4 bytes
    if can_id in {0x355, 0x359, 0x35E, 0x370, 0x371, 0x372}:
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
