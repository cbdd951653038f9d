"""Frames of batteries in, what the inverters are sent out."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Direction,
    Rule,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints

from .plant import Plant, battery
from .telegrams import NO_LIMITS, telegram

TWO = (battery("b1", 100.0), battery("b2", 300.0))
EQUAL = (battery("b1"), battery("b2"))


def _lost(key: str = "b2", seconds: float = 4.0, **options: Any) -> Plant:
    """Return a plant of two equal batteries, one of them just lost."""
    plant = Plant(EQUAL, **options).started(10.0)
    plant.packs[key].active = False
    plant.run(seconds)
    assert plant.state(key).status is BatteryStatus.LOST
    return plant


# The start


def test_status_is_starting_until_the_first_limits() -> None:
    """Nothing is sent in it."""
    plant = Plant(EQUAL)
    plant.step()
    assert plant.snapshot.status is Status.STARTING


def test_nothing_is_sent_until_every_battery_reported_twice() -> None:
    """Zeros at boot would raise alarms, one telegram might be incomplete."""
    plant = Plant(EQUAL)
    plant.send_telegrams()
    plant.wait(1.0)
    plant.send_telegrams("b1")
    plant.step()
    assert plant.port().sent == []
    plant.send_telegrams("b2")
    plant.step()
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent() == (56.0, 200.0, 200.0)


def _begun(*telegrams: dict[str, Any]) -> Plant:
    """Return a plant with one battery that reported these, one a second."""
    plant = Plant()
    for changes in telegrams:
        plant.packs["b1"].reports(**changes)
        plant.send_telegrams()
        plant.step()
        plant.clock.now += 1.0
    assert plant.snapshot.status is Status.RUNNING
    return plant


@pytest.mark.parametrize("first", [(0.0, 500.0), (500.0, 0.0), (100.0, 500.0)])
def test_lower_limit_applies_when_two_telegrams_disagree(
    first: tuple[float, float],
) -> None:
    """It rises after a hold time of 3 s, by a ramp."""
    plant = _begun(*({"charge_current_limit": amps} for amps in first))
    low = min(first)
    assert plant.sent() == (56.0, low, 100.0)
    plant.packs["b1"].reports(charge_current_limit=500.0)
    plant.run(2.5)
    assert plant.sent()[1] == low
    plant.run(4.0)
    assert low < plant.sent()[1] < 400.0
    plant.run(10.0)
    assert plant.sent()[1] == 500.0


@pytest.mark.parametrize("first", [(200.0, 181.0), (181.0, 200.0)])
def test_latest_limit_applies_when_two_telegrams_agree(
    first: tuple[float, float],
) -> None:
    """Within 10 %: without a ramp."""
    plant = _begun(*({"charge_current_limit": amps} for amps in first))
    assert plant.sent() == (56.0, first[-1], 100.0)


def test_limit_is_0_when_two_telegrams_disagree_about_an_enable() -> None:
    """Whichever came first."""
    on, off = ({"charge_enabled": enabled} for enabled in (True, False))
    for first in ((on, off), (off, on)):
        plant = _begun(*first)
        assert plant.sent()[1:] == (0.0, 100.0)
        plant.packs["b1"].reports(**on)
        plant.run(3.75)
        assert plant.sent()[1] < 100.0


def test_protection_at_the_start_holds_its_battery_at_0_a() -> None:
    """The following limits rise slowly."""
    over = {"protections": frozenset({Alarm.OVER_VOLTAGE})}
    plant = _begun({}, over)
    assert plant.sent()[1:] == (0.0, 100.0)
    assert plant.raised()[0] == frozenset({Alarm.OVER_VOLTAGE})
    plant.packs["b1"].reports(protections=frozenset())
    plant.run(3.75)
    assert plant.sent()[1] < 100.0


def test_limit_of_the_second_telegram_counts() -> None:
    """Together with the values received before."""
    plant = Plant()
    for _ in range(2):
        plant.port("b1").push(*telegram(plant.now, charge_current_limit=0.0))
    plant.port("b1").push(*telegram(plant.now, charge_current_limit=500.0)[:2])
    plant.step()
    assert plant.sent()[1] == 0.0


def test_varying_limits_delay_no_start() -> None:
    """The other limits are sent without a ramp."""
    plant = Plant(EQUAL)
    for amps in (60.0, 100.0):
        plant.packs["b2"].reports(discharge_current_limit=amps)
        plant.send_telegrams()
        plant.step()
        plant.clock.now += 1.0
    assert plant.sent() == (56.0, 200.0, 120.0)


def test_start_waits_15_s_for_a_silent_battery() -> None:
    """Then the loss policies apply, discharging with its grace period."""
    plant = Plant(EQUAL)
    plant.packs["b2"].active = False
    plant.run(14.75)
    assert plant.port().sent == []
    plant.run(0.5)
    assert plant.snapshot.status is Status.BLOCKED
    _, ccl, dcl = plant.sent()
    assert (ccl, dcl) == (0.0, 100.0)
    assert plant.charge.rule is Rule.LOSS
    plant.run(61.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_start_timeout_is_configurable() -> None:
    """Longer for batteries that take long to wake."""
    plant = Plant(EQUAL, start_timeout=30.0)
    plant.packs["b2"].active = False
    plant.run(29.5)
    assert plant.port().sent == []
    plant.run(1.0)
    assert plant.port().sent != []


def test_nothing_is_sent_without_any_battery() -> None:
    """Nothing is known."""
    plant = Plant(EQUAL)
    for pack in plant.packs.values():
        pack.active = False
    plant.run(60.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.port().sent == []


def test_late_battery_ends_the_loss_policy() -> None:
    """By its first complete telegram."""
    plant = Plant(EQUAL)
    plant.packs["b2"].active = False
    plant.run(20.0)
    plant.packs["b2"].active = True
    plant.run(30.0)
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent() == (56.0, 200.0, 200.0)


def test_unknown_required_values_block_and_then_silence() -> None:
    """Without any voltage: 0 A for a moment, as without a battery, then nothing.

    Silence alone would leave an inverter with its last limits for as long as a minute,
    while the battery, which still sends, may lower its own.
    """
    plant = Plant().started()
    plant.packs["b1"].without.add(0x356)
    plant.run(4.0)
    assert plant.state().status is BatteryStatus.ONLINE
    sent = (plant.snapshot.status, plant.sent())
    assert sent == (Status.BLOCKED, (52.0, 0.0, 0.0))
    assert plant.enabled() == (False, False)
    assert plant.charge.source == "b1"
    plant.run(5.0)
    at = plant.now
    plant.run(5.0)
    assert plant.port().since(at) == []
    assert plant.snapshot.status is Status.SILENT
    plant.packs["b1"].without.clear()
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 0.0)
    plant.run(10.0)
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_missing_soc_is_held_for_a_minute() -> None:
    """It changes slowly; then it is unknown like any value."""
    plant = Plant().started()
    plant.packs["b1"].without.add(0x355)
    plant.run(55.0)
    assert (plant.snapshot.status, plant.snapshot.bank.soc) == (Status.RUNNING, 50.0)
    assert plant.sent() == (56.0, 100.0, 100.0)
    plant.run(8.0)
    sent = (plant.snapshot.status, plant.sent())
    assert sent == (Status.BLOCKED, (52.0, 0.0, 0.0))


def test_charge_voltage_setpoint_applies_while_a_value_is_unknown() -> None:
    """A block uses the bank's 52.0 V unless a setpoint is 0.1 V below."""
    plant = Plant().started()
    plant.ask(charge_voltage=50.0)
    plant.packs["b1"].without.add(0x356)
    plant.run(4.0)
    assert plant.snapshot.status is Status.BLOCKED
    assert plant.sent() == (51.9, 0.0, 0.0)


