"""A battery out of service: read, not counted, unless it carries current."""

import pytest

from custom_components.bms_gateway.engine.model import BatteryStatus
from custom_components.bms_gateway.engine.scheduling import next_wake

from ..plant import battery
from .bench import BatteryBench


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
