"""Losses of batteries: policies, grace period, rejoining."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.config import LossPolicy
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Direction,
    Rule,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints

from .banks import EQUAL, with_lost_battery
from .plant import Plant
from .telegrams import NO_LIMITS, telegram


def test_loss_blocks_charging_and_reduces_discharging() -> None:
    """Charging at once: 0 A, its enable off, a warning."""
    plant = with_lost_battery()
    assert plant.snapshot.status is Status.BLOCKED
    cvl, ccl, dcl = plant.sent()
    assert ccl == 0.0
    assert 51.8 <= cvl <= 52.0
    assert 0.0 < dcl <= 200.0
    assert plant.enabled() == (False, True)
    assert plant.raised() == (frozenset(), frozenset({Alarm.INTERNAL}))
    assert plant.charge.rule is Rule.LOSS
    assert plant.charge.source == "b2"


def test_loss_blocks_discharging_after_the_grace_period() -> None:
    """With an alarm; never with a voltage limit of 0 or far below."""
    plant = with_lost_battery(seconds=70.0)
    cvl, ccl, dcl = plant.sent()
    assert (ccl, dcl) == (0.0, 0.0)
    assert 51.8 <= cvl <= 52.0
    assert plant.enabled() == (False, False)
    assert plant.raised()[0] == frozenset({Alarm.INTERNAL})


def test_grace_period_is_configurable() -> None:
    """None where no house depends on it."""
    plant = with_lost_battery(discharge_grace=0.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_charge_voltage_of_a_block_follows_the_pack() -> None:
    """While a battery reports."""
    plant = with_lost_battery(seconds=70.0)
    plant.packs["b1"].reports(voltage=53.0)
    plant.run(2.0)
    assert 52.8 <= plant.sent()[0] <= 53.0


def test_grace_period_starts_when_a_silent_battery_is_put_in_service() -> None:
    """It was out for hours; the house stays on while it is plugged in."""
    plant = Plant(EQUAL).started(10.0)
    plant.set(AllSetpoints(out_of_service=frozenset({"b2"})))
    plant.packs["b2"].active = False
    plant.run(300.0)
    assert plant.sent()[2] == 100.0
    plant.set(AllSetpoints())
    plant.run(30.0)
    assert plant.snapshot.status is Status.BLOCKED
    assert plant.sent()[1:] == (0.0, 200.0)
    plant.run(31.0)
    assert plant.sent()[1:] == (0.0, 0.0)


OUT = AllSetpoints(out_of_service=frozenset({"b2"}))


def test_battery_never_received_is_lost_once_it_is_put_in_service() -> None:
    """As if in service from the start: lost, with its grace period."""
    plant = Plant(EQUAL, setpoints=OUT)
    plant.packs["b2"].active = False
    plant.started(30.0)
    assert plant.sent()[1:] == (100.0, 100.0)
    plant.set(AllSetpoints())
    plant.run(59.0)
    assert plant.sent()[1:] == (0.0, 100.0)
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 0.0)
    plant.packs["b2"].active = True
    plant.run(30.0)
    assert plant.sent()[1:] == (200.0, 200.0)


@pytest.mark.slow
def test_full_battery_out_of_service_stops_charging_if_it_carries() -> None:
    """Its share flows through it for 10 s, and until inverters followed."""
    plant = Plant(EQUAL, reports={"b2": {"charge_current_limit": 0.0}}, setpoints=OUT)
    plant.started()
    most = []
    for _ in range(1200):
        sent = plant.sent()[1]
        most.append(sent)
        for pack in plant.packs.values():
            pack.reports(current=sent / 2)
        plant.run(0.5)
    assert plant.state("b2").carries_current_out_of_service
    assert most[0] == 100.0
    assert max(most[24:]) <= 8.1  # for a second, while it settles what circulates


@pytest.mark.slow
def test_out_of_service_battery_that_carries_gets_its_grace_period() -> None:
    """It was silent for hours, but not missed."""
    plant = Plant(EQUAL).started(10.0)
    plant.set(OUT)
    plant.packs["b2"].active = False
    plant.run(7200.0, tick=10.0)
    plant.packs["b2"].reports(current=-5.0)
    for _ in range(12):
        plant.run(1.0)
        plant.port("b2").push(*telegram(plant.now, current=-5.0, without={0x355}))
    plant.run(1.0)
    assert plant.state("b2").status is BatteryStatus.REJOINING
    assert plant.state("b2").carries_current_out_of_service
    assert plant.sent()[1] == 0.0
    assert plant.sent()[2] > 0.0


def test_policy_reduce_counts_the_lost_battery_with_its_last_limits() -> None:
    """The others are limited accordingly."""
    plant = Plant(EQUAL, charge_loss_policy=LossPolicy.REDUCE).started(10.0)
    plant.packs["b2"].reports(charge_current_limit=10.0, discharge_current_limit=10.0)
    plant.packs["b1"].reports(charge_current_limit=20.0)
    plant.run(2.0)
    plant.packs["b2"].active = False
    plant.run(5.0)
    assert plant.snapshot.status is Status.REDUCED
    assert plant.sent()[2] == 20.0
    assert plant.discharge.rule is Rule.LOSS
    assert plant.discharge.source == "b2"
    assert plant.sent()[1] == 0.0  # 10 A of the 100 A that it once allowed: tapered


def test_policy_reduce_when_the_lost_battery_carries_nothing() -> None:
    """A BMS that shut down has opened its path, too: the others bear it all.

    Once one of them carries more than it allows that is known, and holds till the end:
    neither is it asked for that again, nor is 0 A sent because it was.
    """
    reports = {key: {"discharge_current_limit": 50.0} for key in ("b1", "b2")}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    plant.packs["b2"].active = False
    plant.run(4.0)
    assert plant.sent()[2] == 100.0
    at = plant.now
    for current in (-100.0, -75.0, -50.0, -10.0):
        plant.packs["b1"].reports(current=current)
        plant.run(5.0)
    sent = {dcl for _, _, dcl in plant.sent_since(at + 1.25)}
    assert sent == {50.0}
    plant.packs["b1"].reports(current=0.0)
    plant.packs["b2"].active = True
    plant.run(60.0)
    # The circulating current between the two fades away
    assert plant.sent()[2] == pytest.approx(100.0, abs=0.2)


def test_policy_reduce_when_all_online_batteries_are_excluded() -> None:
    """The current is the lost one's: the house stays on in the grace period."""
    plant = Plant(EQUAL).started(10.0)
    plant.packs["b1"].reports(discharge_current_limit=0.0)
    plant.packs["b2"].reports(current=-80.0)
    plant.run(30.0)
    assert plant.state("b1").excluded == {Direction.DISCHARGE}
    plant.packs["b2"].active = False
    plant.run(10.0)
    assert plant.sent()[2] == 100.0


