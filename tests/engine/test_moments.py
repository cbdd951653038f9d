"""The bank's current at the moment of one battery's own measurement."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import BatteryState, Rule
from custom_components.bms_gateway.engine.moments import Moment, Moments

from .plant import Plant, battery
from .states import online


def measured(
    key: str, amps: float | None, at: float, ah: float = 100.0
) -> BatteryState:
    """Return a battery that measured its current at a time."""
    return replace(online(key, ah, current=amps), current_at=at)


def test_others_report_after_a_step_only() -> None:
    """Until then the bank's current is not known; their first report makes it so."""
    moments = Moments()
    moments.update([measured("b1", 50.0, 10.0), measured("b2", 0.0, 9.0)], {"b1": 10.0})
    assert moments.of("b1") == Moment(50.0, known=False)
    moments.update(
        [measured("b1", 50.0, 10.0), measured("b2", 40.0, 11.0)], {"b1": 10.0}
    )
    assert moments.of("b1") == Moment(90.0, known=True)


def test_later_reports_tell_of_another_moment() -> None:
    """What the inverters have come down since is not taken off what was measured."""
    moments = Moments()
    for at, amps in ((10.0, 40.0), (11.0, 25.0), (12.0, 10.0)):
        batteries = [measured("b1", 50.0, 10.0), measured("b2", amps, at)]
        moments.update(batteries, {"b1": 10.0})
        assert moments.of("b1") == Moment(90.0, known=True)
    batteries = [measured("b1", 15.0, 13.0), measured("b2", 10.0, 12.8)]
    moments.update(batteries, {"b1": 13.0})
    assert moments.of("b1") == Moment(25.0, known=True)


def test_steady_battery_needs_nobody_to_report_again() -> None:
    """What the others told since it last moved still holds."""
    moments = Moments()
    batteries = [measured("b1", 50.0, 20.0), measured("b2", 40.0, 12.0)]
    moments.update(batteries, {"b1": 10.0})
    assert moments.of("b1") == Moment(90.0, known=True)


def test_current_unknown() -> None:
    """Its part is assumed by capacity; it has no moment of its own."""
    moments = Moments()
    moments.update(
        [measured("b1", 50.0, 10.0), measured("b2", None, 10.0, ah=200.0)], {}
    )
    assert moments.of("b1") == Moment(150.0, known=True)
    assert moments.of("b2") is None


def test_battery_that_is_lost_carries_no_more() -> None:
    """The others' moments are without it from then on."""
    moments = Moments()
    first = measured("b1", 50.0, 10.0)
    moments.update([first, measured("b2", 40.0, 10.0)], {})
    moments.update([first], {})
    assert moments.of("b1") == Moment(50.0, known=True)


def test_one_excess_is_taken_off_once() -> None:
    """However often the others report before the one that is over does again.

    b1 allows 20 A and carries 40 A of 60 A: by its slice of a half, the bank has to
    come down by 40 A. While it does, b1 is silent; what it told was of the 60 A.
    """
    says = {"b1": {"charge_current_limit": 20.0}}
    plant = Plant((battery("b1"), battery("b2")), says=says).started(10.0)
    plant.packs["b1"].says(current=40.0)
    plant.packs["b2"].says(current=20.0)
    plant.run(1.0)
    assert plant.charge.rule is Rule.OVER
    assert plant.charge.amps == pytest.approx(20.0, abs=1.0)
    plant.packs["b1"].speaks = False
    for amps in (10.0, 5.0):
        plant.packs["b2"].says(current=amps)
        plant.run(1.0)
        assert plant.charge.rule is Rule.OVER
        assert plant.charge.amps == pytest.approx(20.0, abs=1.0)
