"""One battery: waiting, online, lost, rejoining, out of service; expiry of values."""

from dataclasses import replace
import logging
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Dialect,
    Frame,
    Readings,
)
from custom_components.bms_gateway.engine.scheduling import next_wake

from ..plant import battery
from ..protocol.captures import DEYE, STACK, STACK_AND_INVERTER, frames
from ..telegrams import NO_LIMITS, telegram
from .bench import CVL_ONLY, LIMITS_ID, BatteryBench


def test_a_battery_without_a_frame_is_waiting() -> None:
    """Before its first frame nothing is known."""
    state = BatteryBench().after(100)
    assert state.status is BatteryStatus.WAITING
    assert state.readings == Readings()
    assert state.last == Readings()
    assert (state.last_frame_at, state.lost_at) == (None, None)
    assert next_wake(1000.0, BatteryBench().battery) is None


@pytest.mark.parametrize("missing", [0x351, 0x355, 0x356])
def test_a_battery_is_online_with_its_first_complete_telegram(missing: int) -> None:
    """Limits, SOC and voltage are the minimum."""
    bench = BatteryBench().telegrams(3, without={missing})
    assert bench.status is BatteryStatus.WAITING
    assert bench.telegrams().status is BatteryStatus.ONLINE


def test_a_telegram_without_optional_frames_is_complete() -> None:
    """Enables and alarms that it never sends are not missed."""
    bench = BatteryBench().telegrams(without={0x359, 0x35C, 0x379})
    assert bench.status is BatteryStatus.ONLINE
    assert bench.readings.charge_enabled is None
    assert bench.readings.protections is None


def test_an_unavailable_current_does_not_keep_it_waiting() -> None:
    """0x8000 means not available: the current may stay unknown for ever."""
    bench = BatteryBench().telegrams(3, current=None)
    assert (bench.status, bench.after(0).telegrams) == (BatteryStatus.ONLINE, 3)
    assert bench.readings.current is None


def test_a_recorded_stack_is_online() -> None:
    """A Pylontech stack of five modules."""
    for capture in (STACK, STACK_AND_INVERTER):
        bench = BatteryBench()
        for frame in frames(capture, start=1000.0):
            bench.now = frame.at
            bench.on_frame(frame)
        state = bench.after(0)
        assert state.status is BatteryStatus.ONLINE
        assert state.dialect is Dialect.PYLONTECH
        assert state.readings.charge_current_limit == 922.5
        assert state.readings.modules == 5
        assert state.telegrams == 1


def test_the_current_of_a_recorded_deye_is_reversed() -> None:
    """It counts discharge as positive: -0.8 A as sent charges the battery."""
    bench = BatteryBench()
    for n in range(3):
        for frame in frames(DEYE):
            bench.on_frame(replace(frame, at=1000.0 + n))
            bench.now = 1000.0 + n
    assert bench.readings.current == 0.8
    assert bench.after(0).dialect is Dialect.DEYE


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x305, bytes(8)),
        Frame(LIMITS_ID, bytes.fromhex("3002e803e803"), extended=True),
        Frame(LIMITS_ID, bytes.fromhex("3002e803e803"), remote=True),
        Frame(LIMITS_ID, bytes.fromhex("3002e803e803"), error=True),
        Frame(0x400, bytes(8)),
    ],
)
def test_frames_of_other_nodes_are_ignored(frame: Frame) -> None:
    """The inverter's 0x305, 29 bits, remote and error frames, other protocols."""
    bench = BatteryBench()
    bench.on_frame(frame)
    assert bench.after(0).last_frame_at is None
    assert bench.readings == Readings()


@pytest.mark.parametrize(
    ("period", "lost_after"), [(0.5, 3.0), (1.0, 3.0), (2.0, 6.0), (5.0, 10.0)]
)
def test_a_battery_is_lost_after_three_periods(
    period: float, lost_after: float
) -> None:
    """Learned from 0x351; at least 3 s, at most 10 s."""
    bench = BatteryBench().telegrams(10, every=period)
    assert bench.after(lost_after - 0.01).status is BatteryStatus.ONLINE
    state = bench.after(0.02)
    assert state.status is BatteryStatus.LOST
    assert state.losses == 1
    assert state.lost_at == bench.now


