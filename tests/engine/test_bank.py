"""Frames of batteries in, what the inverters are told out."""

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
    plant.packs[key].speaks = False
    plant.run(seconds)
    assert plant.state(key).status is BatteryStatus.LOST
    return plant


# The start


def test_starting() -> None:
    """Until then that is its status."""
    plant = Plant(EQUAL)
    plant.step()
    assert plant.snapshot.status is Status.STARTING


def test_nothing_until_every_battery_has_spoken_twice() -> None:
    """Zeros at boot would raise alarms, one telegram might be half a truth."""
    plant = Plant(EQUAL)
    plant.speak()
    plant.wait(1.0)
    plant.speak("b1")
    plant.step()
    assert plant.port().sent == []
    plant.speak("b2")
    plant.step()
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent() == (56.0, 200.0, 200.0)


def _begun(*telegrams: dict[str, Any]) -> Plant:
    """Return a plant with one battery that said these, one a second."""
    plant = Plant()
    for changes in telegrams:
        plant.packs["b1"].says(**changes)
        plant.speak()
        plant.step()
        plant.clock.now += 1.0
    assert plant.snapshot.status is Status.RUNNING
    return plant


@pytest.mark.parametrize("first", [(0.0, 500.0), (500.0, 0.0), (100.0, 500.0)])
def test_two_telegrams_that_do_not_agree(first: tuple[float, float]) -> None:
    """The lower limit is told first; it rises by 3 s of patience and a ramp."""
    plant = _begun(*({"charge_current_limit": amps} for amps in first))
    low = min(first)
    assert plant.sent() == (56.0, low, 100.0)
    plant.packs["b1"].says(charge_current_limit=500.0)
    plant.run(2.5)
    assert plant.sent()[1] == low
    plant.run(4.0)
    assert low < plant.sent()[1] < 400.0
    plant.run(10.0)
    assert plant.sent()[1] == 500.0


@pytest.mark.parametrize("first", [(200.0, 181.0), (181.0, 200.0)])
def test_two_telegrams_that_agree(first: tuple[float, float]) -> None:
    """Within 10 %: what was said last is told, whole."""
    plant = _begun(*({"charge_current_limit": amps} for amps in first))
    assert plant.sent() == (56.0, first[-1], 100.0)


def test_two_telegrams_that_do_not_agree_about_an_enable() -> None:
    """A limit that may not be used is 0 A, whichever came first."""
    on, off = ({"charge_enabled": enabled} for enabled in (True, False))
    for first in ((on, off), (off, on)):
        plant = _begun(*first)
        assert plant.sent()[1:] == (0.0, 100.0)
        plant.packs["b1"].says(**on)
        plant.run(3.75)
        assert plant.sent()[1] < 100.0


def test_a_protection_in_the_first_telegrams() -> None:
    """It holds its battery at 0 A, and what follows rises slowly."""
    over = {"protections": frozenset({Alarm.OVER_VOLTAGE})}
    plant = _begun({}, over)
    assert plant.sent()[1:] == (0.0, 100.0)
    assert plant.raised()[0] == frozenset({Alarm.OVER_VOLTAGE})
    plant.packs["b1"].says(protections=frozenset())
    plant.run(3.75)
    assert plant.sent()[1] < 100.0


def test_a_limit_that_came_with_the_second_telegram() -> None:
    """What was read with it counts, too."""
    plant = Plant()
    for _ in range(2):
        plant.port("b1").push(*telegram(plant.now, charge_current_limit=0.0))
    plant.port("b1").push(*telegram(plant.now, charge_current_limit=500.0)[:2])
    plant.step()
    assert plant.sent()[1] == 0.0


def test_limits_that_vary_delay_no_start() -> None:
    """The others go out whole."""
    plant = Plant(EQUAL)
    for amps in (60.0, 100.0):
        plant.packs["b2"].says(discharge_current_limit=amps)
        plant.speak()
        plant.step()
        plant.clock.now += 1.0
    assert plant.sent() == (56.0, 200.0, 120.0)


