"""Who talks on a bus, recognised from recorded traffic."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.detection.classify import (
    Classifier,
    DetectedBattery,
    Finding,
    ScanResult,
)
from custom_components.bms_gateway.engine.model import Dialect, Frame, PortFault
from custom_components.bms_gateway.engine.protocol import Neighbour

from ..protocol.captures import (
    DEYE,
    DEYE_AS_VICTRON,
    STACK,
    STACK_AND_INVERTER,
    frames as frames_of,
)

# A stack of five modules, PYLON, 80 % and 52.91 V (0x14AB x 0.01), by captures.STACK
PYLON = DetectedBattery(
    name="PYLON", dialect=Dialect.PYLONTECH, modules=5, soc=80.0, voltage=52.91
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


def _heard(*frames: Frame) -> ScanResult:
    ear = Classifier()
    for frame in frames:
        ear.on_frame(frame)
    return ear.result(max((frame.at for frame in frames), default=0.0))


def _repeated(capture: str, times: int) -> list[Frame]:
    return [frame for n in range(times) for frame in frames_of(capture, start=float(n))]


def test_battery() -> None:
    """With what a user recognises it by."""
    heard = _heard(*frames_of(STACK))
    assert heard == ScanResult(battery=PYLON)
    assert heard.finding is Finding.BATTERY
    assert (heard.frames, heard.error_frames) == (7, 0)


def test_battery_and_inverter() -> None:
    """They talk to each other already."""
    heard = _heard(*frames_of(STACK_AND_INVERTER))
    assert heard.battery
    assert (heard.battery.soc, heard.battery.voltage) == (81.0, 52.86)
    assert heard.finding is Finding.BOTH


@pytest.mark.parametrize("telegrams", [1, 2, 6])
def test_battery_that_sends_0x305_itself(telegrams: int) -> None:
    """It is no inverter: the frame has its place in the battery's telegram."""
    heard = _heard(*_repeated(EMULATOR, telegrams))
    assert heard.finding is Finding.BATTERY
    assert not heard.inverter
    assert heard.battery
    assert heard.battery.sends_requests


def test_battery_that_sends_0x305_itself_heard_from_anywhere() -> None:
    """Listening begins in the middle of a telegram."""
    heard = _repeated(EMULATOR, 4)
    for first in range(7):
        assert _heard(*heard[first:]).finding is Finding.BATTERY


def test_battery_and_inverter_for_a_while() -> None:
    """The same recorded second again and again."""
    heard = _heard(*_repeated(STACK_AND_INVERTER, 6))
    assert heard.finding is Finding.BOTH
    assert heard.battery
    assert not heard.battery.sends_requests


def test_battery_that_is_not_believed() -> None:
    """What it reports is told, and it is clear enough to stop listening."""
    heard = _heard(*_repeated(TOO_HIGH, 2))
    assert heard.finding is Finding.REFUSED
    assert heard.battery
    assert heard.battery.refused == (("charge_voltage_limit", 65.6, 40.0, 65.0),)
    assert heard.battery.nominal is None
    assert heard.is_clear


def test_battery_of_another_voltage() -> None:
    """Named as what it is."""
    heard = _heard(*_repeated(TWELVE_VOLTS, 2))
    assert heard.finding is Finding.REFUSED
    assert heard.battery
    assert heard.battery.nominal == 12
    assert [each.value for each in heard.battery.refused] == [14.6, 13.2]
    assert heard.is_clear


def test_battery_that_is_not_believed_and_an_inverter() -> None:
    """Their cables come first."""
    late = Frame(0x305, bytes(8), 0.5)
    assert _heard(*frames_of(TOO_HIGH), late, late).finding is Finding.BOTH


def test_battery_that_was_not_believed_once() -> None:
    """By a false sample."""
    once = [*frames_of(TOO_HIGH), *frames_of(EMULATOR, start=1.0)]
    assert _heard(*once).finding is Finding.BATTERY


@pytest.mark.parametrize(
    ("capture", "dialect"),
    [(DEYE, Dialect.DEYE), (DEYE_AS_VICTRON, Dialect.PYLONTECH)],
)
def test_dialect(capture: str, dialect: Dialect) -> None:
    """As the reader will take it."""
    heard = _heard(*frames_of(capture))
    assert heard.battery
    assert heard.battery.soc == 100.0
    assert heard.battery.dialect in {dialect, Dialect.VICTRON}
    assert (heard.battery.dialect is Dialect.DEYE) == (dialect is Dialect.DEYE)


def test_capacity_that_the_battery_tells() -> None:
    """0x379, u16 in Ah: 0x0118 is 280."""
    heard = _heard(*frames_of(STACK), Frame(0x379, b"\x18\x01"))
    assert heard.battery
    assert heard.battery.capacity_ah == 280.0


@pytest.mark.parametrize(
    "request_", [Frame(0x305, bytes(8)), Frame(0x305, b"\1", extended=True)]
)
def test_inverter(request_: Frame) -> None:
    """Whatever it puts into its 0x305."""
    assert _heard(request_) == ScanResult(inverter=True)
    assert _heard(request_).finding is Finding.INVERTER


@pytest.mark.parametrize(
    ("frame", "neighbour"),
    [
        (Frame(0x311, bytes(8)), Neighbour.GROWATT),
        (Frame(0x4200, bytes(8), extended=True), Neighbour.PYLONTECH_HV),
    ],
)
def test_neighbour(frame: Frame, neighbour: Neighbour) -> None:
    """Named, so that a user knows why it cannot work."""
    heard = _heard(frame, Frame(0x123))
    assert heard.neighbours == {neighbour}
    assert heard.finding is Finding.NEIGHBOUR


def test_neighbours_of_a_battery_are_its_own() -> None:
    """A Deye's diagnostics take the IDs of Pytes and GoodWe."""
    heard = _heard(*frames_of(DEYE), Frame(0x400, bytes(8)))
    assert heard.neighbours == frozenset()
    assert heard.finding is Finding.BATTERY


@pytest.mark.parametrize(
    "frame", [Frame(0x123), Frame(0x35E, b"PYLON"), Frame(0x351, extended=True)]
)
def test_other_traffic(frame: Frame) -> None:
    """No battery without what every battery sends, on 11 bits."""
    assert _heard(frame).finding is Finding.OTHER


def test_errors_and_silence() -> None:
    """Errors count only where nothing else is heard."""
    assert _heard().finding is Finding.SILENCE
    assert _heard(ERROR).finding is Finding.ERRORS
    assert _heard(ERROR, *frames_of(STACK)).finding is Finding.BATTERY
    assert ScanResult(fault=PortFault.LINK_DOWN, battery=PYLON).finding is Finding.FAULT


def test_counts_are_no_news() -> None:
    """A form is told what changes, not each frame."""
    assert _heard(ERROR) == _heard(ERROR, ERROR)


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
def test_any_frames(frames: list[Frame]) -> None:
    """Whatever comes, in whatever order, there is an answer."""
    heard = _heard(*frames)
    assert (heard.finding is Finding.SILENCE) == (not frames)
