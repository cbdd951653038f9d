"""The charge limit after a habitual gap: at once as before, unless it fell meanwhile."""

from typing import Any

from custom_components.bms_gateway.engine.battery.timing.gaps import HALVED
from custom_components.bms_gateway.engine.config import LossPolicy
from custom_components.bms_gateway.engine.model import Status
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ...plant import Plant, inverter
from .habit import NEXT_TELEGRAM, TIMEOUT, TWO, have_gap, stop_sending, with_habit


def test_every_inverter_gets_its_limit_back_at_once() -> None:
    """Each may have again what it was sent."""
    both = (inverter("i1", 100.0), inverter("i2", 100.0))
    plant = with_habit(inverters=both)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent("i1")[1] == plant.sent("i2")[1] == 50.0
    plant.packs["b1"].active = True
    plant.run(0.25 + NEXT_TELEGRAM)
    assert plant.sent("i1")[1] == plant.sent("i2")[1] == 100.0


def test_a_later_return_restores_the_charge_limit() -> None:
    """With its first whole telegram, as after a gap of the last battery."""
    plant = with_habit()
    have_gap(plant, lasts=HALVED + 2.0)
    assert plant.sent()[1] == 0.0
    plant.run(0.25 + NEXT_TELEGRAM)
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent()[1] == 200.0


def _in_blocked_part(**options: Any) -> Plant:
    """Return a plant with a battery in a gap, half a second after the limit is 0 A."""
    plant = with_habit(**options)
    stop_sending(plant)
    plant.run(TIMEOUT + HALVED + 0.5)
    assert plant.sent()[1] == 0.0
    return plant


def _back(plant: Plant) -> float:
    """Resume the battery; return the charge limit that an inverter is sent."""
    plant.packs["b1"].active = True
    plant.packs["b1"].next_at = plant.now
    plant.run(0.25 + NEXT_TELEGRAM)
    return plant.sent()[1]


def test_a_lower_limit_of_another_battery_meanwhile_holds() -> None:
    """A full pack that retries: a brief fall ramps as after any fall."""
    plant = _in_blocked_part()
    plant.packs["b2"].reports(charge_current_limit=0.0)
    plant.run(2.5)
    plant.packs["b2"].reports(charge_current_limit=100.0)
    plant.run(0.75)
    assert _back(plant) < 50.0


def test_a_setpoint_meanwhile_holds() -> None:
    """Charging is forbidden, and allowed again."""
    plant = _in_blocked_part()
    plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=0.0)))
    plant.run(1.0)
    plant.gateway.set_setpoints(AllSetpoints())
    plant.run(0.5)
    assert _back(plant) < 50.0


def test_limit_ramps_if_awaiting_ends_otherwise() -> None:
    """It is taken out of service or removed, or the policy changes."""
    plant = _in_blocked_part()
    plant.gateway.set_setpoints(AllSetpoints(out_of_service=frozenset({"b1"})))
    plant.run(0.5)
    assert plant.sent()[1] < 50.0
    plant = _in_blocked_part()
    plant.apply(charge_loss_policy=LossPolicy.REDUCE)
    plant.run(0.5)
    assert plant.sent()[1] < 50.0
    plant = _in_blocked_part()
    plant.apply(batteries=TWO[1:])
    plant.run(0.5)
    assert plant.sent()[1] < 50.0


def test_a_higher_limit_waits_during_a_gap() -> None:
    """It continues from the limit sent before, not from where the ramp would be by now."""
    plant = with_habit()
    for key in ("b1", "b2"):
        plant.packs[key].reports(charge_current_limit=10.0)
    plant.run(5.0)
    for key in ("b1", "b2"):
        plant.packs[key].reports(charge_current_limit=100.0)
    plant.run(1.0)
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    before = plant.charge.number or 0.0
    assert 20.0 < before < 200.0
    plant.run(1.75)
    assert plant.charge.number == before
    assert plant.sent()[1] <= before / 2
    plant.packs["b1"].active = True
    plant.run(0.25)
    assert plant.charge.amps == before
    plant.run(2.5)
    assert plant.charge.amps == before
    plant.run(8.0)
    assert plant.sent()[1] == 200.0


def test_a_battery_back_with_a_lower_limit_counts_at_once() -> None:
    """A higher one ramps as always."""
    plant = with_habit()
    stop_sending(plant)
    plant.run(TIMEOUT + 1.0)
    plant.packs["b1"].reports(charge_current_limit=20.0)
    plant.packs["b1"].active = True
    plant.run(0.25 + NEXT_TELEGRAM)
    assert plant.sent()[1] == 40.0
