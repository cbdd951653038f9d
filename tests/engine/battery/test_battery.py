"""One battery: waiting, online, lost, rejoining, out of service; expiry of values."""

from collections.abc import Collection
from dataclasses import replace
import logging
from typing import Any

import pytest

from custom_components.bms_gateway.engine.battery.battery import Battery
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryState,
    BatteryStatus,
    Dialect,
    Frame,
    Readings,
)
from custom_components.bms_gateway.engine.scheduling import Priority, next_wake

from ..plant import battery
from ..protocol.captures import (
    DEYE,
    DEYE_AS_VICTRON,
    DEYE_TO_VICTRON,
    STACK,
    STACK_AND_INVERTER,
    VICTRON_TO_DEYE,
    frames,
)
from ..telegrams import NO_LIMITS, telegram

LIMITS_ID = 0x351
CVL_ONLY = bytes.fromhex("3002")  # 56.0 V, the frame ends there
CONTROL_IDS = (0x351, 0x359, 0x35C)


class BatteryBench:
    """A battery, its clock and its frames."""

    def __init__(self, **options: Any) -> None:
        """Start with a battery that was never received."""
        self.now = 1000.0
        self.battery = Battery(battery("b1", **options))
        self.currents: list[float] = []
        """Every current that was read from a capture."""

    def telegrams(
        self,
        count: int = 1,
        *,
        every: float = 1.0,
        without: Collection[int] = (),
        instead: dict[int, bytes] | None = None,
        **changes: Any,
    ) -> BatteryBench:
        """Receive telegrams, the first one now, the clock left at the last one."""
        for n in range(count):
            self.now += every if n else 0.0
            for frame in telegram(self.now, without=without, **changes):
                data = (instead or {}).get(frame.can_id, frame.data)
                self.on_frame(replace(frame, data=data))
        return self

    def on_frame(self, frame: Frame) -> None:
        """Receive one frame at its time, or now."""
        self.battery.on_frame(frame if frame.at else replace(frame, at=self.now))
        self.battery.update(self.now)

    def capture(self, text: str, times: int = 1) -> BatteryBench:
        """Receive recorded frames, again every second, the clock left after the last."""
        for _ in range(times):
            start = self.now
            for frame in frames(text, start=start):
                self.now = frame.at
                self.on_frame(frame)
                if (current := self.readings.current) is not None:
                    self.currents.append(current)
            self.now = max(self.now, start) + 0.9
        return self

    def after(self, seconds: float) -> BatteryState:
        """Move the clock and evaluate."""
        self.now += seconds
        self.battery.update(self.now)
        return self.battery.state(self.now)

    @property
    def status(self) -> BatteryStatus:
        """The present status."""
        return self.after(0).status

    @property
    def readings(self) -> Readings:
        """The present readings."""
        return self.after(0).readings


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


def _lost() -> BatteryBench:
    bench = BatteryBench().telegrams(10)
    assert bench.after(20).status is BatteryStatus.LOST
    return bench


def test_a_lost_battery_rejoins_after_three_whole_telegrams() -> None:
    """No sooner, and not later."""
    bench = _lost()
    statuses = []
    for _ in range(3):
        bench.telegrams()
        statuses.append(bench.status)
        bench.now += 1
    assert statuses == [
        BatteryStatus.REJOINING,
        BatteryStatus.REJOINING,
        BatteryStatus.ONLINE,
    ]
    assert bench.after(0).lost_at is None


def test_a_rejoining_battery_is_not_online_yet() -> None:
    """The loss policy continues until it counts again."""
    bench = _lost()
    lost_at = bench.after(0).lost_at
    bench.telegrams()
    state = bench.after(0)
    assert not state.online
    assert state.lost_at == lost_at


def test_telegrams_read_together_count_for_rejoining() -> None:
    """After the loop was held, several are evaluated at once."""
    bench = _lost()
    for n in range(3):
        for frame in telegram(bench.now + n):
            bench.battery.on_frame(frame)
    bench.after(2)
    assert bench.after(0).status is BatteryStatus.ONLINE


def test_a_gap_restarts_the_count_for_rejoining() -> None:
    """Three telegrams without one are required."""
    bench = _lost()
    bench.telegrams(2)
    assert bench.after(5).status is BatteryStatus.LOST
    bench.telegrams(2)
    assert bench.status is BatteryStatus.REJOINING
    bench.now += 1
    assert bench.telegrams().status is BatteryStatus.ONLINE
    assert bench.after(0).losses == 1


