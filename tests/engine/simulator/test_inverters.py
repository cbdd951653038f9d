"""The simulated inverter.

Follows its limits with a lag, and has the faults of real ones.
"""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.engine.simulator.inverters import (
    Inverter,
    ReceivedLimits,
    SimulatedInverter,
    on_frame,
    wanted_current,
)

# Seed capture of a real stack, candump_stack.dump: 56.3 V, 922.5 A both ways, 46.9 V
REAL_LIMITS = bytes.fromhex("330209240924D501")

INVERTER = Inverter(rated_charge=60, rated_discharge=80, lag=2.0)
RECEIVED = ReceivedLimits(charge_voltage_limit=56.0, charge=30, discharge=40, at=0.0)


def _wanted(power: float, inverter: Inverter = INVERTER, **changes: object) -> float:
    received = replace(RECEIVED, **changes)  # type: ignore[arg-type]  # any field of ReceivedLimits
    return wanted_current(inverter, received, power, 50.0, 1.0)


def test_inverter_reads_the_limits_of_a_real_stack() -> None:
    """Little-endian: 0x0233 = 563, 0x2409 = 9225."""
    received = on_frame(INVERTER, ReceivedLimits(), Frame(0x351, REAL_LIMITS), 7.0)
    assert received.charge_voltage_limit == 56.3
    assert (received.charge, received.discharge) == (922.5, 922.5)
    assert received.at == 7.0


@pytest.mark.parametrize(
    ("byte", "charge", "discharge"),
    [(0xC0, True, True), (0x80, True, False), (0x40, False, True), (0, False, False)],
)
def test_inverter_reads_the_enables(byte: int, charge: bool, discharge: bool) -> None:
    """0x35C: bit 7 charge, bit 6 discharge."""
    received = on_frame(INVERTER, RECEIVED, Frame(0x35C, bytes([byte])), 0.0)
    assert (received.charge_enabled, received.discharge_enabled) == (charge, discharge)


@pytest.mark.parametrize(
    ("can_id", "data", "alarm"),
    [
        (0x359, "0000000005504E00", False),
        (0x359, "0200000005504E", True),
        (0x359, "0008000005504E", True),
        (0x359, "0000020805504E", False),  # warnings only
        (0x35A, "AAAAAAAAAAAAAAAA", False),
        (0x35A, "A9AAAAAAAAAAAAAA", True),
        (0x35A, "AAAAAAAAA9AAAAAA", False),  # warnings only
    ],
)
def test_inverter_reads_protections(can_id: int, data: str, alarm: bool) -> None:
    """Bytes 0-1 of 0x359, and the value 1 in bytes 0-3 of 0x35A."""
    assert (
        on_frame(INVERTER, RECEIVED, Frame(can_id, bytes.fromhex(data)), 0.0).alarm
        is alarm
    )


@given(st.integers(0, 0x7FF), st.binary(max_size=8))
def test_any_frame_is_accepted(can_id: int, data: bytes) -> None:
    """No frame is too short or too odd."""
    received = on_frame(INVERTER, RECEIVED, Frame(can_id, data), 0.0)
    assert received.charge >= 0
    assert received.discharge >= 0


def test_frames_of_another_kind_do_not_count() -> None:
    """29-bit, remote and error frames."""
    for frame in (
        Frame(0x351, REAL_LIMITS, extended=True),
        Frame(0x351, REAL_LIMITS, remote=True),
        Frame(0x351, REAL_LIMITS, error=True),
    ):
        assert on_frame(INVERTER, RECEIVED, frame, 0.0) is RECEIVED


@pytest.mark.parametrize(
    ("power", "current"),
    [(500.0, 10.0), (5000.0, 30.0), (-500.0, -10.0), (-5000.0, -40.0)],
)
def test_inverter_serves_the_house_within_the_limits(
    power: float, current: float
) -> None:
    """W over V, but no more than the limit it received."""
    assert _wanted(power) == current


def test_inverter_stays_within_its_own_rating() -> None:
    """Limits above its rating do not raise its current."""
    assert _wanted(9000, charge=500, discharge=500) == 60
    assert _wanted(-9000, charge=500, discharge=500) == -80