def test_protection_is_sent_while_a_value_is_unknown() -> None:
    """The alarm of the block does not replace the battery's alarms."""
    plant = Plant().started()
    plant.packs["b1"].without.add(0x356)
    plant.packs["b1"].reports(protections=frozenset({Alarm.OVER_VOLTAGE}))
    plant.run(4.0)
    assert plant.snapshot.status is Status.BLOCKED
    sent = plant.raised().protections
    assert sent == frozenset({Alarm.OVER_VOLTAGE, Alarm.INTERNAL})


def test_unknown_required_values_silence_at_once_with_policy_stop() -> None:
    """Nothing is sent."""
    plant = Plant(charge_loss_policy=LossPolicy.STOP).started()
    plant.packs["b1"].without.add(0x356)
    plant.run(4.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.sent()[1] == 100.0


# How the limits of n batteries become one


def test_weaker_battery_limits_the_bank() -> None:
    """100 Ah / 10 A beside 300 Ah / 150 A gives 40 A."""
    reports = {
        "b1": {"charge_current_limit": 10.0, "discharge_current_limit": 10.0},
        "b2": {"charge_current_limit": 150.0, "discharge_current_limit": 150.0},
    }
    plant = Plant(TWO, reports=reports).started()
    assert plant.sent() == (56.0, 40.0, 40.0)
    assert plant.charge.rule is Rule.BATTERY
    assert plant.charge.source == "b1"
    assert plant.charge.number == 10.0


def test_limit_never_exceeds_the_sum() -> None:
    """Equal packs: n x the limit."""
    plant = Plant(EQUAL).started()
    assert plant.charge.amps == 200.0
    assert plant.charge.rule is Rule.BATTERIES


def test_strategy_sum_adds_limits_and_combines_enables_with_and() -> None:
    """As the daemon does."""
    reports = {
        "b1": {"charge_current_limit": 10.0},
        "b2": {"charge_current_limit": 150.0},
    }
    plant = Plant(TWO, reports=reports, strategy=Strategy.SUM).started()
    assert plant.sent()[1] == 160.0
    plant.packs["b1"].reports(charge_enabled=False)
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 200.0)
    assert plant.enabled() == (False, True)


