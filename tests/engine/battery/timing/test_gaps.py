"""Which gaps are habitual: two short ones of a battery within an hour."""

import pytest

from custom_components.bms_gateway.engine.battery.timing.gaps import (
    HABITUAL_GAPS,
    MOST,
    SHORT,
    WINDOW,
    Gaps,
)
from custom_components.bms_gateway.engine.model import BatteryStatus, Rule
from custom_components.bms_gateway.engine.setpoints import AllSetpoints

from ...plant import Plant, battery
from .habit import SETTLED, TIMEOUT, TWO, have_gap, stop_sending, with_habit


def test_one_gap_is_not_habitual() -> None:
    """The first and the second one block at once; limits ramp after it."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS):
        stop_sending(plant)
        plant.run(TIMEOUT + 0.25)
        assert plant.sent()[1] == 0.0
        assert plant.state().status is BatteryStatus.LOST
        assert plant.charge.rule is Rule.LOSS
        plant.packs["b1"].active = True
        plant.run(1.0)
        assert plant.state().status is BatteryStatus.REJOINING
        plant.run(4.0)
        assert plant.sent()[1] < 100.0
        plant.run(SETTLED)


def test_long_gaps_are_not_habitual() -> None:
    """Two that lasted longer do not count as short ones."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS + 1):
        have_gap(plant, lasts=SHORT + 1.0)
        plant.run(SETTLED)
    assert plant.state().gaps == 0
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_a_gap_that_ended_in_a_loss_does_not_count() -> None:
    """It was a loss."""
    plant = with_habit()
    have_gap(plant, lasts=SHORT + 1.0)
    plant.run(SETTLED)
    assert plant.state().gaps == HABITUAL_GAPS


def test_gaps_are_forgotten_after_an_hour() -> None:
    """Then the next gap is a first one."""
    plant = with_habit()
    plant.run(WINDOW, tick=1.0)
    assert plant.state().gaps == 0
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_out_of_service_is_no_gap() -> None:
    """Nor are gaps while it is out of service."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS):
        plant.set(AllSetpoints(out_of_service=frozenset({"b1"})))
        have_gap(plant)
        plant.run(1.0)
        plant.set(AllSetpoints())
        plant.run(SETTLED)
        # Lost, then put out of service, and back before it is missed
        plant.packs["b1"].active = False
        plant.run(TIMEOUT + 0.5)
        plant.set(AllSetpoints(out_of_service=frozenset({"b1"})))
        plant.set(AllSetpoints())
        plant.packs["b1"].active = True
        plant.run(SETTLED)
    assert plant.state().gaps == 0
    stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_a_change_of_port_is_no_gap() -> None:
    """Gaps on the old port may have been its cable's."""
    plant = with_habit()
    moved = battery("b1")
    moved = type(moved)(
        id="b1",
        name="b1",
        port=type(moved.port)(moved.port.interface, "elsewhere"),
        capacity_ah=100.0,
    )
    plant.apply(batteries=(moved, TWO[1]))
    plant.step()
    assert plant.state().status is BatteryStatus.LOST
    assert plant.sent()[1] == 0.0
    assert plant.state().gaps == 0


def test_gaps_of_the_only_battery_are_counted() -> None:
    """Although they change nothing there."""
    plant = Plant().started(10.0)
    for _ in range(7):
        have_gap(plant)
        plant.run(5.0)
    assert plant.state().gaps == 7


def test_the_oldest_gaps_are_forgotten() -> None:
    """The oldest are forgotten."""
    gaps = Gaps()
    for n in range(MOST + 10):
        gaps.lose(float(n))
        gaps.on_frame(n + 0.5)
        gaps.end()
    assert gaps.count(float(MOST)) == MOST


@pytest.mark.parametrize(
    ("lasted", "count", "habit"),
    [(0.5, 2, True), (SHORT, 2, True), (SHORT + 0.1, 0, False)],
)
def test_only_short_gaps_count(lasted: float, *, count: int, habit: bool) -> None:
    """Short ones are counted; others are losses."""
    gaps = Gaps()
    for at in (100.0, 200.0):
        gaps.lose(at)
        gaps.on_frame(at + lasted)
        gaps.end()
    assert (gaps.count(300.0), gaps.is_habit(300.0)) == (count, habit)
    assert gaps.count(201.0 + lasted + WINDOW) == 0


def test_an_interrupted_gap_lasts_until_the_battery_counts() -> None:
    """Received once, silent again."""
    gaps = Gaps()
    for at in (100.0, 200.0):
        gaps.lose(at)
        gaps.on_frame(at + 1.0)
        gaps.on_frame(at + SHORT + 2.0)
        gaps.end()
    assert gaps.count(300.0) == 0
    assert not gaps.is_habit(300.0)