def test_one_battery_that_is_silent_is_waited_for() -> None:
    """For 15 s; then the loss policies hold, discharging by its grace."""
    plant = Plant(EQUAL)
    plant.packs["b2"].speaks = False
    plant.run(14.75)
    assert plant.port().sent == []
    plant.run(0.5)
    assert plant.snapshot.status is Status.BLOCKED
    _, ccl, dcl = plant.sent()
    assert (ccl, dcl) == (0.0, 100.0)
    assert plant.charge.rule is Rule.LOSS
    plant.run(61.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_the_start_timeout_can_be_set() -> None:
    """Longer for batteries that take long to wake."""
    plant = Plant(EQUAL, start_timeout=30.0)
    plant.packs["b2"].speaks = False
    plant.run(29.5)
    assert plant.port().sent == []
    plant.run(1.0)
    assert plant.port().sent != []


def test_no_battery_at_all() -> None:
    """Nothing is known, so nothing is ever said."""
    plant = Plant(EQUAL)
    for pack in plant.packs.values():
        pack.speaks = False
    plant.run(60.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.port().sent == []


def test_a_battery_found_late() -> None:
    """It ends the loss policy by its first complete set."""
    plant = Plant(EQUAL)
    plant.packs["b2"].speaks = False
    plant.run(20.0)
    plant.packs["b2"].speaks = True
    plant.run(30.0)
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent() == (56.0, 200.0, 200.0)


def test_required_values_unknown() -> None:
    """Without any voltage: 0 A for a moment, as without a battery, then nothing.

    Silence alone would leave an inverter with its last limits for as long as a minute,
    while the battery, which still speaks, may lower its own.
    """
    plant = Plant().started()
    plant.packs["b1"].without.add(0x356)
    plant.run(4.0)
    assert plant.state().status is BatteryStatus.ONLINE
    told = (plant.snapshot.status, plant.sent())
    assert told == (Status.BLOCKED, (52.0, 0.0, 0.0))
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


def test_a_state_of_charge_that_stays_away() -> None:
    """It holds for a minute, for it moves slowly; then it is unknown as any value."""
    plant = Plant().started()
    plant.packs["b1"].without.add(0x355)
    plant.run(55.0)
    assert (plant.snapshot.status, plant.snapshot.bank.soc) == (Status.RUNNING, 50.0)
    assert plant.sent() == (56.0, 100.0, 100.0)
    plant.run(8.0)
    told = (plant.snapshot.status, plant.sent())
    assert told == (Status.BLOCKED, (52.0, 0.0, 0.0))


def test_charge_voltage_that_was_asked_for_holds_where_a_value_is_unknown() -> None:
    """A block stands at the bank's 52.0 V, but for what was asked for: 0.1 V under it."""
    plant = Plant().started()
    plant.ask(charge_voltage=50.0)
    plant.packs["b1"].without.add(0x356)
    plant.run(4.0)
    assert plant.snapshot.status is Status.BLOCKED
    assert plant.sent() == (51.9, 0.0, 0.0)


def test_protection_is_not_kept_back_where_a_value_is_unknown() -> None:
    """The alarm of the block does not take the place of what the battery tells."""
    plant = Plant().started()
    plant.packs["b1"].without.add(0x356)
    plant.packs["b1"].says(protections=frozenset({Alarm.OVER_VOLTAGE}))
    plant.run(4.0)
    assert plant.snapshot.status is Status.BLOCKED
    told = plant.raised().protections
    assert told == frozenset({Alarm.OVER_VOLTAGE, Alarm.INTERNAL})


def test_required_values_unknown_with_policy_stop() -> None:
    """Nothing at once."""
    plant = Plant(charge_loss_policy=LossPolicy.STOP).started()
    plant.packs["b1"].without.add(0x356)
    plant.run(4.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.sent()[1] == 100.0


# How the limits of n batteries become one


def test_no_battery_is_overloaded() -> None:
    """100 Ah / 10 A beside 300 Ah / 150 A gives 40 A."""
    says = {
        "b1": {"charge_current_limit": 10.0, "discharge_current_limit": 10.0},
        "b2": {"charge_current_limit": 150.0, "discharge_current_limit": 150.0},
    }
    plant = Plant(TWO, says=says).started()
    assert plant.sent() == (56.0, 40.0, 40.0)
    assert plant.charge.rule is Rule.BATTERY
    assert plant.charge.source == "b1"
    assert plant.charge.number == 10.0


def test_never_more_than_the_sum() -> None:
    """Equal packs: n x the limit."""
    plant = Plant(EQUAL).started()
    assert plant.charge.amps == 200.0
    assert plant.charge.rule is Rule.BATTERIES


def test_strategy_sum() -> None:
    """As the original: the sum of the limits, the AND of the enables."""
    says = {"b1": {"charge_current_limit": 10.0}, "b2": {"charge_current_limit": 150.0}}
    plant = Plant(TWO, says=says, strategy=Strategy.SUM).started()
    assert plant.sent()[1] == 160.0
    plant.packs["b1"].says(charge_enabled=False)
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 200.0)
    assert plant.enabled() == (False, True)


def test_a_battery_that_does_not_permit_is_not_loaded() -> None:
    """The others are held to what would hardly flow through it."""
    plant = Plant(EQUAL).started()
    plant.packs["b1"].says(charge_enabled=False)
    plant.run(2.0)
    assert plant.sent()[1] <= 8.0
    assert plant.sent()[2] == 200.0
    assert plant.enabled() == (True, True)
    plant.packs["b2"].says(charge_enabled=False)
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 200.0)
    assert plant.enabled() == (False, True)


def _with_one_aside(**says: Any) -> Plant:
    """Return a plant whose full battery b1 stands aside while b2 is charged."""
    plant = Plant(EQUAL, says={"b1": {"charge_current_limit": 0.0} | says})
    plant.packs["b2"].says(current=80.0)
    plant.started(30.0)
    assert plant.state("b1").excluded == {Direction.CHARGE}
    return plant


def test_who_stands_aside_enables_nothing() -> None:
    """It permits charging, but the last one that took any does not."""
    plant = _with_one_aside()
    assert plant.enabled() == (True, True)
    plant.packs["b2"].says(charge_enabled=False)
    plant.run(1.0)
    assert plant.enabled() == (False, True)


def test_the_voltage_of_who_stands_aside_is_not_the_banks() -> None:
    """Its path is open: a limit far below the pack follows the others."""
    plant = _with_one_aside(voltage=51.6)
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == 51.9  # 0.1 V under the 52.0 V of b2


def test_the_voltage_of_who_stands_aside_is_better_than_none() -> None:
    """The set is sent: its voltage is known."""
    plant = _with_one_aside(voltage=51.6)
    plant.packs["b2"].without.add(0x356)
    plant.run(5.0)
    assert plant.snapshot.status is Status.RUNNING
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == 51.9


def test_a_protection_stops_its_direction() -> None:
    """As a warning while another battery allows it, as an alarm when none does."""
    plant = Plant(EQUAL).started()
    plant.packs["b1"].says(protections=frozenset({Alarm.OVER_VOLTAGE}))
    plant.run(2.0)
    assert plant.sent()[1] <= 8.0
    assert plant.sent()[2] == 200.0
    assert plant.raised() == (frozenset(), frozenset({Alarm.OVER_VOLTAGE}))
    plant.packs["b2"].says(protections=frozenset({Alarm.OVER_VOLTAGE}))
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 200.0)
    assert plant.enabled() == (False, True)
    assert plant.raised() == (frozenset({Alarm.OVER_VOLTAGE}), frozenset())