@pytest.mark.parametrize("missing", [0x351, 0x355, 0x356])
def test_incomplete_telegrams_do_not_count(missing: int) -> None:
    """A battery does not rejoin by them either."""
    bench = _lost()
    bench.telegrams(1).telegrams(10, without={missing})
    assert bench.status is not BatteryStatus.ONLINE


@pytest.mark.parametrize("content", ["", "0000000000000000", "00000000aaaaaaaa"])
def test_alarms_that_are_never_stated_are_not_awaited(content: str) -> None:
    """Healthy packs send 0x35A all 0, which states no alarm at all."""
    bench = BatteryBench()
    for _ in range(2):
        for _ in range(3):
            bench.on_frame(Frame(0x35A, bytes.fromhex(content)))
            bench.telegrams(without={0x359})
            bench.now += 1.0
        assert bench.status is BatteryStatus.ONLINE
        assert bench.after(60.0).status is BatteryStatus.LOST


def test_truncated_telegrams_are_not_whole() -> None:
    """A 0x351 without currents is not a limit."""
    bench = _lost()
    bench.telegrams()
    bench.now += 1
    bench.telegrams(2, instead={LIMITS_ID: CVL_ONLY})
    assert bench.status is BatteryStatus.REJOINING


def test_a_new_dialect_need_not_send_the_frames_of_the_old_one() -> None:
    """A Deye in its profile for Victron sends no enables and other alarms."""
    bench = BatteryBench()
    for n in range(40):
        for frame in frames(DEYE if n < 20 else DEYE_AS_VICTRON):
            bench.now = 1000.0 + n + frame.at
            bench.on_frame(replace(frame, at=bench.now))
    state = bench.after(0)
    assert state.status is BatteryStatus.ONLINE
    assert state.dialect is Dialect.VICTRON
    assert state.readings.charge_enabled is None
    assert state.readings.current == 0.8


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (DEYE, DEYE_TO_VICTRON, DEYE_AS_VICTRON),
        (DEYE_AS_VICTRON, VICTRON_TO_DEYE, DEYE),
    ],
)
def test_a_change_of_profile_does_not_lose_a_battery(
    before: str, change: str, after: str
) -> None:
    """Frame by frame as recorded: all charge the battery, no sign is reversed."""
    bench = BatteryBench().capture(before, times=5)
    assert bench.readings.current == 0.8
    bench.capture(change).capture(after, times=5)
    assert bench.after(0).losses == 0
    assert bench.readings.current == 0.8
    assert min(bench.currents) > 0


def test_a_current_is_unknown_as_soon_as_the_dialect_is() -> None:
    """Not only with the next 0x356."""
    bench = BatteryBench().capture(DEYE, times=5)
    bench.now += 1
    bench.on_frame(Frame(0x356, bytes.fromhex("D2140800F0000000")))
    assert bench.readings.current == -0.8
    bench.on_frame(Frame(0x35A, bytes(8)))
    assert bench.readings.current is None


def test_a_late_deye_mark_clears_the_current() -> None:
    """A Deye without marks for a long time still counts discharge as positive."""
    bench = BatteryBench()
    for _ in range(10):
        bench.telegrams(without={0x359, 0x35E}, current=8.0)
        bench.now += 1
    read = [bench.readings.current]
    bench.on_frame(Frame(0x361, bytes.fromhex("110D070DFA00F000")))
    read.append(bench.readings.current)
    bench.telegrams(without={0x359, 0x35E}, current=8.0)
    read.append(bench.readings.current)
    assert read == [8.0, None, -8.0]


def test_alarms_from_before_a_silence_are_forgotten() -> None:
    """A battery that returns with unchanged pairs has not raised one again."""
    bench = BatteryBench()
    bench.on_frame(Frame(0x35A, bytes.fromhex("0400000000000000")))
    bench.telegrams(10, without={0x359})
    assert bench.readings.protections == frozenset({Alarm.OVER_VOLTAGE})
    bench.now += 60
    bench.on_frame(Frame(0x35A, bytes(8)))
    assert bench.telegrams(without={0x359}).readings.protections is None


def test_the_period_is_known_after_a_loss() -> None:
    """It is not learned again."""
    bench = _lost()
    bench.telegrams(3)
    assert bench.after(3.1).status is BatteryStatus.LOST
    assert bench.after(0).losses == 2


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


