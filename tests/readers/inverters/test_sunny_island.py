"""Sunny Island: windows, codes, the fine SOC, and alarms that end on a 2 only."""

import pytest

from custom_components.bms_gateway.engine.model import Alarm, Frame

from ...engine.protocol.captures import STACK, frames
from . import sunny_island
from .sunny_island import TIMEOUT, State

# 0x351: CVL 56.3 V, CCL 50 A, DCL 100 A, DVL 46.9 V
LIMITS = bytes.fromhex("3302F401E803D501")
# 0x355: 80 %, 100 %, 80.25 %, not used
CHARGE = bytes.fromhex("50006400591FFFFF")
# 0x356: 52.91 V, -80.1 A, temperature not available
MEASURED = bytes.fromhex("AB14DFFC0080FFFF")
# 0x35A: over-voltage (byte 0, pair 1) and internal (byte 2, pair 3) raised
RAISED = bytes.fromhex("0400400000000000")
# 0x35A as a warning: over-voltage (byte 4, pair 1)
WARNING = bytes.fromhex("AAAAAAAAA6AAAAAA")
ENDED = bytes.fromhex("AAAAAAAAAAAAAAAA")


def read(*sent: Frame, state: State | None = None) -> State:
    """Return the state after some frames."""
    state = state or State()
    for frame in sent:
        state = sunny_island.on_frame(state, frame)
    return state


RUNNING = read(
    Frame(0x351, LIMITS),
    Frame(0x355, CHARGE),
    Frame(0x356, MEASURED),
    Frame(0x35A, ENDED),
    Frame(0x35E, b"BMS-GW\0\0"),
    Frame(0x35F, bytes.fromhex("00000000C800FFFF")),  # 200 Ah @4
)


def test_a_set_of_its_own_is_read() -> None:
    """Every value of it."""
    believed = sunny_island.believed(RUNNING, 0.0)
    assert believed.is_alive and believed.charge_allowed and believed.discharge_allowed
    assert (believed.cvl, believed.ccl, believed.dcl) == (56.3, 50.0, 100.0)
    assert (believed.dvl, believed.soc, believed.soh) == (46.9, 80.25, 100.0)
    assert (believed.voltage, believed.current) == (52.91, -80.1)
    assert believed.temperature is None
    assert (believed.product, believed.capacity) == ("BMS-GW", 200.0)
    assert not believed.objections


def test_a_pylontech_stack_is_empty_and_not_allowed() -> None:
    """Zeros where it expects the fine SOC; 0x359, 0x35C and 0x373 have no business."""
    believed = sunny_island.believed(read(*frames(STACK)), 0.5)
    assert believed.soc == 0.0
    assert believed.alarms is None
    assert believed.objections == {"IDs not allowed: 0x359, 0x35C, 0x373"}


@pytest.mark.parametrize(
    ("data", "soc"),
    [
        ("50006400", 0.0),  # four bytes: the fine SOC is read all the same
        ("500064000000", 0.0),
        ("50006400FFFF", 80.0),  # not available
        ("50006400591F", 80.25),
        ("500064001127", 80.25),  # 100.01 %: outside, the last good one
    ],
)
def test_fine_soc_is_preferred(data: str, soc: float) -> None:
    """Bytes 4 and 5, in 0.01 %."""
    sent = Frame(0x355, bytes.fromhex(data))
    assert read(sent, state=RUNNING).soc == soc


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        ("99012F00E803D501", (56.3, 4.7, 100.0, 46.9)),  # CVL 40.9 V: below 41
        ("7702F401E803D501", (56.3, 50.0, 100.0, 46.9)),  # CVL 63.1 V: above 63
        ("3302FFFFE803D501", (56.3, 50.0, 100.0, 46.9)),  # CCL -0.1 A
        ("3302F401E12ED501", (56.3, 50.0, 100.0, 46.9)),  # DCL 1200.1 A
        ("3302F401E8030000", (56.3, 50.0, 100.0, 46.9)),  # DVL 0
        ("3302F401E803E101", (56.3, 50.0, 100.0, 46.9)),  # DVL 48.1 V: above 48
    ],
)
def test_limit_outside_its_window_is_dropped_silently(
    data: str, limits: tuple[float, float, float, float]
) -> None:
    """The last good one stays, each for itself."""
    state = read(Frame(0x351, bytes.fromhex(data)), state=RUNNING)
    assert (state.cvl, state.ccl, state.dcl, state.dvl) == limits


def test_limits_not_available_are_the_defaults() -> None:
    """0xFFFF and 0x8000: 54 V, 0 A, 0 A, 42 V."""
    state = read(Frame(0x351, bytes.fromhex("FFFF00800080FFFF")), state=RUNNING)
    assert (state.cvl, state.ccl, state.dcl, state.dvl) == (54.0, 0.0, 0.0, 42.0)


def test_alarm_stops_it_until_an_explicit_2() -> None:
    """Neither 0 nor 3 ends it, nor does one of two."""
    raised = read(Frame(0x35A, RAISED), state=RUNNING)
    assert raised.alarms == frozenset({Alarm.OVER_VOLTAGE, Alarm.INTERNAL})
    for data in (bytes(8), b"\xff" * 8, bytes.fromhex("0800000000000000")):
        state = read(Frame(0x35A, data), state=raised)
        assert not sunny_island.believed(state, 0.0).charge_allowed
        assert not sunny_island.believed(state, 0.0).discharge_allowed
    ended = read(Frame(0x35A, ENDED), state=raised)
    assert sunny_island.believed(ended, 0.0).charge_allowed


def test_warning_stops_nothing() -> None:
    """It is only logged."""
    state = read(Frame(0x35A, WARNING), state=RUNNING)
    assert state.warnings == frozenset({Alarm.OVER_VOLTAGE})
    assert sunny_island.believed(state, 0.0).charge_allowed


@pytest.mark.parametrize("still_sent", [0x351, 0x355])
def test_either_frame_gone_for_60_seconds_stops_it(still_sent: int) -> None:
    """Without limits the defaults apply, too."""
    data = {0x351: LIMITS, 0x355: CHARGE}[still_sent]
    state = read(Frame(still_sent, data, TIMEOUT + 1), state=RUNNING)
    assert sunny_island.believed(state, TIMEOUT).is_alive
    gone = sunny_island.believed(state, TIMEOUT + 1)
    assert not (gone.is_alive or gone.charge_allowed or gone.discharge_allowed)
    assert gone.ccl == (50.0 if still_sent == 0x351 else 0.0)