@pytest.mark.parametrize("forward", [True, False])
def test_requests_go_on_only_where_allowed(forward: bool) -> None:
    """They make inverters buy energy."""
    says = {"b1": {"force_charge": True, "force_charge_2": True, "full_charge": True}}
    plant = Plant(EQUAL, says=says, forward_requests=forward).started()
    assert plant.snapshot.bank.force_charge is True
    asked = plant.port().last(0x35C)[0] & 0x38
    assert asked == (0x38 if forward else 0)


# The voltage limits


def test_the_lowest_charge_voltage() -> None:
    """Of the batteries; the highest for discharging."""
    says = {"b1": {"charge_voltage_limit": 55.2, "discharge_voltage_limit": 47.0}}
    plant = Plant(EQUAL, says=says).started()
    assert plant.sent()[0] == 55.2
    assert plant.snapshot.discharge_voltage_limit == 47.0


def test_a_battery_below_the_pack_stops_charging() -> None:
    """Its voltage limit cannot be told, so the current does it."""
    plant = Plant(says={"b1": {"charge_voltage_limit": 54.0, "voltage": 54.5}})
    plant.started()
    assert plant.sent()[:2] == (54.4, 0.0)
    assert plant.charge.rule is Rule.VOLTAGE
    assert plant.charge.source == "b1"
    assert plant.charge.number == 54.0