def test_a_longer_timeout_allows_a_slow_sender() -> None:
    """The user's time-out is the ceiling."""
    bench = BatteryBench(timeout=40.0).telegrams(10, every=10.0)
    assert bench.after(29.9).status is BatteryStatus.ONLINE
    assert bench.after(0.2).status is BatteryStatus.LOST


def test_a_shorter_timeout_loses_a_battery_earlier() -> None:
    """For a battery that is known to be quick."""
    bench = BatteryBench(timeout=5.0).telegrams(10, every=2.0)
    assert bench.after(5.1).status is BatteryStatus.LOST


def test_a_changed_timeout_holds_at_once() -> None:
    """It can be changed without losing a running battery."""
    bench = BatteryBench().telegrams(10, every=5.0)
    bench.battery.config = battery("b1", timeout=15.0)
    assert bench.after(14.9).status is BatteryStatus.ONLINE
    assert bench.after(0.2).status is BatteryStatus.LOST


@pytest.mark.parametrize("missing", [0x359, 0x35C])
def test_missing_alarms_and_enables_do_not_lose_a_battery(missing: int) -> None:
    """It is reported; limits, state of charge and measurements continue."""
    bench = BatteryBench().telegrams(10)
    bench.now += 1
    bench.telegrams(2, without={missing})
    assert bench.after(0).missing == frozenset()
    bench.now += 1
    bench.telegrams(60, without={missing})
    state = bench.after(0)
    assert (state.status, state.losses) == (BatteryStatus.ONLINE, 0)
    assert state.missing == {missing}
    assert (state.readings.protections is None) is (missing == 0x359)
    assert (state.readings.charge_enabled is None) is (missing == 0x35C)
    assert state.telegrams >= 70
    bench.now += 1
    assert bench.telegrams().after(0).missing == frozenset()


def test_a_prohibition_holds_while_its_frame_is_missing() -> None:
    """For ten minutes; then the limits alone decide."""
    bench = BatteryBench().telegrams(
        10, protections=frozenset({Alarm.OVER_VOLTAGE}), discharge_enabled=False
    )
    for seconds, holds in ((590, True), (20, False)):
        bench.telegrams(seconds, without={0x359, 0x35C})
        readings = bench.readings
        assert bool(readings.protections) is holds
        assert (readings.discharge_enabled is False) is holds
        assert readings.charge_enabled is None
    assert bench.status is BatteryStatus.ONLINE


def test_a_prohibition_is_lifted_by_two_frames_after_a_gap_too() -> None:
    """One may be false, however long none came."""
    raised: dict[str, Any] = {
        "protections": frozenset({Alarm.OVER_VOLTAGE}),
        "discharge_enabled": False,
    }
    bench = BatteryBench().telegrams(10, **raised).telegrams(60, without={0x359, 0x35C})
    bench.now += 1.0
    bench.telegrams(1)
    assert bench.readings.protections
    assert bench.readings.discharge_enabled is False
    bench.now += 1.0
    bench.telegrams(1)
    assert bench.readings.protections == frozenset()
    assert bench.readings.discharge_enabled is True


@pytest.mark.parametrize(
    ("can_id", "data"),
    [
        (0x35A, ""),
        (0x35A, "0400000000000000"),  # over-voltage
        (0x35C, "0000"),  # nothing enabled
        (0x359, "0200000001504E"),  # over-voltage
    ],
)
def test_an_alarm_frame_that_came_once_is_not_awaited(can_id: int, data: str) -> None:
    """It counts until the battery has sent everything again without it, and no longer."""
    bench = BatteryBench().telegrams(10, without={0x359, 0x35A, 0x35C})
    bench.on_frame(Frame(can_id, bytes.fromhex(data)))
    now = bench.readings
    forbids = bool(now.protections) or now.charge_enabled is False
    assert forbids is bool(data)
    bench.now += 1
    bench.telegrams(2, without={0x359, 0x35A, 0x35C})
    assert not bench.readings.protections
    assert bench.readings.charge_enabled is None
    bench.telegrams(60, without={0x359, 0x35A, 0x35C})
    state = bench.after(0)
    assert (state.status, state.missing) == (BatteryStatus.ONLINE, frozenset())


