"""The rule that binds the bank limit, and how it is reported."""

from collections.abc import Sequence

import pytest

from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    LossPolicy,
)
from custom_components.bms_gateway.engine.limits.rule_inputs import total_limit
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Direction,
    Rule,
)

from ..plant import Plant, battery, inverter

EQUAL = (battery("b1"), battery("b2"))


def test_battery_over_its_limit_lowers_the_bank() -> None:
    """At once and unfiltered, whatever its share is thought to be."""
    reports = {"b1": {"charge_current_limit": 20.0}}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    assert plant.charge.amps == 40.0
    plant.packs["b1"].reports(current=40.0)
    plant.packs["b2"].reports(current=20.0)
    plant.run(1.0)
    assert plant.charge.rule is Rule.OVER_LIMIT
    assert plant.charge.source == "b1"
    # 60 A flow, of which 20 A are too much for one that carries half of all
    assert plant.charge.amps == pytest.approx(20.0, abs=1.0)
    assert plant.discharge.amps == pytest.approx(200.0, abs=5.0)


def test_first_report_of_a_step_counts_the_sent_limits_at_most() -> None:
    """The others' part is unknown; hardly more than the sent limits flows."""
    reports = {"b1": {"charge_current_limit": 20.0}}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    assert plant.sent()[1] == 40.0
    plant.packs["b1"].reports(current=30.0)
    plant.wait(0.5)
    plant.send_telegrams("b1")
    plant.step()
    assert plant.charge.rule is Rule.OVER_LIMIT
    # By its current share 60 A would flow. Of the 40 A sent, it carries 20 A too much.
    assert plant.charge.amps == pytest.approx(20.0, abs=0.5)
    plant.wait(0.25)
    # Lower limits were sent meanwhile, but the present current did not follow them yet.
    assert plant.sent()[1] == pytest.approx(20.0, abs=0.5)
    assert plant.charge.amps == pytest.approx(20.0, abs=0.5)


def test_circulating_current_lowers_the_limit() -> None:
    """A battery that charges another one at rest has that much less to give."""
    reports = {
        "b1": {"discharge_current_limit": 20.0, "current": -6.0},
        "b2": {"current": 6.0},
    }
    plant = Plant(EQUAL, reports=reports).started(10.0)
    assert plant.discharge.amps == pytest.approx(28.0, abs=0.1)
    assert plant.charge.amps == pytest.approx(188.0, abs=0.1)


def test_unmanaged_current_is_subtracted_from_the_limit() -> None:
    """A charger beside the gateway uses a part of it."""
    plant = Plant(
        inverters=[inverter("i1", 20.0)], total_charge=100.0, reports={"b1": {}}
    ).started(10.0)
    assert plant.charge.amps == 100.0
    plant.packs["b1"].reports(current=50.0)
    plant.run(15.0)
    assert plant.charge.amps == 100.0
    plant.run(10.0)
    assert plant.charge.rule is Rule.UNMANAGED
    assert plant.charge.amps == 70.0
    assert plant.charge.number == 30.0
    # Observation for some 4 s: it counts on for ten times as long, and is let go in as long again
    plant.packs["b1"].reports(current=20.0)
    plant.run(30.0)
    assert plant.charge.amps == 70.0
    plant.run(90.0)
    assert plant.charge.amps == 100.0


def test_battery_with_unknown_current_counts_with_a_larger_share() -> None:
    """After 10 s its share counts one and a half times."""
    reports = {"b1": {"charge_current_limit": 30.0}}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    plant.packs["b1"].reports(current=None)
    plant.run(10.0)
    assert plant.charge.amps == 60.0
    plant.run(5.0)
    assert plant.charge.amps == 40.0


@pytest.mark.parametrize(
    ("batteries", "amps"), [(EQUAL[:1], 30.0), (EQUAL, 40.0)], ids=["alone", "all"]
)
def test_shares_are_widened_without_any_known_current(
    batteries: Sequence[BatteryConfig], amps: float
) -> None:
    """A single battery carries all; of two each may carry three quarters."""
    reports = {b.id: {"charge_current_limit": 30.0, "current": None} for b in batteries}
    plant = Plant(batteries, reports=reports).started(30.0)
    assert plant.snapshot.bank.current is None
    assert plant.charge.amps == amps
    assert plant.sent()[1] == amps


@pytest.mark.slow
def test_unknown_current_leaves_the_other_shares_unchanged() -> None:
    """One carries 70 % of the current: it binds as if all were known."""
    plant = Plant(EQUAL).started(10.0)
    parts = {"b1": 0.3, "b2": 0.7}

    def flow(amps: float, seconds: float) -> None:
        for key, part in parts.items():
            plant.packs[key].reports(current=part * amps)
        plant.run(seconds)

    for turn in range(20):
        flow(60.0 * (turn % 2), 20.0)
    assert plant.state("b2").current_share == pytest.approx(0.7, abs=0.01)
    flow(120.0, 30.0)
    known = plant.charge.amps
    assert known == pytest.approx(100.0 / 0.7, abs=1.0)
    plant.packs["b1"].reports(current=None)
    for _ in range(60):
        plant.run(1.0)
        assert plant.charge.amps == pytest.approx(known, abs=0.5)