def test_battery_without_permission_is_not_loaded() -> None:
    """The others are limited to a current that hardly flows through it."""
    plant = Plant(EQUAL).started()
    plant.packs["b1"].reports(charge_enabled=False)
    plant.run(2.0)
    assert plant.sent()[1] <= 8.0
    assert plant.sent()[2] == 200.0
    assert plant.enabled() == (True, True)
    plant.packs["b2"].reports(charge_enabled=False)
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 200.0)
    assert plant.enabled() == (False, True)


def _with_one_excluded(**reports: Any) -> Plant:
    """Return a plant whose full battery b1 is excluded while b2 is charged."""
    plant = Plant(EQUAL, reports={"b1": {"charge_current_limit": 0.0} | reports})
    plant.packs["b2"].reports(current=80.0)
    plant.started(30.0)
    assert plant.state("b1").excluded == {Direction.CHARGE}
    return plant


def test_excluded_battery_enables_nothing() -> None:
    """It permits charging, but the last one that could charge does not."""
    plant = _with_one_excluded()
    assert plant.enabled() == (True, True)
    plant.packs["b2"].reports(charge_enabled=False)
    plant.run(1.0)
    assert plant.enabled() == (False, True)


def test_voltage_of_an_excluded_battery_is_ignored() -> None:
    """Its path is open: a limit far below the pack follows the others."""
    plant = _with_one_excluded(voltage=51.6)
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == 51.9  # 0.1 V under the 52.0 V of b2


def test_voltage_of_an_excluded_battery_is_used_if_there_is_no_other() -> None:
    """The telegram is sent: its voltage is known."""
    plant = _with_one_excluded(voltage=51.6)
    plant.packs["b2"].without.add(0x356)
    plant.run(5.0)
    assert plant.snapshot.status is Status.RUNNING
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == 51.9


def test_protection_stops_its_direction() -> None:
    """A warning while another battery allows it, an alarm when none does."""
    plant = Plant(EQUAL).started()
    plant.packs["b1"].reports(protections=frozenset({Alarm.OVER_VOLTAGE}))
    plant.run(2.0)
    assert plant.sent()[1] <= 8.0
    assert plant.sent()[2] == 200.0
    assert plant.raised() == (frozenset(), frozenset({Alarm.OVER_VOLTAGE}))
    plant.packs["b2"].reports(protections=frozenset({Alarm.OVER_VOLTAGE}))
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 200.0)
    assert plant.enabled() == (False, True)
    assert plant.raised() == (frozenset({Alarm.OVER_VOLTAGE}), frozenset())