def test_a_battery_out_of_service_is_read_but_does_not_count() -> None:
    """A pack that is disconnected."""
    bench = BatteryBench().telegrams(current=1.9)
    bench.battery.set_in_service(False, bench.now)
    state = bench.after(0)
    assert state.status is BatteryStatus.OUT_OF_SERVICE
    assert state.readings.voltage == 52.0
    assert not state.online
    bench.telegrams(30, current=1.9)
    assert not bench.after(0).online
    bench.battery.set_in_service(True, bench.now)
    assert bench.after(0).online


def test_a_battery_out_of_service_that_carries_current_counts() -> None:
    """More than 2 A for 10 s: it is connected after all."""
    bench = BatteryBench().telegrams(10)
    bench.battery.set_in_service(False, bench.now)
    statuses = []
    for _ in range(11):
        statuses.append(bench.telegrams(current=-2.1).status)
        bench.now += 1
    assert statuses == [BatteryStatus.OUT_OF_SERVICE] * 10 + [BatteryStatus.ONLINE]
    assert bench.after(0).carries_current_out_of_service


def _carrying_out_of_service() -> BatteryBench:
    """Return a battery that counts again because it carries current."""
    bench = BatteryBench().telegrams(10)
    bench.battery.set_in_service(False, bench.now)
    bench.telegrams(12, current=-50.0)
    assert bench.after(0).carries_current_out_of_service
    return bench


@pytest.mark.slow
@pytest.mark.parametrize("current", [0.0, None])
def test_a_carrying_battery_out_of_service_keeps_counting_at_rest(
    current: float | None,
) -> None:
    """Its current may be 0 because of its own limits.

    If it stopped counting then, they would be forgotten, the full current would flow
    again, and so on for ever.
    """
    bench = _carrying_out_of_service()
    bench.now += 1
    bench.telegrams(3600, current=current)
    state = bench.after(0)
    assert state.status is BatteryStatus.ONLINE
    assert state.carries_current_out_of_service


def test_service_switched_on_and_off_restarts_the_monitor() -> None:
    """The user acted: it is watched anew."""
    bench = _carrying_out_of_service()
    bench.battery.set_in_service(True, bench.now)
    state = bench.after(0)
    assert (state.status, state.carries_current_out_of_service) == (
        BatteryStatus.ONLINE,
        False,
    )
    bench.battery.set_in_service(False, bench.now)
    bench.telegrams(current=0.0)
    assert bench.status is BatteryStatus.OUT_OF_SERVICE


def test_a_silent_carrying_battery_returns_to_out_of_service() -> None:
    """It is lost like any other, and out of service once it is surely switched off."""
    bench = _carrying_out_of_service()
    at = bench.now
    state = bench.after(4.0)
    assert (state.status, state.carries_current_out_of_service) == (
        BatteryStatus.LOST,
        True,
    )
    assert state.lost_at == bench.now
    assert next_wake(bench.now, bench.battery) == at + 30.0
    assert bench.after(25.9).status is BatteryStatus.LOST
    state = bench.after(0.2)
    assert (state.status, state.carries_current_out_of_service) == (
        BatteryStatus.OUT_OF_SERVICE,
        False,
    )
    bench.telegrams(5, current=-50.0)
    assert bench.status is BatteryStatus.OUT_OF_SERVICE


def test_a_slow_carrying_battery_has_its_own_timeout() -> None:
    """Only a silence longer than its own time-out means that it was switched off."""
    bench = BatteryBench(timeout=60.0).telegrams(10, every=25.0)
    bench.battery.set_in_service(False, bench.now)
    bench.now += 25.0
    bench.telegrams(3, every=25.0, current=-50.0)
    assert bench.after(59.0).carries_current_out_of_service
    assert not bench.after(2.0).carries_current_out_of_service


def test_a_carrying_battery_is_lost_from_when_it_counts() -> None:
    """It was silent for hours; its grace period does not begin in the past."""
    bench = BatteryBench().telegrams(10, every=10.0)
    bench.battery.set_in_service(False, bench.now)
    bench.after(20.0)
    bench.after(7200.0)
    bench.telegrams(2, every=10.0, current=-50.0)
    state = bench.after(0)
    assert (state.status, state.lost_at) == (BatteryStatus.REJOINING, bench.now)
    lost_at = bench.now
    assert bench.after(1.0).lost_at == lost_at
    bench.telegrams(2, every=10.0, current=-50.0)
    assert (bench.status, bench.after(0).lost_at) == (BatteryStatus.ONLINE, None)


