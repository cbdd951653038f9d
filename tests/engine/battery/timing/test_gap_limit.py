"""The charge limit in a habitual gap: halved for three seconds, then 0 A."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.battery.timing.gaps import (
    HABITUAL_GAPS,
    HALVED,
    SHORT,
)
from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.engine.model import BatteryStatus, Rule, Status
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ...plant import Plant
from .habit import (
    NEXT_TELEGRAM,
    SETTLED,
    TIMEOUT,
    TWO,
    have_gap,
    stop_sending,
    with_habit,
)

STILL_BLOCKED = (Status.BLOCKED, BatteryStatus.REJOINING)
AWAITED = (Status.REDUCED, BatteryStatus.BRIDGING)


def test_the_charge_limit_is_halved_while_a_battery_is_awaited() -> None:
    """At once, enabled and without an alarm; the old limit with its first frame."""
    plant = with_habit()
    at = stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1:] == (100.0, 200.0)
    assert plant.enabled() == (True, True)
    assert plant.raised() == (frozenset(), frozenset())
    assert (plant.snapshot.status, plant.state().status) == AWAITED
    limit = plant.charge
    assert (limit.rule, limit.source, limit.number) == (Rule.BRIDGING, "b1", 200.0)
    plant.run(1.75)
    assert plant.now == at + 5.0
    assert plant.sent()[1:] == (100.0, 200.0)
    plant.packs["b1"].active = True
    plant.run(0.25)
    assert (plant.snapshot.status, plant.state().status) == (
        Status.RUNNING,
        BatteryStatus.ONLINE,
    )
    assert (plant.charge.amps, plant.charge.rule) == (200.0, Rule.BATTERIES)
    plant.run(NEXT_TELEGRAM)
    assert plant.sent()[1:] == (200.0, 200.0)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {100.0, 200.0}


def test_charge_limit_is_halved_for_three_seconds_and_then_0() -> None:
    """Exactly that long after the loss, whatever else is received; it is still awaited."""
    plant = with_habit()
    at = stop_sending(plant)
    plant.run(TIMEOUT + HALVED - 0.25)
    assert plant.sent()[1] == 100.0
    deadline = plant.gateway._bank.deadline
    assert deadline is not None and deadline <= at + TIMEOUT + HALVED
    plant.wait(at + TIMEOUT + HALVED - 0.001 - plant.now)
    assert plant.sent()[1] == 100.0
    plant.wait(at + TIMEOUT + HALVED - plant.now)
    assert plant.sent()[1] == 0.0
    assert plant.charge.rule is Rule.LOSS
    assert (plant.snapshot.status, plant.state().status) == (
        Status.BLOCKED,
        BatteryStatus.BRIDGING,
    )


def test_awaiting_lasts_no_longer_than_the_bridge() -> None:
    """Then it is lost: three telegrams, a hold and a ramp."""
    plant = with_habit()
    have_gap(plant, lasts=SHORT + 0.25)
    assert (plant.snapshot.status, plant.state().status) == (
        Status.BLOCKED,
        BatteryStatus.LOST,
    )
    plant.run(1.0)
    assert (plant.snapshot.status, plant.state().status) == STILL_BLOCKED
    assert plant.sent()[1] == 0.0
    plant.run(4.0)
    assert plant.charge.rule is Rule.RAMP


def test_the_end_is_evaluated_without_a_frame() -> None:
    """The bank is evaluated at that time."""
    plant = with_habit()
    at = stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    ends = set()
    while plant.now < at + TIMEOUT + HALVED - 0.01:
        deadline = plant.gateway._bank.deadline
        assert deadline is not None
        ends.add(deadline)
        plant.wait(max(0.001, min(deadline, at + TIMEOUT + HALVED) - plant.now))
    assert any(end == pytest.approx(at + TIMEOUT + HALVED) for end in ends)


def test_a_lower_limit_of_another_battery_is_halved() -> None:
    """Half of that; it is not a gap of one battery, so it is held as always."""
    plant = with_habit()
    stop_sending(plant)
    plant.run(TIMEOUT - 0.25)
    plant.packs["b2"].reports(charge_current_limit=20.0)
    plant.run(1.5)
    assert plant.sent()[1] == 20.0
    plant.packs["b2"].reports(charge_current_limit=100.0)
    plant.packs["b1"].active = True
    plant.run(1.25)
    assert plant.sent()[1] == 40.0


def test_the_sent_limit_is_halved_not_the_allowed_one() -> None:
    """An inverter with a lower rating is sent half of that."""
    plant = with_habit()
    own = {"i1": Setpoints(charge_current=20.0)}
    plant.set(AllSetpoints(inverters=own))
    plant.run(2.0)
    assert plant.sent()[1] == 20.0
    stop_sending(plant)
    plant.run(TIMEOUT + 1.0)
    assert plant.sent()[1] == 10.0
    plant.packs["b1"].active = True
    plant.run(0.25 + NEXT_TELEGRAM)
    assert plant.sent()[1] == 20.0


def test_the_bank_limit_is_halved_without_inverters() -> None:
    """The limit that would be sent is halved all the same."""
    plant = Plant(TWO, ()).started(10.0)
    for _ in range(HABITUAL_GAPS):
        have_gap(plant)
        plant.run(SETTLED)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert (plant.charge.amps, plant.charge.rule) == (100.0, Rule.BRIDGING)


def test_the_plain_sum_is_halved() -> None:
    """A lost one adds nothing: half of the others' limits."""
    plant = with_habit(strategy=Strategy.SUM)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 50.0


def test_a_setpoint_of_0_is_the_binding_rule() -> None:
    """His rule is the one that is named."""
    plant = with_habit()
    plant.ask(charging_allowed=False)
    plant.run(1.0)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.charge.rule is Rule.SETPOINT


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"bridge": 0.0}, 0.0),
        ({"charge_loss_policy": LossPolicy.REDUCE}, 200.0),
        ({"bridge": 1.0}, 100.0),
    ],
)
def test_without_a_bridge_the_loss_policy_applies(
    options: dict[str, Any], sent: float
) -> None:
    """Block, or reduce, as configured."""
    plant = with_habit(**options)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == sent
    plant.run(0.75)
    assert plant.sent()[1] == (sent if sent != 100.0 else 0.0)


def test_nothing_is_sent_with_loss_policy_stop() -> None:
    """The inverters behave as without a battery."""
    plant = with_habit(charge_loss_policy=LossPolicy.STOP)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.snapshot.status is Status.SILENT
    assert plant.state().status is BatteryStatus.LOST


def test_block_at_end_applies_in_a_gap() -> None:
    """The last limit is 0 A, in a gap and in the next one."""
    plant = with_habit(block_at_end=True)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == 100.0
    plant.gateway._bank.end()
    plant.run(1.0)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.state().status is BatteryStatus.LOST