@pytest.mark.parametrize("forward", [True, False])
def test_charge_requests_are_forwarded_only_if_configured(forward: bool) -> None:
    """They make inverters buy energy."""
    reports = {
        "b1": {"force_charge": True, "force_charge_2": True, "full_charge": True}
    }
    plant = Plant(EQUAL, reports=reports, forward_requests=forward).started()
    assert plant.snapshot.bank.force_charge is True
    asked = plant.port().last(0x35C)[0] & 0x38
    assert asked == (0x38 if forward else 0)


# The voltage limits


def test_lowest_charge_voltage_limit_applies() -> None:
    """Of the batteries; the highest for discharging."""
    reports = {"b1": {"charge_voltage_limit": 55.2, "discharge_voltage_limit": 47.0}}
    plant = Plant(EQUAL, reports=reports).started()
    assert plant.sent()[0] == 55.2
    assert plant.snapshot.discharge_voltage_limit == 47.0


def test_battery_with_a_limit_below_the_pack_stops_charging() -> None:
    """Its voltage limit cannot be sent, so the current protects it."""
    plant = Plant(reports={"b1": {"charge_voltage_limit": 54.0, "voltage": 54.5}})
    plant.started()
    assert plant.sent()[:2] == (54.4, 0.0)
    assert plant.charge.rule is Rule.VOLTAGE
    assert plant.charge.source == "b1"
    assert plant.charge.number == 54.0


# Setpoints and the total


def test_setpoints_lower_the_limit() -> None:
    """At once, with the rule; above the batteries' limit they change nothing."""
    plant = Plant().started()
    at = plant.clock.now = plant.now + 0.01
    plant.ask(charge_current=30.0, discharge_current=500.0, charge_voltage=54.0)
    assert plant.sent_since(at) == [(54.0, 30.0, 100.0)]
    assert plant.charge.rule is Rule.SETPOINT
    assert plant.discharge.rule is Rule.BATTERIES
    plant.ask(charge_current=0.0)
    assert plant.sent()[1] == 0.0


def test_charge_voltage_setpoint_far_below_the_pack_is_raised() -> None:
    """To 0.1 V below it."""
    plant = Plant().started()
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == plant.snapshot.charge_voltage_limit == 51.9


def test_charge_voltage_is_shown_as_sent() -> None:
    """Rounded down to 0.1 V."""
    plant = Plant(reports={"b1": {"voltage": 52.07}}).started()
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == plant.snapshot.charge_voltage_limit == 51.9


def test_voltage_floor_depends_on_the_number_of_cells() -> None:
    """16 do not become 15 when it lowers its limit: 48 V, and 0 A protects."""
    plant = Plant(reports={"b1": {"voltage": 47.0}}).started()
    plant.packs["b1"].reports(charge_voltage_limit=42.0)
    plant.run(1.0)
    assert plant.sent()[:2] == (48.0, 0.0)
    assert plant.charge.rule is Rule.VOLTAGE


def test_setpoints_can_be_lowered_while_batteries_are_lost() -> None:
    """It must never be impossible."""
    plant = _lost()
    plant.ask(discharge_current=10.0)
    assert plant.sent()[2] == 10.0


def test_total_limits_the_bank() -> None:
    """By default the inverters' ratings, else as configured."""
    plant = Plant(EQUAL, total_charge=120.0, total_discharge=90.0).started()
    assert plant.sent() == (56.0, 120.0, 90.0)
    assert plant.charge.rule is Rule.TOTAL


# Down at once, up slowly


def test_lower_limit_is_sent_with_the_frame_that_reports_it() -> None:
    """At any minimum send interval."""
    plant = Plant().started()
    plant.port("b1").push(*telegram(plant.now, charge_current_limit=40.0)[:2])
    plant.step()
    assert plant.sent()[1] == 40.0


def test_higher_limit_holds_and_then_ramps() -> None:
    """3 s, then by the rated current in 10 s."""
    plant = Plant(total_charge=100.0).started()
    plant.ask(charge_current=0.0)
    plant.run(5.0)
    plant.ask()
    plant.run(2.75)
    assert plant.sent()[1] == 0.0
    plant.run(5.0)
    assert 30.0 <= plant.sent()[1] <= 60.0
    plant.run(12.0)
    assert plant.sent()[1] == 100.0


# Loss of a battery