# Setpoints and the total


def test_setpoints_lower() -> None:
    """At once, with the reason; above the batteries' limit they change nothing."""
    plant = Plant().started()
    at = plant.clock.now = plant.now + 0.01
    plant.ask(charge_current=30.0, discharge_current=500.0, charge_voltage=54.0)
    assert plant.sent_since(at) == [(54.0, 30.0, 100.0)]
    assert plant.charge.rule is Rule.SETPOINT
    assert plant.discharge.rule is Rule.BATTERIES
    plant.ask(charge_current=0.0)
    assert plant.sent()[1] == 0.0


def test_a_charge_voltage_far_under_the_pack() -> None:
    """Is told no lower than 0.1 V under it."""
    plant = Plant().started()
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == plant.snapshot.charge_voltage_limit == 51.9


def test_the_charge_voltage_is_shown_as_it_is_sent() -> None:
    """Cut to 0.1 V."""
    plant = Plant(says={"b1": {"voltage": 52.07}}).started()
    plant.ask(charge_voltage=48.0)
    assert plant.sent()[0] == plant.snapshot.charge_voltage_limit == 51.9


def test_the_floor_goes_by_the_cells_that_a_battery_has() -> None:
    """16 are not 15 because it lowers its limit: 48 V, and 0 A protects it."""
    plant = Plant(says={"b1": {"voltage": 47.0}}).started()
    plant.packs["b1"].says(charge_voltage_limit=42.0)
    plant.run(1.0)
    assert plant.sent()[:2] == (48.0, 0.0)
    assert plant.charge.rule is Rule.VOLTAGE


def test_setpoints_can_be_lowered_while_batteries_are_lost() -> None:
    """It must never be impossible."""
    plant = _lost()
    plant.ask(discharge_current=10.0)
    assert plant.sent()[2] == 10.0


def test_the_total_limit() -> None:
    """By default the inverters' ratings, else as configured."""
    plant = Plant(EQUAL, total_charge=120.0, total_discharge=90.0).started()
    assert plant.sent() == (56.0, 120.0, 90.0)
    assert plant.charge.rule is Rule.TOTAL


# Down at once, up slowly


def test_a_fall_is_told_in_the_same_moment() -> None:
    """With the frame that tells it, whatever the minimum gap."""
    plant = Plant().started()
    plant.port("b1").push(*telegram(plant.now, charge_current_limit=40.0)[:2])
    plant.step()
    assert plant.sent()[1] == 40.0


def test_a_rise_holds_then_ramps() -> None:
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


def test_block() -> None:
    """Charging at once: 0 A, its enable off, a warning; discharging is reduced."""
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


def test_block_after_the_grace() -> None:
    """Discharging too, with an alarm; never a voltage limit of 0 or far below."""
    plant = _lost(seconds=70.0)
    cvl, ccl, dcl = plant.sent()
    assert (ccl, dcl) == (0.0, 0.0)
    assert 51.8 <= cvl <= 52.0
    assert plant.enabled() == (False, False)
    assert plant.raised()[0] == frozenset({Alarm.INTERNAL})