def test_a_cleared_enable_is_a_limit_of_0() -> None:
    """In its direction only."""
    assert _wanted(500, charge_enabled=False) == 0
    assert _wanted(-500, charge_enabled=False) == -10
    assert _wanted(-500, discharge_enabled=False) == 0
    assert _wanted(500, discharge_enabled=False) == 10


def test_without_telegrams_it_stops() -> None:
    """After its own time-out, and before the first one."""
    assert wanted_current(INVERTER, RECEIVED, 500, 50.0, 60.0) == 10
    assert wanted_current(INVERTER, RECEIVED, 500, 50.0, 60.1) == 0
    assert _wanted(500, at=None) == 0
    assert wanted_current(replace(INVERTER, timeout=3), RECEIVED, 500, 50.0, 3.1) == 0


def test_a_protection_stops_it_if_configured() -> None:
    """An SMA stands by on any alarm; others continue."""
    assert _wanted(500, alarm=True) == 0
    assert _wanted(500, replace(INVERTER, stops_on_alarm=False), alarm=True) == 10


def test_a_charge_voltage_limit_far_below_the_pack_makes_it_dump() -> None:
    """At full rating, whatever the limits are: the trap that no gateway may set."""
    assert _wanted(0, charge_voltage_limit=49.6) == 0
    assert _wanted(0, charge_voltage_limit=49.4, discharge=0) == -80
    tame = replace(INVERTER, dump_margin=None)
    assert _wanted(0, tame, charge_voltage_limit=0.0) == 0


def test_without_voltage_there_is_no_current() -> None:
    """Without a battery it does nothing."""
    assert wanted_current(INVERTER, RECEIVED, 500, 0.0, 1.0) == 0


def _run(
    inverter: SimulatedInverter, begin: float, end: float, power: float = -1000
) -> None:
    for k in range(round(begin * 10), round(end * 10)):
        inverter.step(k / 10, 0.1, power, 50.0)


@pytest.fixture
def inverter() -> SimulatedInverter:
    """Return an inverter rated 30 A and 40 A."""
    result = SimulatedInverter("one", INVERTER, lambda _: 0.0)
    result.received = RECEIVED
    return result


def test_inverter_follows_with_its_lag(inverter: SimulatedInverter) -> None:
    """63 % of the way after one time constant, all of it after many."""
    _run(inverter, 0, 2)
    assert inverter.current == pytest.approx(-20 * 0.63, abs=0.5)
    _run(inverter, 2, 20)
    assert inverter.current == pytest.approx(-20, abs=0.1)


def test_inverter_begins_after_its_dead_time() -> None:
    """Nothing for 5 s, then the lag."""
    inverter = SimulatedInverter("one", replace(INVERTER, dead_time=5.0), lambda _: 0.0)
    inverter.received = RECEIVED
    _run(inverter, 0, 4.9)
    assert inverter.current == 0
    _run(inverter, 4.9, 7)
    assert inverter.current == pytest.approx(-20 * 0.63, abs=0.8)
    _run(inverter, 7, 25)
    assert inverter.current == pytest.approx(-20, abs=0.1)


def test_inverter_holds_the_charge_voltage(inverter: SimulatedInverter) -> None:
    """At the charge voltage limit only the current that holds it flows, then less."""
    inverter.received = replace(RECEIVED, charge_voltage_limit=52.0, at=100.0)
    source, resistance = 51.8, 0.02
    voltage = source
    for k in range(1200):
        current = inverter.step(k / 10, 0.1, 5000, voltage)
        voltage = source + resistance * current
    assert voltage == pytest.approx(52.0, abs=0.01)
    assert inverter.current == pytest.approx(10.0, abs=0.5)


def test_inverter_sends_a_request_every_second(inverter: SimulatedInverter) -> None:
    """0x305, 8 zero bytes, 11-bit."""
    requests = [inverter.due(100 + k / 4) for k in range(9)]
    assert [len(frames) for frames in requests] == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert requests[0] == [Frame(0x305, bytes(8), 100.0)]


def test_an_inverter_may_send_no_requests() -> None:
    """Some never send 0x305."""
    silent = SimulatedInverter(
        "one", replace(INVERTER, sends_requests=False), lambda _: 0.0
    )
    assert silent.due(0) == []
    assert silent.due(5) == []