def test_loss_blocks_charging_and_reduces_discharging() -> None:
    """Charging at once: 0 A, its enable off, a warning."""
    plant = _lost()
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
    plant = _lost(seconds=70.0)
    cvl, ccl, dcl = plant.sent()
    assert (ccl, dcl) == (0.0, 0.0)
    assert 51.8 <= cvl <= 52.0
    assert plant.enabled() == (False, False)
    assert plant.raised()[0] == frozenset({Alarm.INTERNAL})


def test_grace_period_is_configurable() -> None:
    """None where no house depends on it."""
    plant = _lost(discharge_grace=0.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_charge_voltage_of_a_block_follows_the_pack() -> None:
    """While a battery reports."""
    plant = _lost(seconds=70.0)
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
    plant = _lost(discharge_grace=2.0, **policies)
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
    plant = _lost()
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


# Changes while running


def test_added_battery_counts_from_its_first_complete_telegram() -> None:
    """It never stops the others."""
    plant = Plant().started(10.0)
    at = plant.now
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].active = False
    plant.run(30.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}
    assert plant.snapshot.status is Status.RUNNING
    plant.packs["b2"].active = True
    plant.packs["b2"].reports(charge_current_limit=20.0)
    plant.run(1.5)
    assert plant.sent()[1] == 40.0
    plant.packs["b2"].reports(charge_current_limit=100.0)
    plant.run(30.0)
    assert plant.sent()[1] == 200.0


def test_removed_battery_does_not_count() -> None:
    """Frames that its port still delivers while closing are ignored."""
    plant = Plant(EQUAL).started(10.0)
    plant.apply(batteries=(battery("b1"),))
    plant.packs.pop("b2")
    plant.port("b2").push(*telegram(plant.now))
    plant.port("b2").drain()
    plant.run(2.0)
    assert set(plant.snapshot.batteries) == {"b1"}
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_battery_on_another_port_is_lost_until_received_there() -> None:
    """Its last values still count: it may carry current, unseen."""
    small, large = TWO
    reports = {"b1": {"charge_current_limit": 10.0, "discharge_current_limit": 10.0}}
    plant = Plant(TWO, reports=reports).started(10.0)
    plant.apply(batteries=(replace(small, port=battery("b3").port), large))
    plant.packs["b1"].active = False
    plant.run(2.0)
    assert plant.state("b1").status is BatteryStatus.LOST
    assert plant.sent() == (52.0, 0.0, 40.0)
    for _ in range(3):
        plant.port("b3").push(*plant.packs["b1"].frames(plant.now))
        plant.run(1.0)
    assert plant.state("b1").status is BatteryStatus.ONLINE


def test_changed_port_settings_lose_no_battery() -> None:
    """It is at the same place; it is lost if it stays silent."""
    plant = Plant().started(10.0)
    port = replace(battery("b1").port, bring_up=True)
    plant.apply(batteries=(replace(battery("b1"), port=port),))
    plant.run(2.0)
    assert plant.state().losses == 0
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_battery_never_received_waits_on_its_new_port_too() -> None:
    """Nothing is known of it."""
    plant = Plant().started(10.0)
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].active = False
    plant.run(2.0)
    moved = replace(battery("b2"), port=battery("b3").port)
    plant.apply(batteries=(battery("b1"), moved))
    plant.run(2.0)
    assert plant.state("b2").status is BatteryStatus.WAITING
    assert plant.sent() == (56.0, 100.0, 100.0)


# Time


def test_blocked_event_loop_loses_no_battery() -> None:
    """Waiting frames are read before anything is evaluated."""
    plant = Plant().started(10.0)
    at = plant.now
    for n in range(1, 8):
        plant.port("b1").push(*telegram(at + n))
    plant.clock.now = at + 7.0
    plant.step()
    assert plant.state().status is BatteryStatus.ONLINE
    assert plant.state().losses == 0
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_frames_read_late_keep_their_age() -> None:
    """Frames that waited 7 s are 7 s old."""
    plant = Plant(bridge=0.0).started(10.0)
    at = plant.now
    plant.port("b1").push(*telegram(at + 1))
    plant.clock.now = at + 8.0
    plant.step()
    assert plant.state().status is BatteryStatus.LOST
    assert plant.sent()[1:] == (0.0, 0.0)