def test_the_grace_can_be_set() -> None:
    """None where no house depends on it."""
    plant = _lost(discharge_grace=0.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_the_charge_voltage_of_a_block_follows_the_pack() -> None:
    """While a battery speaks."""
    plant = _lost(seconds=70.0)
    plant.packs["b1"].says(voltage=53.0)
    plant.run(2.0)
    assert 52.8 <= plant.sent()[0] <= 53.0


def test_the_grace_begins_when_a_silent_one_is_put_back_in_service() -> None:
    """It was out for hours; the house does not go dark while it is plugged in."""
    plant = Plant(EQUAL).started(10.0)
    plant.set(AllSetpoints(out_of_service=frozenset({"b2"})))
    plant.packs["b2"].speaks = False
    plant.run(300.0)
    assert plant.sent()[2] == 100.0
    plant.set(AllSetpoints())
    plant.run(30.0)
    assert plant.snapshot.status is Status.BLOCKED
    assert plant.sent()[1:] == (0.0, 200.0)
    plant.run(31.0)
    assert plant.sent()[1:] == (0.0, 0.0)


OUT = AllSetpoints(out_of_service=frozenset({"b2"}))


def test_one_never_heard_is_missed_once_it_is_put_in_service() -> None:
    """As if it had been in service from the start: lost, and its grace begins."""
    plant = Plant(EQUAL, setpoints=OUT)
    plant.packs["b2"].speaks = False
    plant.started(30.0)
    assert plant.sent()[1:] == (100.0, 100.0)
    plant.set(AllSetpoints())
    plant.run(59.0)
    assert plant.sent()[1:] == (0.0, 100.0)
    plant.run(2.0)
    assert plant.sent()[1:] == (0.0, 0.0)
    plant.packs["b2"].speaks = True
    plant.run(30.0)
    assert plant.sent()[1:] == (200.0, 200.0)


@pytest.mark.slow
def test_full_and_out_of_service_but_not_disconnected() -> None:
    """Its share of what is told flows through it: for 10 s and what it takes to end."""
    plant = Plant(EQUAL, says={"b2": {"charge_current_limit": 0.0}}, setpoints=OUT)
    plant.started()
    most = []
    for _ in range(1200):
        told = plant.sent()[1]
        most.append(told)
        for pack in plant.packs.values():
            pack.says(current=told / 2)
        plant.run(0.5)
    assert plant.state("b2").carries_current_out_of_service
    assert most[0] == 100.0
    assert max(most[24:]) <= 8.1  # for a second, while it settles what circulates


@pytest.mark.slow
def test_an_intruder_that_is_still_rejoining_has_its_grace() -> None:
    """It was silent for hours, but nobody missed it."""
    plant = Plant(EQUAL).started(10.0)
    plant.set(OUT)
    plant.packs["b2"].speaks = False
    plant.run(7200.0, tick=10.0)
    plant.packs["b2"].says(current=-5.0)
    for _ in range(12):
        plant.run(1.0)
        plant.port("b2").push(*telegram(plant.now, current=-5.0, without={0x355}))
    plant.run(1.0)
    assert plant.state("b2").status is BatteryStatus.REJOINING
    assert plant.state("b2").carries_current_out_of_service
    assert plant.sent()[1] == 0.0
    assert plant.sent()[2] > 0.0


def test_reduce() -> None:
    """The lost one is reckoned with by its last limits."""
    plant = Plant(EQUAL, charge_loss_policy=LossPolicy.REDUCE).started(10.0)
    plant.packs["b2"].says(charge_current_limit=10.0, discharge_current_limit=10.0)
    plant.packs["b1"].says(charge_current_limit=20.0)
    plant.run(2.0)
    plant.packs["b2"].speaks = False
    plant.run(5.0)
    assert plant.snapshot.status is Status.REDUCED
    assert plant.sent()[2] == 20.0
    assert plant.discharge.rule is Rule.LOSS
    assert plant.discharge.source == "b2"
    assert plant.sent()[1] == 0.0  # 10 A of the 100 A that it once allowed: tapered


def test_reduce_where_the_lost_one_is_seen_to_carry_nothing() -> None:
    """A BMS that shut down has opened its path, too: the others bear it all.

    Once one of them carries more than it allows that is known, and holds till the end:
    neither is it asked for that again, nor is 0 A told because it was.
    """
    says = {key: {"discharge_current_limit": 50.0} for key in ("b1", "b2")}
    plant = Plant(EQUAL, says=says).started(10.0)
    plant.packs["b2"].speaks = False
    plant.run(4.0)
    assert plant.sent()[2] == 100.0
    at = plant.now
    for current in (-100.0, -75.0, -50.0, -10.0):
        plant.packs["b1"].says(current=current)
        plant.run(5.0)
    told = {dcl for _, _, dcl in plant.sent_since(at + 1.25)}
    assert told == {50.0}
    plant.packs["b1"].says(current=0.0)
    plant.packs["b2"].speaks = True
    plant.run(60.0)
    # What circulated between the two fades away
    assert plant.sent()[2] == pytest.approx(100.0, abs=0.2)


def test_reduce_where_all_that_are_heard_stand_aside() -> None:
    """What flows is the lost one's: its house does not go dark within the grace."""
    plant = Plant(EQUAL).started(10.0)
    plant.packs["b1"].says(discharge_current_limit=0.0)
    plant.packs["b2"].says(current=-80.0)
    plant.run(30.0)
    assert plant.state("b1").excluded == {Direction.DISCHARGE}
    plant.packs["b2"].speaks = False
    plant.run(10.0)
    assert plant.sent()[2] == 100.0


def test_reduce_with_one_that_stood_aside() -> None:
    """Not back yet for want of measurements, it allows 10 A again: it counts."""
    plant = Plant(EQUAL, discharge_loss_policy=LossPolicy.REDUCE).started(10.0)
    plant.packs["b1"].says(discharge_current_limit=0.0)
    plant.packs["b2"].says(current=-80.0)
    plant.run(30.0)
    plant.packs["b1"].without = {0x351}
    plant.run(10.0)
    assert plant.state("b1").status is BatteryStatus.LOST
    assert plant.state("b1").excluded == {Direction.DISCHARGE}
    plant.packs["b1"].without = {0x356}
    plant.packs["b1"].says(discharge_current_limit=10.0)
    plant.run(10.0)
    assert plant.state("b1").status is BatteryStatus.REJOINING
    assert plant.discharge.source == "b1"
    assert plant.discharge.number == 10.0


@pytest.mark.parametrize(("soc", "ccl"), [(89.0, 200.0), (90.0, 0.0)])
def test_reduce_near_the_top(soc: float, ccl: float) -> None:
    """A battery lost at 90 % or more may be full by now."""
    plant = Plant(
        EQUAL, says={"b2": {"soc": soc}}, charge_loss_policy=LossPolicy.REDUCE
    ).started(10.0)
    plant.packs["b2"].speaks = False
    plant.run(5.0)
    assert plant.sent()[1] <= ccl
    assert (plant.sent()[1] == 0.0) is (ccl == 0.0)


def test_reduce_where_a_charge_voltage_was_never_told() -> None:
    """Nobody charges a battery beside the others to a voltage that it never allowed."""
    plant = Plant(EQUAL, charge_loss_policy=LossPolicy.REDUCE)
    # 0 V is no charge voltage limit; the 25.6 A are one.
    plant.packs["b2"].instead = {0x351: bytes.fromhex("0000 0001 6400")}
    plant.run(20.0)
    assert plant.state("b2").last.charge_current_limit == 25.6
    assert plant.state("b2").last.charge_voltage_limit is None
    assert plant.sent()[1:] == (0.0, 20.0)


@pytest.mark.parametrize("direction", ["charge_loss_policy", "discharge_loss_policy"])
def test_stop(direction: str) -> None:
    """Say nothing; discharging after its grace."""
    policies: dict[str, Any] = {direction: LossPolicy.STOP}
    plant = _lost(discharge_grace=2.0, **policies)
    plant.run(2.0)
    at = plant.now
    plant.run(10.0)
    assert plant.port().since(at) == []
    assert plant.snapshot.status is Status.SILENT


def test_all_lost() -> None:
    """0 A for 5 s, then nothing: old values are never repeated as if they were news."""
    plant = Plant(bridge=0.0).started(10.0)
    plant.packs["b1"].speaks = False
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


def test_all_lost_after_the_voltage_sank() -> None:
    """The charge voltage stays by the last minute's highest, as while they spoke."""
    plant = Plant(says={"b1": {"voltage": 55.0}}, bridge=0.0).started(10.0)
    plant.packs["b1"].says(voltage=52.0)
    plant.run(10.0)
    assert plant.sent()[0] == 56.0
    plant.packs["b1"].speaks = False
    plant.run(5.0)
    assert plant.sent() == (54.9, 0.0, 0.0)


def test_all_lost_value_by_value() -> None:
    """The block is told though the SOC became unknown before the limits did."""
    plant = Plant(bridge=0.0)
    for _ in range(10):
        plant.port("b1").push(*telegram(plant.now, without={0x351, 0x359, 0x35C}))
        plant.clock.now += 0.3
        plant.port("b1").push(*telegram(plant.now, without={0x355}))
        plant.step()
        plant.clock.now += 0.7
    plant.packs["b1"].speaks = False
    plant.run(5.0, tick=0.1)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.port().sent[-1].at >= plant.now - 1.0


def test_all_lost_with_policy_stop() -> None:
    """Nothing at once."""
    plant = Plant(charge_loss_policy=LossPolicy.STOP).started(10.0)
    plant.packs["b1"].speaks = False
    plant.run(3.25)
    at = plant.now
    plant.run(10.0)
    assert plant.port().since(at) == []


def test_limits_not_available() -> None:
    """SMA's codes: lost in time, discharging by the last limits for the grace."""
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


def test_a_rejoin_counts_after_three_whole_telegrams() -> None:
    """Then the limits rise again, slowly."""
    plant = _lost()
    plant.packs["b2"].speaks = True
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


def test_a_battery_added_counts_from_its_first_set() -> None:
    """It never stops the others."""
    plant = Plant().started(10.0)
    at = plant.now
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].speaks = False
    plant.run(30.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}
    assert plant.snapshot.status is Status.RUNNING
    plant.packs["b2"].speaks = True
    plant.packs["b2"].says(charge_current_limit=20.0)
    plant.run(1.5)
    assert plant.sent()[1] == 40.0
    plant.packs["b2"].says(charge_current_limit=100.0)
    plant.run(30.0)
    assert plant.sent()[1] == 200.0