def test_policy_reduce_counts_a_battery_that_was_excluded() -> None:
    """Still excluded for lack of measurements, it allows 10 A again."""
    plant = Plant(EQUAL, discharge_loss_policy=LossPolicy.REDUCE).started(10.0)
    plant.packs["b1"].reports(discharge_current_limit=0.0)
    plant.packs["b2"].reports(current=-80.0)
    plant.run(30.0)
    plant.packs["b1"].without = {0x351}
    plant.run(10.0)
    assert plant.state("b1").status is BatteryStatus.LOST
    assert plant.state("b1").excluded == {Direction.DISCHARGE}
    plant.packs["b1"].without = {0x356}
    plant.packs["b1"].reports(discharge_current_limit=10.0)
    plant.run(10.0)
    assert plant.state("b1").status is BatteryStatus.REJOINING
    assert plant.discharge.source == "b1"
    assert plant.discharge.number == 10.0


@pytest.mark.parametrize(("soc", "ccl"), [(89.0, 200.0), (90.0, 0.0)])
def test_policy_reduce_counts_a_nearly_full_lost_battery_with_0(
    soc: float, ccl: float
) -> None:
    """A battery lost at 90 % or more may be full by now."""
    plant = Plant(
        EQUAL, reports={"b2": {"soc": soc}}, charge_loss_policy=LossPolicy.REDUCE
    ).started(10.0)
    plant.packs["b2"].active = False
    plant.run(5.0)
    assert plant.sent()[1] <= ccl
    assert (plant.sent()[1] == 0.0) is (ccl == 0.0)