def test_new_values_are_sent_at_once() -> None:
    """Each telegram follows the batteries' control frames, not a timer."""
    plant = Plant().started(10.0)
    plant.clock.now += 0.5
    plant.send_telegrams()
    plant.step()
    assert plant.port().sent[-1].at == plant.now


# One current of the bank


def test_limits_entities_and_telegrams_use_the_same_current() -> None:
    """b1 carries half, whatever its capacity: of -30 A known make -60 A."""
    plant = Plant(
        [battery("b1", 100.0), battery("b2", 300.0)],
        reports={"b1": {"current": -30.0}, "b2": {"current": None}},
        learnt={"b1": 0.5, "b2": 0.5},
    ).started(20.0)
    assert plant.snapshot.bank.current == pytest.approx(-60.0)
    assert plant.snapshot.bank.current_estimated
    sent = plant.inverter().confirmed
    assert sent is not None
    assert sent.current == pytest.approx(-60.0)


def test_factor_and_offset_do_not_affect_limits() -> None:
    """2 x 40 A + 5 A are shown; the battery 10 A over lowers it by 10 A."""
    plant = Plant(
        reports={"b1": {"current": 40.0, "charge_current_limit": 30.0}},
        current_factor=2.0,
        current_offset=5.0,
    ).started(20.0)
    assert plant.snapshot.bank.current == pytest.approx(85.0)
    sent = plant.inverter().confirmed
    assert sent is not None
    assert sent.current == pytest.approx(85.0)
    assert plant.charge.amps == pytest.approx(30.0)


# A contactor that opens while charging


def _opened(plant: Plant) -> None:
    """Open b1's contactor while 80 A are charged; it refuses charge only."""
    for pack in plant.packs.values():
        pack.reports(current=40.0)
    plant.run(20.0)
    plant.packs["b1"].reports(current=0.0, charge_current_limit=0.0)
    plant.packs["b2"].reports(current=80.0)
    plant.run(20.0)
    assert plant.state("b1").excluded == {Direction.CHARGE}


def test_opening_contactor_does_not_limit_discharging() -> None:
    """It carried 40 A less than its half, which shows nothing of discharge."""
    plant = Plant(EQUAL).started()
    least = inf
    _opened(plant)
    for second in range(20):
        plant.packs["b2"].reports(current=76.0 - 4.0 * second)
        plant.run(1.0)
        least = min(least, plant.discharge.amps)
    assert least >= 195.0


def test_battery_that_carries_nothing_is_excluded_both_ways() -> None:
    """b2 carries all; then b1 charges again and both count."""
    plant = Plant(EQUAL).started()
    _opened(plant)
    plant.packs["b2"].reports(current=-40.0)
    plant.run(5.0)
    assert plant.state("b1").excluded == set(Direction)
    assert plant.discharge.amps == pytest.approx(100.0, abs=1.0)
    plant.packs["b1"].reports(current=-20.0, charge_current_limit=100.0)
    plant.packs["b2"].reports(current=-20.0)
    plant.run(30.0)
    assert plant.state("b1").excluded == set()
    assert plant.discharge.amps == pytest.approx(200.0, abs=5.0)


def test_battery_with_the_values_just_sent_counts() -> None:
    """It equals the only one so far, as the sent bank limits do."""
    plant = Plant([battery("b1")]).started(10.0)
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].reports(voltage=52.1)
    plant.run(10.0)
    assert {state.status for state in plant.snapshot.batteries.values()} == {
        BatteryStatus.ONLINE
    }
    assert plant.sent()[1:] == (200.0, 200.0)


def test_current_with_a_wrong_sign_counts_as_unknown() -> None:
    """The bank's is that of the others, by their shares: 60 A of two thirds."""
    plant = Plant((battery("b1", 200.0), battery("b2", 100.0))).started(5.0)
    for amps in (0.0, 60.0, 0.0, 60.0):
        plant.packs["b1"].reports(current=amps)
        plant.packs["b2"].reports(current=-amps / 2)
        plant.run(5.0)
    assert plant.snapshot.batteries["b2"].wrong_sign
    assert plant.snapshot.bank.current == pytest.approx(90.0)
    assert plant.snapshot.bank.current_estimated
