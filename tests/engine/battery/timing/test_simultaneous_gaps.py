"""Habitual gaps of several batteries at once, or beside a lost one."""

from custom_components.bms_gateway.engine.model import BatteryStatus, Status

from ...plant import battery
from .habit import NEXT_TELEGRAM, TIMEOUT, TWO, stop_sending, with_habit

THREE = (*TWO, battery("b3"))


def test_several_gaps_at_once_halve_only_once() -> None:
    """Half, not a quarter: each is awaited for its own time."""
    plant = with_habit("b1", "b2", batteries=THREE)
    at = stop_sending(plant, "b1")
    plant.run(1.0)
    plant.packs["b2"].active = False
    plant.run(3.5)
    assert {plant.state(key).status for key in ("b1", "b2")} == {BatteryStatus.BRIDGING}
    assert plant.sent()[1] == 150.0
    plant.packs["b1"].active = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.ONLINE
    assert plant.sent()[1] == 150.0
    plant.packs["b2"].active = True
    plant.run(0.25 + NEXT_TELEGRAM)
    assert plant.sent()[1] == 300.0
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {150.0, 300.0}


def test_a_battery_without_habitual_gaps_blocks() -> None:
    """As if the other one were lost like it."""
    plant = with_habit("b1", batteries=THREE)
    stop_sending(plant, "b1", "b2")
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.state("b1").status is BatteryStatus.LOST


def test_a_long_lost_battery_blocks_during_a_gap() -> None:
    """Nothing is charged while it is lost, and a gap of another one changes nothing."""
    plant = with_habit("b1", batteries=THREE)
    plant.packs["b2"].active = False
    plant.run(30.0)
    at = stop_sending(plant, "b1")
    plant.run(TIMEOUT + 3.5)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0}


def test_nothing_is_charged_while_all_batteries_are_silent() -> None:
    """Also once one of them is back."""
    plant = with_habit("b1", "b2")
    at = stop_sending(plant, "b1", "b2")
    plant.run(TIMEOUT + 1.0)
    assert plant.snapshot.status is Status.BRIDGING
    assert plant.sent()[1] == 0.0
    plant.packs["b1"].active = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.ONLINE
    assert plant.state("b2").status is BatteryStatus.BRIDGING
    assert plant.sent()[1] == 0.0
    plant.packs["b2"].active = True
    plant.run(0.25 + NEXT_TELEGRAM)
    assert plant.sent()[1] == 200.0
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0, 200.0}


def test_the_limit_stays_0_if_the_other_battery_falls_silent() -> None:
    """The limit sent in between holds: 0 A."""
    plant = with_habit("b1", "b2")
    stop_sending(plant, "b1")
    plant.run(1.0)
    plant.send_telegrams("b2")
    plant.packs["b2"].active = False
    plant.run(2.25)
    assert plant.sent()[1] == 100.0
    plant.run(1.0)
    assert plant.snapshot.status is Status.BRIDGING
    at = plant.now
    plant.packs["b2"].active = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.BRIDGING
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0}