def test_a_battery_removed_counts_no_more() -> None:
    """What its port still delivers while it closes is nobody's."""
    plant = Plant(EQUAL).started(10.0)
    plant.apply(batteries=(battery("b1"),))
    plant.packs.pop("b2")
    plant.port("b2").push(*telegram(plant.now))
    plant.port("b2").drain()
    plant.run(2.0)
    assert set(plant.snapshot.batteries) == {"b1"}
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_a_battery_on_another_port_is_lost_until_it_is_heard_there() -> None:
    """What it said counts on: it may still carry current, unseen."""
    small, large = TWO
    says = {"b1": {"charge_current_limit": 10.0, "discharge_current_limit": 10.0}}
    plant = Plant(TWO, says=says).started(10.0)
    plant.apply(batteries=(replace(small, port=battery("b3").port), large))
    plant.packs["b1"].speaks = False
    plant.run(2.0)
    assert plant.state("b1").status is BatteryStatus.LOST
    assert plant.sent() == (52.0, 0.0, 40.0)
    for _ in range(3):
        plant.port("b3").push(*plant.packs["b1"].frames(plant.now))
        plant.run(1.0)
    assert plant.state("b1").status is BatteryStatus.ONLINE


def test_a_port_that_is_set_up_otherwise_loses_nobody() -> None:
    """The battery is where it was; it is missed when it is not heard again in time."""
    plant = Plant().started(10.0)
    port = replace(battery("b1").port, bring_up=True)
    plant.apply(batteries=(replace(battery("b1"), port=port),))
    plant.run(2.0)
    assert plant.state().losses == 0
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_a_battery_never_heard_waits_on_its_other_port_too() -> None:
    """Nothing is known of it."""
    plant = Plant().started(10.0)
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].speaks = False
    plant.run(2.0)
    moved = replace(battery("b2"), port=battery("b3").port)
    plant.apply(batteries=(battery("b1"), moved))
    plant.run(2.0)
    assert plant.state("b2").status is BatteryStatus.WAITING
    assert plant.sent() == (56.0, 100.0, 100.0)


