"""Who talks on a bus, recognised from recorded traffic."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.heard import Ear, Finding, Heard, HeardBattery
from custom_components.bms_gateway.engine.model import Dialect, Frame, PortFault
from custom_components.bms_gateway.engine.protocol import Neighbour

from .protocol.captures import (
    DEYE,
    DEYE_AS_VICTRON,
    STACK,
    STACK_AND_INVERTER,
    frames as frames_of,
)

# A stack of five modules, PYLON, 80 % and 52.91 V (0x14AB x 0.01), by captures.STACK
PYLON = HeardBattery(
    name="PYLON", dialect=Dialect.PYLONTECH, modules=5, soc=80.0, voltage=52.91
)
ERROR = Frame(0x88, bytes(8), error=True)


def _heard(*frames: Frame) -> Heard:
    ear = Ear()
    for frame in frames:
        ear.hear(frame)
    return ear.heard(max((frame.at for frame in frames), default=0.0))


def test_battery() -> None:
    """With what a user recognises it by."""
    heard = _heard(*frames_of(STACK))
    assert heard == Heard(battery=PYLON)
    assert heard.finding is Finding.BATTERY
    assert (heard.frames, heard.error_frames) == (7, 0)


def test_battery_and_inverter() -> None:
    """They talk to each other already."""
    heard = _heard(*frames_of(STACK_AND_INVERTER))
    assert heard.battery
    assert (heard.battery.soc, heard.battery.voltage) == (81.0, 52.86)
    assert heard.finding is Finding.BOTH


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
    assert _heard(request_) == Heard(inverter=True)
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
    assert Heard(fault=PortFault.LINK_DOWN, battery=PYLON).finding is Finding.FAULT


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