def test_an_alarm_frame_that_comes_regularly_counts_fully() -> None:
    """From the third on it counts for as long as any other."""
    bench = BatteryBench().telegrams(10, without={0x359})
    pairs = Frame(0x35A, bytes.fromhex("0400000000000000"))
    for _ in range(3):
        bench.now += 1
        bench.on_frame(replace(pairs, at=bench.now))
        bench.telegrams(without={0x359})
    bench.now += 1
    bench.telegrams(2, without={0x359})
    assert bench.readings.protections == frozenset({Alarm.OVER_VOLTAGE})


def test_alarms_every_ten_seconds_do_not_lose_a_battery() -> None:
    """A BYD sends 0x35A at that period (ceiling 30 s)."""
    bench = BatteryBench()
    pairs = Frame(0x35A, bytes.fromhex("aaaaaaaaaaaaaaaa"))
    for n in range(100):
        if n % 10 == 0:
            bench.on_frame(replace(pairs, at=bench.now))
        bench.telegrams(without={0x359, 0x35C})
        bench.now += 1
    state = bench.after(0)
    assert state.status is BatteryStatus.ONLINE
    assert state.losses == 0
    assert state.readings.protections == frozenset()


def test_both_kinds_of_alarms_count() -> None:
    """An alarm in either of 0x359 and 0x35A is raised."""
    bench = BatteryBench().telegrams(protections=frozenset({Alarm.OVER_VOLTAGE}))
    # byte 1, field 2: charge temperature low (SMA), raised; byte 4 on: none warned of
    bench.on_frame(Frame(0x35A, bytes.fromhex("0010000000000000")))
    assert bench.readings.protections == frozenset(
        {Alarm.OVER_VOLTAGE, Alarm.CHARGE_UNDER_TEMPERATURE}
    )


def test_missing_measurements_become_unknown() -> None:
    """They are unknown, not 0, and the battery is not lost."""
    bench = BatteryBench().telegrams(10).telegrams(5, without={0x356, 0x355})
    state = bench.after(0)
    assert state.status is BatteryStatus.ONLINE
    assert state.readings.voltage is None
    assert state.readings.current is None
    assert state.readings.charge_current_limit == 100.0


def test_the_state_of_charge_holds_for_a_minute() -> None:
    """While limits are fresh: it moves slowly, and is no protection."""
    bench = BatteryBench().telegrams(10).telegrams(60, without={0x355})
    assert bench.readings.soc == 50.0
    bench.now += 1
    assert bench.telegrams(2, without={0x355}).readings.soc is None
    assert bench.telegrams(soc=52.0).readings.soc == 52.0
    assert bench.after(3.1).readings.soc is None


def test_names_and_capacities_are_kept() -> None:
    """They do not change while a battery is connected, nor when it is lost."""
    bench = BatteryBench().telegrams(capacity_ah=280.0)
    state = bench.after(1000)
    assert state.status is BatteryStatus.LOST
    assert state.readings == Readings(name="PYLON", installed_ah=280.0)


def test_a_truncated_frame_renews_only_the_values_it_holds() -> None:
    """A missing tail is unknown: without currents it is lost in time."""
    bench = BatteryBench().telegrams(10)
    bench.telegrams(3, instead={LIMITS_ID: CVL_ONLY})
    assert bench.readings.charge_current_limit == 100.0
    bench.now += 1
    bench.telegrams(2, instead={LIMITS_ID: CVL_ONLY})
    assert bench.status is BatteryStatus.LOST


def test_one_frame_without_limits_counts_as_missing() -> None:
    """A house must not go dark for it: the last limits hold for their time-out."""
    bench = BatteryBench().telegrams(10, charge_current_limit=80.0)
    bench.now += 1
    bench.on_frame(NO_LIMITS)
    assert bench.status is BatteryStatus.ONLINE
    assert bench.readings.charge_current_limit == 80.0
    bench.now += 1
    assert bench.telegrams(charge_current_limit=70.0).status is BatteryStatus.ONLINE
    assert bench.readings.charge_current_limit == 70.0


def test_a_battery_is_lost_once_its_limits_stay_unknown() -> None:
    """Frames alone renew nothing; its last values are kept for the policy `reduce`."""
    bench = BatteryBench().telegrams(10, charge_current_limit=80.0)
    for _ in range(3):
        assert bench.after(0).status is BatteryStatus.ONLINE
        bench.now += 1
        bench.on_frame(NO_LIMITS)
    state = bench.after(0)
    assert state.status is BatteryStatus.LOST
    assert state.readings.charge_current_limit is None
    assert state.last.charge_current_limit == 80.0
    assert state.last.discharge_current_limit == 100.0
    assert state.last.soc == 50.0