# Time


def test_a_loop_that_was_held_loses_no_battery() -> None:
    """What waited is read before anything is judged."""
    plant = Plant().started(10.0)
    at = plant.now
    for n in range(1, 8):
        plant.port("b1").push(*telegram(at + n))
    plant.clock.now = at + 7.0
    plant.step()
    assert plant.state().status is BatteryStatus.ONLINE
    assert plant.state().losses == 0
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_a_loop_that_was_held_takes_nothing_old_for_news() -> None:
    """Frames that waited 7 s are 7 s old."""
    plant = Plant(bridge=0.0).started(10.0)
    at = plant.now
    plant.port("b1").push(*telegram(at + 1))
    plant.clock.now = at + 8.0
    plant.step()
    assert plant.state().status is BatteryStatus.LOST
    assert plant.sent()[1:] == (0.0, 0.0)


def test_news_goes_on_at_once() -> None:
    """Each inverter's set follows the batteries' control frames, not a timer."""
    plant = Plant().started(10.0)
    plant.clock.now += 0.5
    plant.speak()
    plant.step()
    assert plant.port().sent[-1].at == plant.now


# One current of the bank


def test_one_current_for_limits_entities_and_telegrams() -> None:
    """b1 carries half, whatever its capacity: of -30 A known make -60 A."""
    plant = Plant(
        [battery("b1", 100.0), battery("b2", 300.0)],
        says={"b1": {"current": -30.0}, "b2": {"current": None}},
        learnt={"b1": 0.5, "b2": 0.5},
    ).started(20.0)
    assert plant.snapshot.bank.current == pytest.approx(-60.0)
    assert plant.snapshot.bank.current_estimated
    told = plant.inverter().confirmed
    assert told is not None
    assert told.current == pytest.approx(-60.0)


