"""The state of charge that is sent: no jumps, and 0 or 100 % only when reached."""

import pytest

from custom_components.bms_gateway.engine.aggregate.smoothing import (
    SmoothedMean,
    members,
)
from custom_components.bms_gateway.engine.model import BatteryState, Readings

from ..plant import Plant, battery
from ..states import lost, online

EQUAL = (battery("b1"), battery("b2"))


def _soc(readings: Readings) -> float | None:
    return readings.soc


def _mean(smooth: SmoothedMean, now: float, *batteries: BatteryState) -> float | None:
    received = [b for b in batteries if b.online]
    gone = [b for b in batteries if not b.online]
    return smooth.update(members(_soc, received, gone, now), now)


def test_soc_is_weighted_by_capacity() -> None:
    """The first value is taken over unchanged."""
    small, large = online("b1", 100.0, soc=80.0), online("b2", 300.0, soc=40.0)
    assert _mean(SmoothedMean(), 0.0, small, large) == 50.0
    assert _mean(SmoothedMean(), 0.0) is None


def test_soc_follows_unchanged_batteries_at_once() -> None:
    """While they stay the same ones."""
    smooth = SmoothedMean()
    _mean(smooth, 0.0, online(soc=50.0))
    assert _mean(smooth, 1.0, online(soc=40.0)) == 40.0


@pytest.mark.parametrize("other", [20.0, 90.0])
def test_changed_batteries_move_soc_by_one_percent_in_ten_seconds(other: float) -> None:
    """Up or down, until the new mean is reached; then it follows again."""
    smooth = SmoothedMean()
    _mean(smooth, 0.0, online("b1", soc=50.0))
    both = online("b1", soc=50.0), online("b2", soc=other)
    assert _mean(smooth, 0.0, *both) == 50.0
    sign = 1 if other > 50 else -1
    assert _mean(smooth, 10.0, *both) == pytest.approx(50.0 + sign)
    assert _mean(smooth, 200.0, *both) == pytest.approx(50.0 + 20.0 * sign, abs=5.0)
    _mean(smooth, 1000.0, *both)
    assert _mean(smooth, 1001.0, online("b1", soc=60.0), both[1]) == 30 + other / 2


def test_a_lost_battery_counts_for_ten_minutes() -> None:
    """With its last value; then the value slides to the mean of the others."""
    smooth = SmoothedMean()
    _mean(smooth, 0.0, online("b1", soc=50.0), online("b2", soc=90.0))
    gone = lost("b2", soc=90.0, at=10.0)
    assert _mean(smooth, 610.0, online("b1", soc=50.0), gone) == 70.0
    assert _mean(smooth, 611.0, online("b1", soc=50.0), gone) == pytest.approx(69.9)


def test_a_lost_battery_alone_does_not_count() -> None:
    """The online one does not report SOC; the last value of the lost one is old."""
    smooth, gone = SmoothedMean(), lost("b2", soc=90.0, at=10.0)
    assert _mean(smooth, 10.0, online("b1", soc=None), gone) is None


def test_soc_is_100_only_if_every_battery_is() -> None:
    """Also when one that is not full joins full ones."""
    smooth = SmoothedMean()
    assert _mean(smooth, 0.0, online("b1", soc=100.0)) == 100.0
    both = online("b1", soc=100.0), online("b2", soc=96.0)
    assert _mean(smooth, 0.0, *both) == 99.9
    assert _mean(smooth, 5.0, *both) == pytest.approx(99.5)


def test_soc_is_0_only_if_a_battery_is() -> None:
    """One that was at 0 % is no longer there."""
    smooth = SmoothedMean()
    assert _mean(smooth, 0.0, online("b1", soc=0.0)) == 0.0
    assert _mean(smooth, 0.0, online("b2", soc=30.0)) == 0.1


def test_full_ends_with_the_telegram_of_a_joining_battery() -> None:
    """On the wire: SOC and SOH of 100 % end with the first telegram that includes it."""
    reports = {"b1": {"soc": 100.0, "soh": 100.0}, "b2": {"soc": 90.0, "soh": 90.0}}
    plant = Plant(EQUAL[:1], reports=reports).started()
    assert plant.port().last(0x355)[:4] == bytes.fromhex("64006400")
    plant.apply(batteries=EQUAL)
    plant.packs["b2"].reports(soc=90.0, soh=90.0)
    plant.run(2.0)
    assert plant.port().last(0x355)[:4] == bytes.fromhex("63006300")
    plant.run(60.0)
    assert plant.port().last(0x355)[:4] == bytes.fromhex("5f005f00")