@pytest.mark.parametrize(
    "data",
    [
        "fffff403e803cc01",  # CVL 0xFFFF
        "30020080e803cc01",  # CCL 0x8000
        "3002f4030080cc01",  # DCL 0x8000
        "e803f403e803cc01",  # CVL 100 V is no 48 V battery's
        "0000f403e803cc01",  # nor is 0 V
    ],
)
def test_any_unavailable_required_limit_loses_a_battery(data: str) -> None:
    """One of CVL, CCL and DCL is enough, in time."""
    bench = BatteryBench().telegrams(10)
    for _ in range(3):
        bench.now += 1
        bench.on_frame(Frame(LIMITS_ID, bytes.fromhex(data)))
    assert bench.status is BatteryStatus.LOST


def test_one_unavailable_soc_or_voltage_is_bridged() -> None:
    """Nothing can be sent without them: they are bridged, too, but no longer."""
    bench = BatteryBench().telegrams(10)
    soc, volts = bytes.fromhex("ffff6400"), bytes.fromhex("0080000000000000")
    for held in (52.0, 52.0, None):
        bench.now += 1
        bench.telegrams(instead={0x355: soc, 0x356: volts})
        assert bench.readings.voltage == held
    assert bench.readings.soc == 50.0  # holds for a minute
    assert bench.status is BatteryStatus.ONLINE


def test_an_unknown_discharge_voltage_limit_is_accepted() -> None:
    """Pylontech's document leaves it blank."""
    bench = BatteryBench().telegrams(10, discharge_voltage_limit=None)
    assert bench.status is BatteryStatus.ONLINE
    assert bench.readings.discharge_voltage_limit is None


def test_values_outside_their_window_are_counted_and_rejected() -> None:
    """The last valid values stay."""
    bench = BatteryBench().telegrams(
        instead={0x355: bytes.fromhex("c8006400")}
    )  # SOC 200 %
    assert bench.after(0).invalid == 1
    assert bench.readings.soc is None


def test_age_is_the_age_on_the_wire() -> None:
    """Frames that waited to be read are as old as their time on the wire."""
    bench = BatteryBench()
    for n in range(10):
        for frame in telegram(bench.now + n):
            bench.battery.on_frame(frame)
    bench.now += 9
    assert bench.status is BatteryStatus.ONLINE
    assert bench.after(3.1).status is BatteryStatus.LOST


def test_next_change_is_when_the_first_value_expires() -> None:
    """When the first value becomes stale if nothing more comes."""
    bench = BatteryBench().telegrams(10)
    assert next_wake(bench.now, bench.battery) == pytest.approx(bench.now + 3)
    assert next_wake(bench.now + 1000, bench.battery) is None


def test_the_highest_charge_limit_is_remembered() -> None:
    """It shows later that a battery has tapered off."""
    bench = BatteryBench().telegrams(charge_current_limit=80.0)
    assert bench.after(0).largest_charge_limit == 80.0
    bench.telegrams(charge_current_limit=10.0)
    assert bench.after(0).largest_charge_limit == 80.0


def test_two_dialects_at_once_leave_the_current_unknown() -> None:
    """As during a change of a Deye's profile; the battery is not lost for it."""
    bench = BatteryBench().telegrams(5)
    bench.on_frame(Frame(0x364, bytes.fromhex("0100000001000000")))
    bench.telegrams()
    assert bench.status is BatteryStatus.ONLINE
    assert bench.readings.current is None
    bench.now += 1
    assert bench.telegrams(4).readings.current == 0.0


def test_each_change_of_status_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once when it is lost, once when it is back."""
    caplog.set_level(logging.INFO)
    bench = BatteryBench().telegrams(3)
    for _ in range(3):
        bench.after(10)
    bench.telegrams(5)
    assert caplog.messages == [
        "b1 is online",
        "b1 is lost",
        "b1 is back",
    ]


def test_period_and_time_of_the_current_are_reported() -> None:
    """The slowest of limits and measurements."""
    bench = BatteryBench().telegrams(10).telegrams(6, every=1.0, without={0x356})
    assert bench.after(0).period == pytest.approx(1.0)
    assert bench.after(0).current_at == bench.now - 5.0
    assert BatteryBench().after(0).period is None
