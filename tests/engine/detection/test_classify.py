"""Classification of recorded traffic: battery, inverter or another protocol."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.detection.classify import (
    Classifier,
    DetectedBattery,
    Finding,
    ScanResult,
)
from custom_components.bms_gateway.engine.model import (
    Dialect,
    Frame,
    Neighbour,
    PortFault,
)

from ..protocol.captures import (
    DEYE,
    DEYE_AS_VICTRON,
    STACK,
    STACK_AND_INVERTER,
    frames as frames_of,
)

# A stack of five modules, PYLON, 80 % and 52.91 V (0x14AB x 0.01), by captures.STACK
PYLON = DetectedBattery(
    name="PYLON",
    dialect=Dialect.PYLONTECH,
    modules=5,
    soc=80.0,
    voltage=52.91,
    nominal=48,
)
ERROR = Frame(0x88, bytes(8), error=True)

# An emulator's telegram, with 0x305 as one of its own frames: CVL 56.0 V, CCL 20 A,
# DCL 50 A, DVL 48.0 V; 75 %; 52.80 V, 0 A, 21.0 °C; PYLON; no alarm, 1 module
EMULATOR = """
(0.00) can0 351#3002C800F401E001
(0.02) can0 355#4B006400
(0.04) can0 356#A0140000D200
(0.06) can0 35E#50594C4F4E202020
(0.08) can0 35C#C000
(0.10) can0 305#2100000000000000
(0.12) can0 359#0000000001504E
"""
# The same with other voltages; 0x0290 is 65.6 V, 0x0092 is 14.6 V, 0x0528 is 13.20 V
TOO_HIGH = EMULATOR.replace("3002C800", "9002C800")
TWELVE_VOLTS = EMULATOR.replace("3002C800F401E001", "9200C800F4016400").replace(
    "A0140000", "28050000"
)


def _classified(*frames: Frame) -> ScanResult:
    classifier = Classifier()
    for frame in frames:
        classifier.on_frame(frame)
    return classifier.result(max((frame.at for frame in frames), default=0.0))


def _repeated(capture: str, times: int) -> list[Frame]:
    return [frame for n in range(times) for frame in frames_of(capture, start=float(n))]


def test_a_battery_is_detected() -> None:
    """With the values by which a user recognises it."""
    result = _classified(*frames_of(STACK))
    assert result == ScanResult(battery=PYLON)
    assert result.finding is Finding.BATTERY
    assert (result.frames, result.error_frames) == (7, 0)


def test_battery_and_inverter_are_both_detected() -> None:
    """They already communicate."""
    result = _classified(*frames_of(STACK_AND_INVERTER))
    assert result.battery
    assert (result.battery.soc, result.battery.voltage) == (81.0, 52.86)
    assert result.finding is Finding.BOTH


@pytest.mark.parametrize("telegrams", [1, 2, 6])
def test_a_battery_that_sends_0x305_is_no_inverter(telegrams: int) -> None:
    """The frame has its place in the battery's telegram."""
    result = _classified(*_repeated(EMULATOR, telegrams))
    assert result.finding is Finding.BATTERY
    assert not result.inverter
    assert result.battery
    assert result.battery.sends_requests


def test_a_battery_is_no_inverter_from_any_first_frame() -> None:
    """A scan begins within a telegram."""
    result = _repeated(EMULATOR, 4)
    for first in range(7):
        assert _classified(*result[first:]).finding is Finding.BATTERY


def test_battery_and_inverter_stay_detected() -> None:
    """The same recorded second repeatedly."""
    result = _classified(*_repeated(STACK_AND_INVERTER, 6))
    assert result.finding is Finding.BOTH
    assert result.battery
    assert not result.battery.sends_requests


def test_a_battery_with_rejected_values_is_reported() -> None:
    """With those values, and clear enough to stop the scan."""
    result = _classified(*_repeated(TOO_HIGH, 2))
    assert result.finding is Finding.REFUSED
    assert result.battery
    assert result.battery.rejected == (("charge_voltage_limit", 65.6, 40.0, 65.0),)
    assert result.battery.nominal is None
    assert result.is_clear


def test_a_battery_of_another_voltage_is_recognised() -> None:
    """With its nominal voltage and its values, by two telegrams."""
    result = _classified(*_repeated(TWELVE_VOLTS, 2))
    assert result.finding is Finding.BATTERY
    assert result.battery
    assert (result.battery.nominal, result.battery.voltage) == (12, 13.2)
    assert result.battery.rejected == ()
    assert result.is_clear