def test_policy_reduce_without_a_charge_voltage_limit() -> None:
    """A voltage that a battery never allowed must not be applied to it."""
    plant = Plant(EQUAL, charge_loss_policy=LossPolicy.REDUCE)
    # 0 V is no charge voltage limit; the 25.6 A are one.
    plant.packs["b2"].instead = {0x351: bytes.fromhex("0000 0001 6400")}
    plant.run(20.0)
    assert plant.state("b2").last.charge_current_limit == 25.6
    assert plant.state("b2").last.charge_voltage_limit is None
    assert plant.sent()[1:] == (0.0, 20.0)


@pytest.mark.parametrize("direction", ["charge_loss_policy", "discharge_loss_policy"])
def test_policy_stop_sends_nothing(direction: str) -> None:
    """For discharging after its grace period."""
    policies: dict[str, Any] = {direction: LossPolicy.STOP}
    plant = with_lost_battery(discharge_grace=2.0, **policies)
    plant.run(2.0)
    at = plant.now
    plant.run(10.0)
    assert plant.port().since(at) == []
    assert plant.snapshot.status is Status.SILENT


def test_loss_of_all_batteries_sends_0_a_for_5_s_then_nothing() -> None:
    """Stale values are never repeated as if they were current."""
    plant = Plant(bridge=0.0).started(10.0)
    plant.packs["b1"].active = False
    plant.run(2.0)
    assert plant.sent()[1] == 100.0
    plant.run(1.5)
    at = plant.now
    assert plant.sent() == (52.0, 0.0, 0.0)
    assert plant.enabled() == (False, False)
    assert plant.raised()[0] == frozenset({Alarm.INTERNAL})
    plant.run(10.0)
    sent = plant.port().since(at)
    assert 3.4 <= sent[-1].at - at <= 4.6  # lost 0.5 s before
    assert {limits[1:] for limits in plant.sent_since(at)} == {(0.0, 0.0)}
    assert plant.snapshot.status is Status.SILENT


def test_charge_voltage_without_batteries_keeps_the_reference() -> None:
    """The last minute's highest, as while they reported."""
    plant = Plant(reports={"b1": {"voltage": 55.0}}, bridge=0.0).started(10.0)
    plant.packs["b1"].reports(voltage=52.0)
    plant.run(10.0)
    assert plant.sent()[0] == 56.0
    plant.packs["b1"].active = False
    plant.run(5.0)
    assert plant.sent() == (54.9, 0.0, 0.0)


def test_block_is_sent_although_the_soc_expired_first() -> None:
    """Before the limits did."""
    plant = Plant(bridge=0.0)
    for _ in range(10):
        plant.port("b1").push(*telegram(plant.now, without={0x351, 0x359, 0x35C}))
        plant.clock.now += 0.3
        plant.port("b1").push(*telegram(plant.now, without={0x355}))
        plant.step()
        plant.clock.now += 0.7
    plant.packs["b1"].active = False
    plant.run(5.0, tick=0.1)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.port().sent[-1].at >= plant.now - 1.0


def test_loss_of_all_batteries_silences_at_once_with_policy_stop() -> None:
    """Nothing is sent."""
    plant = Plant(charge_loss_policy=LossPolicy.STOP).started(10.0)
    plant.packs["b1"].active = False
    plant.run(3.25)
    at = plant.now
    plant.run(10.0)
    assert plant.port().since(at) == []


def test_limits_not_available_count_as_a_loss() -> None:
    """SMA's codes; discharging by the last limits in the grace period."""
    plant = Plant(EQUAL).started(10.0)
    plant.packs["b2"].instead[0x351] = NO_LIMITS.data
    plant.run(2.0)
    assert plant.sent()[1] == 200.0
    plant.run(1.25)
    assert plant.state("b2").status is BatteryStatus.LOST
    assert plant.sent()[1] == 0.0
    assert plant.sent()[2] > 0.0
    plant.run(61.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_battery_rejoins_after_three_complete_telegrams() -> None:
    """Then the limits rise again, slowly."""
    plant = with_lost_battery()
    plant.packs["b2"].active = True
    plant.packs["b2"].next_at = plant.now
    plant.run(2.0)
    assert plant.state("b2").status is BatteryStatus.REJOINING
    assert plant.sent()[1] == 0.0
    plant.run(1.0)
    assert plant.state("b2").status is BatteryStatus.ONLINE
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent()[1] < 50.0
    plant.run(30.0)
    assert plant.sent() == (56.0, 200.0, 200.0)
