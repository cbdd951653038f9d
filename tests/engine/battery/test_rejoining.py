"""Rejoining of a lost battery, and telegrams that count for it."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Dialect,
    Frame,
)

from ..protocol.captures import (
    DEYE,
    DEYE_AS_VICTRON,
    DEYE_TO_VICTRON,
    VICTRON_TO_DEYE,
    frames,
)
from ..telegrams import telegram
from .bench import CVL_ONLY, LIMITS_ID, BatteryBench


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
    for _ in range(2):
        bench.on_frame(Frame(0x361, bytes.fromhex("110D070DFA00F000")))
        read.append(bench.readings.current)
        bench.telegrams(without={0x359, 0x35E}, current=8.0)
        read.append(bench.readings.current)
        bench.now += 1
    assert read == [8.0, None, None, None, -8.0]


def test_a_single_deye_frame_reverses_no_current() -> None:
    """Of another node: a battery without a mark has an unknown current for 1.5 s."""
    bench = BatteryBench()
    for _ in range(10):
        bench.telegrams(without={0x359, 0x35E}, current=8.0)
        bench.now += 1
    bench.on_frame(Frame(0x361, bytes.fromhex("110D070DFA00F000")))
    read = set()
    for _ in range(60):
        bench.telegrams(without={0x359, 0x35E}, current=8.0)
        read.add(bench.readings.current)
        bench.now += 1
    assert read == {None, 8.0}
    assert bench.readings.current == 8.0


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