def test_factor_and_offset_are_for_what_is_shown_and_sent() -> None:
    """2 x 40 A + 5 A; the battery that is 10 A over its limit lowers it by 10 A."""
    plant = Plant(
        says={"b1": {"current": 40.0, "charge_current_limit": 30.0}},
        current_factor=2.0,
        current_offset=5.0,
    ).started(20.0)
    assert plant.snapshot.bank.current == pytest.approx(85.0)
    told = plant.inverter().confirmed
    assert told is not None
    assert told.current == pytest.approx(85.0)
    assert plant.charge.amps == pytest.approx(30.0)


# A contactor that opens while charging


def _opened(plant: Plant) -> None:
    """Let b1 open its contactor while 80 A are charged; it refuses charge only."""
    for pack in plant.packs.values():
        pack.says(current=40.0)
    plant.run(20.0)
    plant.packs["b1"].says(current=0.0, charge_current_limit=0.0)
    plant.packs["b2"].says(current=80.0)
    plant.run(20.0)
    assert plant.state("b1").excluded == {Direction.CHARGE}


def test_what_circulates_in_that_moment_does_not_hold_discharge() -> None:
    """It carried 40 A less than its half, which says nothing of discharge."""
    plant = Plant(EQUAL).started()
    least = inf
    _opened(plant)
    for second in range(20):
        plant.packs["b2"].says(current=76.0 - 4.0 * second)
        plant.run(1.0)
        least = min(least, plant.discharge.amps)
    assert least >= 195.0


def test_who_carries_nothing_either_way_is_excluded_both_ways() -> None:
    """b2 bears all; then b1 charges again and both count."""
    plant = Plant(EQUAL).started()
    _opened(plant)
    plant.packs["b2"].says(current=-40.0)
    plant.run(5.0)
    assert plant.state("b1").excluded == set(Direction)
    assert plant.discharge.amps == pytest.approx(100.0, abs=1.0)
    plant.packs["b1"].says(current=-20.0, charge_current_limit=100.0)
    plant.packs["b2"].says(current=-20.0)
    plant.run(30.0)
    assert plant.state("b1").excluded == set()
    assert plant.discharge.amps == pytest.approx(200.0, abs=5.0)


def test_a_battery_that_joins_and_says_what_we_have_just_sent() -> None:
    """It is like the only one until now, so are the limits that the bank is told."""
    plant = Plant([battery("b1")]).started(10.0)
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].says(voltage=52.1)
    plant.run(10.0)
    assert {state.status for state in plant.snapshot.batteries.values()} == {
        BatteryStatus.ONLINE
    }
    assert plant.sent()[1:] == (200.0, 200.0)