def test_battery_that_carries_nothing_is_excluded() -> None:
    """After two telegrams that prove it: the other has its own limit."""
    plant = Plant(EQUAL).started(10.0)
    plant.packs["b1"].reports(charge_current_limit=0.0)
    plant.run(2.0)
    assert plant.charge.amps == 8.0  # 4 A through half of the bank: the probe
    plant.packs["b2"].reports(current=8.0)
    plant.run(30.0)
    assert plant.state("b1").excluded == {Direction.CHARGE}
    assert plant.charge.amps == pytest.approx(100.0, abs=8.5)


def test_battery_going_empty_does_not_stop_the_house() -> None:
    """For 5 s it counts with its last current; not in charge or a protection."""
    reports = {"b1": {"current": -30.0}, "b2": {"current": -30.0}}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    plant.packs["b1"].reports(discharge_current_limit=0.0)
    plant.run(1.0)
    assert plant.discharge.amps >= 60.0
    plant.run(6.0)
    assert plant.discharge.amps <= 10.0


def test_protection_ends_the_limit_of_a_battery_going_empty() -> None:
    """It came a telegram later than the limit of 0 A."""
    reports = {"b1": {"current": -30.0}, "b2": {"current": -30.0}}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    plant.packs["b1"].reports(discharge_current_limit=0.0)
    plant.run(1.0)
    assert plant.discharge.amps >= 60.0
    plant.packs["b1"].reports(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.run(1.0)
    assert plant.discharge.amps <= 10.0


def test_going_empty_ends_without_a_new_telegram() -> None:
    """After exactly 5 s, before the slow batteries' next telegrams."""
    reports = {"b1": {"current": -30.0}, "b2": {"current": -30.0}}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    plant.packs["b1"].reports(discharge_current_limit=0.0)
    plant.send_telegrams()
    plant.step()
    began = plant.now
    plant.run(4.75)
    for pack in plant.packs.values():
        pack.active = False
    assert plant.discharge.amps >= 60.0
    assert plant.gateway._evaluator.deadline(plant.now) == pytest.approx(began + 5.0)
    plant.run(0.25)
    assert plant.discharge.amps <= 10.0


def test_battery_back_empty_does_not_count_as_going_empty() -> None:
    """Its current before the loss does not flow any longer."""
    reports = {"b1": {"current": -30.0}, "b2": {"current": -60.0}}
    plant = Plant(EQUAL, reports=reports, discharge_loss_policy=LossPolicy.REDUCE)
    plant.started(10.0)
    plant.packs["b2"].active = False
    plant.run(60.0)
    plant.packs["b2"].reports(discharge_current_limit=0.0, current=0.0)
    plant.packs["b2"].active = True
    back = plant.now
    plant.run(3.0)
    assert plant.state("b2").online
    assert plant.sent_since(back)[-1][2] <= 10.0


def test_lost_full_battery_does_not_stay_excluded() -> None:
    """It may be charged with the others, and be full, unseen."""
    full = {"charge_current_limit": 0.0, "soc": 100.0}
    reports = {"b1": {"current": 8.0}, "b2": full}
    plant = Plant(EQUAL, reports=reports, charge_loss_policy=LossPolicy.REDUCE).started(
        30.0
    )
    assert plant.state("b2").excluded == {Direction.CHARGE}
    plant.packs["b2"].active = False
    plant.run(30.0)
    assert plant.state("b2").status is BatteryStatus.LOST
    assert plant.charge.amps <= 10.0
    assert plant.charge.source == "b2"


def test_battery_with_a_protection_gets_0_a_at_once() -> None:
    """No limit for going empty applies."""
    reports = {"b1": {"current": -30.0}, "b2": {"current": -30.0}}
    plant = Plant(EQUAL, reports=reports).started(10.0)
    plant.packs["b1"].reports(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.run(1.0)
    assert plant.discharge.amps <= 10.0


def test_total_is_as_configured_or_the_sum_of_ratings() -> None:
    """Without ratings there is no limit."""
    two = (inverter("i1", 20.0), inverter("i2", 30.0))
    config = GatewayConfig(name="Test", inverters=two, total_discharge=10.0)
    assert total_limit(config, Direction.CHARGE) == 50.0
    assert total_limit(config, Direction.DISCHARGE) == 10.0
    assert total_limit(GatewayConfig(name="Test"), Direction.CHARGE) is None


def test_limits_are_calculated_without_an_inverter() -> None:
    """They are shown all the same."""
    plant = Plant(inverters=[])
    plant.started()
    assert plant.charge.amps == 100.0