def test_a_carrying_battery_without_limits_counts_as_lost() -> None:
    """Like one in service that has not reported its limits yet."""
    bench = BatteryBench()
    bench.battery.set_in_service(False, bench.now)
    bench.telegrams(12, without={0x351}, current=-50.0)
    state = bench.after(0)
    assert (state.status, state.carries_current_out_of_service) == (
        BatteryStatus.WAITING,
        True,
    )
    assert state.lost_at is not None
    bench.telegrams(current=-50.0)
    assert (bench.status, bench.after(0).lost_at) == (BatteryStatus.ONLINE, None)


def test_a_battery_put_in_service_before_its_first_frame_is_lost() -> None:
    """Since then, on another port, too; the other batteries wait for it."""
    bench = BatteryBench()
    bench.battery.set_in_service(False, bench.now)
    assert bench.after(100.0).lost_at is None
    bench.battery.set_in_service(True, bench.now)
    at = bench.now
    bench.battery = bench.battery.moved_to(battery("b1"), at + 1.0)
    state = bench.after(2.0)
    assert (state.status, state.lost_at) == (BatteryStatus.WAITING, at)
    bench.telegrams()
    assert (bench.status, bench.after(0).lost_at) == (BatteryStatus.ONLINE, None)


def test_period_and_time_of_the_current_are_reported() -> None:
    """The slowest of limits and measurements."""
    bench = BatteryBench().telegrams(10).telegrams(6, every=1.0, without={0x356})
    assert bench.after(0).period == pytest.approx(1.0)
    assert bench.after(0).current_at == bench.now - 5.0
    assert BatteryBench().after(0).period is None


# How urgent it is


def _priority(bench: BatteryBench, can_id: int, **changes: Any) -> Priority:
    """Return the priority of one frame of a telegram."""
    frame = next(f for f in telegram(bench.now, **changes) if f.can_id == can_id)
    return bench.battery.on_frame(frame)


@pytest.mark.parametrize(
    ("can_id", "changes", "priority"),
    [
        (0x351, {}, Priority.NONE),
        (0x351, {"charge_current_limit": 20.0}, Priority.AT_ONCE),
        (0x351, {"charge_voltage_limit": 55.0}, Priority.AT_ONCE),
        (0x359, {}, Priority.NONE),
        (0x359, {"protections": frozenset({Alarm.OVER_VOLTAGE})}, Priority.AT_ONCE),
        (0x35C, {}, Priority.NONE),
        (0x35C, {"discharge_enabled": False}, Priority.AT_ONCE),
        (0x355, {}, Priority.NONE),
        (0x355, {"soc": 51.0}, Priority.SOON),
        (0x356, {}, Priority.SOON),
        (0x356, {"current": -3.0}, Priority.SOON),
        (0x35E, {}, Priority.NONE),
    ],
)
def test_a_changed_limit_is_evaluated_at_once(
    can_id: int, changes: dict[str, Any], priority: Priority
) -> None:
    """Unchanged values need no evaluation."""
    bench = BatteryBench().telegrams(3)
    bench.now += 0.5
    assert _priority(bench, can_id, **changes) is priority


def test_every_frame_is_urgent_while_a_battery_does_not_count() -> None:
    """Any frame may be the one that makes it count."""
    bench = BatteryBench()
    assert _priority(bench, 0x35E) is Priority.AT_ONCE
    bench.telegrams(3)
    bench.after(20.0)
    assert _priority(bench, 0x35E) is Priority.AT_ONCE


def test_an_expired_value_counts_as_changed() -> None:
    """Although it is the same as before."""
    bench = BatteryBench().telegrams(3)
    for _ in range(4):
        bench.now += 1.0
        for can_id in CONTROL_IDS:
            assert _priority(bench, can_id) is Priority.NONE
    assert _priority(bench, 0x355) is Priority.SOON


def test_frames_of_other_nodes_are_not_urgent() -> None:
    """They change nothing; an inverter's request shows whose port this is."""
    bench = BatteryBench().telegrams(3)
    assert bench.battery.on_frame(Frame(0x123, at=bench.now)) is Priority.NONE
    assert bench.battery.on_frame(Frame(0x305, bytes(8), at=bench.now)) is Priority.SOON
