"""The simulated battery: its telegrams decode to its true values."""

from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm, Dialect, Frame
from custom_components.bms_gateway.engine.protocol import POLL, decode
from custom_components.bms_gateway.engine.simulator import (
    Bms,
    Pack,
    SimulatedBattery,
    TelegramTiming,
)
from custom_components.bms_gateway.engine.simulator.physics import NO_PATH, Path, step

PACK = Pack(capacity_ah=280)
BMS = Bms(max_charge=140, max_discharge=200, modules=3)


def _battery(soc: float = 60.0, **timing: Any) -> SimulatedBattery:
    return SimulatedBattery("one", PACK, BMS, soc=soc, timing=TelegramTiming(**timing))


def _carry(battery: SimulatedBattery, current: float, seconds: float = 1.0) -> None:
    """Run a current through the battery alone."""
    _, states = step([PACK], [battery.cells], [battery.path], current, seconds)
    battery.take(states[0], seconds)


def _reported(frames: list[Frame]) -> dict[str, Any]:
    """Return all values of a telegram, by the names of `Readings`."""
    values: dict[str, Any] = {}
    for frame in frames:
        values |= decode(frame, Dialect.PYLONTECH, True).values
    return values


@pytest.mark.parametrize("exact_dlc", [False, True])
@given(soc=st.floats(1, 99), current=st.floats(-200, 140))
def test_telegrams_decode_to_the_values_of_the_battery(
    exact_dlc: bool, soc: float, current: float
) -> None:
    """Every value of the telegram, within the step of its field."""
    battery = _battery(soc, exact_dlc=exact_dlc)
    _carry(battery, current)
    telegram = battery.telegram()
    reported = _reported(battery.due(0.0))
    for name, step_of_field in {
        "charge_voltage_limit": 0.1,
        "charge_current_limit": 0.1,
        "discharge_current_limit": 0.1,
        "discharge_voltage_limit": 0.1,
        "soc": 1,
        "soh": 1,
        "voltage": 0.01,
        "current": 0.1,
        "temperature": 0.1,
        "cell_voltage_min": 0.001,
        "cell_voltage_max": 0.001,
        "cell_temperature_min": 1,
        "cell_temperature_max": 1,
    }.items():
        assert reported[name] == pytest.approx(
            getattr(telegram, name), abs=1.001 * step_of_field
        )
    for name in ("charge_enabled", "discharge_enabled", "modules", "name"):
        assert reported[name] == getattr(telegram, name)
    assert reported["installed_ah"] == 280
    assert reported["protections"] == telegram.protections
    assert reported["warnings"] == telegram.warnings


def test_battery_reports_its_current_with_its_sign() -> None:
    """Charging is positive on the wire too: 25.0 A is 250 = 0x00FA."""
    battery = _battery()
    _carry(battery, 25.0)
    measured = next(f for f in battery.due(0.0) if f.can_id == 0x356)
    assert measured.data[2:4] == bytes.fromhex("FA00")
    _carry(battery, -25.0)
    measured = next(f for f in battery.due(1.0) if f.can_id == 0x356)
    assert measured.data[2:4] == bytes.fromhex("06FF")


def test_battery_sends_at_its_own_phase_and_period() -> None:
    """From 0.4 s on, every 1.5 s, and once however late the call is."""
    battery = _battery(period=1.5, phase=0.4)
    times = [k / 10 for k in range(50) if battery.due(k / 10)]
    assert times == [0.4, 1.9, 3.4, 4.9]
    assert len(battery.due(60.0)) == len(_battery().due(0.0))
    assert not battery.due(60.1)


def test_frames_are_spaced_as_configured() -> None:
    """With a gap of 0.1 s a telegram takes its time, and each frame has its own."""
    battery = _battery(frame_gap=0.1)
    first = battery.due(0.0)
    assert [frame.at for frame in first] == [0.0]
    later = [frame for k in range(1, 9) for frame in battery.due(k / 10 + 0.001)]
    assert [round(frame.at, 3) for frame in later] == [
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
    ]


def test_a_silenced_battery_still_carries_current() -> None:
    """Its telegrams stop, also those that were due meanwhile; its current does not."""
    battery = _battery()
    battery.silent = True
    assert not battery.due(0.0)
    _carry(battery, 30.0)
    assert battery.cells.current == pytest.approx(30.0)
    battery.silent = False
    assert not battery.due(0.5)
    assert battery.due(1.0)


def test_battery_sends_only_while_polled_if_configured() -> None:
    """One 0x305 makes it send for its wake time; a 29-bit one does not."""
    battery = _battery(wake_time=3.0)
    assert not battery.due(0.0)
    battery.on_frame(replace(POLL, extended=True), 0.5)
    assert not battery.due(1.0)
    battery.on_frame(Frame(0x351, bytes(8)), 1.2)
    assert not battery.due(2.0)
    battery.on_frame(POLL, 2.5)
    assert battery.due(3.0)
    assert battery.due(5.0)
    assert not battery.due(6.0)


def test_a_protection_raised_by_hand_blocks_and_is_reported() -> None:
    """Until it is cleared by hand."""
    battery = _battery()
    battery.protections = frozenset({Alarm.OVER_VOLTAGE})
    assert battery.path == Path(charge=False)
    reported = _reported(battery.due(0.0))
    assert reported["protections"] == {Alarm.OVER_VOLTAGE}
    assert reported["charge_current_limit"] == 0.0
    assert reported["charge_enabled"] is False
    assert reported["discharge_enabled"] is True
    battery.protections = frozenset()
    assert battery.path == Path()
    assert not _reported(battery.due(1.0))["protections"]


def test_an_open_breaker_carries_nothing_and_the_bms_still_sends() -> None:
    """The pack rests behind it."""
    battery = _battery()
    battery.breaker_closed = False
    assert battery.path == NO_PATH
    _carry(battery, 50.0)
    assert _reported(battery.due(0.0))["current"] == 0.0


def test_reports_of_a_battery_can_be_overridden() -> None:
    """A full pack that retries: a high limit for a second, while nothing changed."""
    battery = _battery(100.0)
    _carry(battery, 0.0)
    battery.overrides = {"charge_current_limit": 922.0, "charge_enabled": True}
    reported = _reported(battery.due(0.0))
    assert reported["charge_current_limit"] == 922.0
    assert reported["charge_enabled"] is True
    assert battery.path == Path(charge=False)
    battery.overrides = {}
    assert _reported(battery.due(1.0))["charge_current_limit"] == 0.0
