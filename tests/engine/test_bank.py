"""The bank: frames of batteries in, limits for the inverters out."""

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

from .banks import EQUAL, TWO, with_lost_battery
from .plant import Plant, battery
from .telegrams import telegram


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
    plant = with_lost_battery()
    plant.ask(discharge_current=10.0)
    assert plant.sent()[2] == 10.0


def test_total_limits_the_bank() -> None:
    """By default the inverters' ratings, else as configured."""
    plant = Plant(EQUAL, total_charge=120.0, total_discharge=90.0).started()
    assert plant.sent() == (56.0, 120.0, 90.0)
    assert plant.charge.rule is Rule.TOTAL


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