def test_a_false_voltage_changes_a_scan_only_for_a_moment() -> None:
    """A scan does not wait until it is certain."""
    false_one = frames_of(TWELVE_VOLTS, start=2.0)
    result = _classified(*_repeated(EMULATOR, 2), *false_one)
    assert result.battery
    assert result.battery.nominal == 12
    result = _classified(
        *_repeated(EMULATOR, 2), *false_one, *frames_of(EMULATOR, start=3.0)
    )
    assert result.battery
    assert result.battery.nominal == 48


def test_battery_and_inverter_take_precedence_over_rejected_values() -> None:
    """Their cables come first."""
    late = Frame(0x305, bytes(8), 0.5)
    assert _classified(*frames_of(TOO_HIGH), late, late).finding is Finding.BOTH


def test_one_false_sample_does_not_reject_a_battery() -> None:
    """By a false sample."""
    once = [*frames_of(TOO_HIGH), *frames_of(EMULATOR, start=1.0)]
    assert _classified(*once).finding is Finding.BATTERY


@pytest.mark.parametrize(
    ("capture", "dialect"),
    [(DEYE, Dialect.DEYE), (DEYE_AS_VICTRON, Dialect.PYLONTECH)],
)
def test_the_dialect_is_recognised(capture: str, dialect: Dialect) -> None:
    """As for decoding."""
    result = _classified(*frames_of(capture))
    assert result.battery
    assert result.battery.soc == 100.0
    assert result.battery.dialect in {dialect, Dialect.VICTRON}
    assert (result.battery.dialect is Dialect.DEYE) == (dialect is Dialect.DEYE)


def test_the_reported_capacity_is_detected() -> None:
    """0x379, u16 in Ah: 0x0118 is 280."""
    result = _classified(*frames_of(STACK), Frame(0x379, b"\x18\x01"))
    assert result.battery
    assert result.battery.capacity_ah == 280.0


@pytest.mark.parametrize(
    "request_", [Frame(0x305, bytes(8)), Frame(0x305, b"\1", extended=True)]
)
def test_an_inverter_is_detected(request_: Frame) -> None:
    """With any content of its 0x305."""
    assert _classified(request_) == ScanResult(inverter=True)
    assert _classified(request_).finding is Finding.INVERTER


@pytest.mark.parametrize(
    ("frame", "neighbour"),
    [
        (Frame(0x311, bytes(8)), Neighbour.GROWATT),
        (Frame(0x4200, bytes(8), extended=True), Neighbour.PYLONTECH_HV),
    ],
)
def test_another_protocol_is_named(frame: Frame, neighbour: Neighbour) -> None:
    """So that a user knows why it cannot work."""
    result = _classified(frame, Frame(0x123))
    assert result.neighbours == {neighbour}
    assert result.finding is Finding.NEIGHBOUR


def test_neighbours_of_a_battery_are_its_own() -> None:
    """A Deye's diagnostics use the IDs of Pytes and GoodWe."""
    result = _classified(*frames_of(DEYE), Frame(0x400, bytes(8)))
    assert result.neighbours == frozenset()
    assert result.finding is Finding.BATTERY


@pytest.mark.parametrize(
    "frame", [Frame(0x123), Frame(0x35E, b"PYLON"), Frame(0x123, extended=True)]
)
def test_other_traffic_is_no_battery(frame: Frame) -> None:
    """Without the frames of every battery, on 11 bits."""
    assert _classified(frame).finding is Finding.OTHER


def test_errors_count_only_without_frames() -> None:
    """Otherwise the frames decide."""
    assert _classified().finding is Finding.SILENCE
    assert _classified(ERROR).finding is Finding.ERRORS
    assert _classified(ERROR, *frames_of(STACK)).finding is Finding.BATTERY
    assert ScanResult(fault=PortFault.LINK_DOWN, battery=PYLON).finding is Finding.FAULT


def test_counts_alone_change_no_result() -> None:
    """A form is sent changes, not each frame."""
    assert _classified(ERROR) == _classified(ERROR, ERROR)


@given(
    st.lists(
        st.builds(
            Frame,
            st.integers(0, 0x7FF) | st.sampled_from([0x351, 0x355, 0x356, 0x359]),
            st.binary(max_size=8),
            st.floats(0, 100),
            st.booleans(),
            st.booleans(),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_any_frames_have_a_result(frames: list[Frame]) -> None:
    """In any order."""
    result = _classified(*frames)
    assert (result.finding is Finding.SILENCE) == (not frames)
