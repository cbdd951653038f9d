"""Time alignment: the bank current when one battery measured its own."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.limits.sharing.time_alignment import (
    BankSample,
    TimeAlignment,
)
from custom_components.bms_gateway.engine.model import BatteryState, Direction, Rule

from ...plant import Plant, battery
from ...states import online


def measured(
    key: str, amps: float | None, at: float, ah: float = 100.0
) -> BatteryState:
    """Return a battery that measured its current at a time."""
    return replace(online(key, ah, current=amps), current_at=at)


def known(amps: float) -> BankSample:
    """Return a moment of which all agree that so much flowed."""
    return BankSample(reported=amps, likely=amps, between=amps)


HALVES = {"b1": 0.5, "b2": 0.5}


def test_other_batteries_are_assumed_to_step_too() -> None:
    """By their share of the step, until their first report."""
    samples = TimeAlignment()
    samples.update([measured("b1", 20.0, 8.0), measured("b2", 10.0, 9.0)], {"b1": 0.0})
    assert samples.of("b1", HALVES) == known(30.0)
    step = measured("b1", 50.0, 10.0)
    samples.update([step, measured("b2", 10.0, 9.0)], {"b1": 10.0})
    assert samples.of("b1", HALVES) == BankSample(
        reported=60.0, likely=90.0, between=60.0
    )
    fifths = {"b1": 0.8, "b2": 0.2}
    assert samples.of("b1", fifths) == BankSample(
        reported=60.0, likely=67.5, between=60.0
    )
    samples.update([step, measured("b2", 45.0, 11.0)], {"b1": 10.0})
    sample = samples.of("b1", HALVES)
    assert sample == BankSample(reported=95.0, likely=95.0, between=77.5)
    assert sample.flowing(Direction.CHARGE, 200.0) == 95.0


def test_later_reports_do_not_change_the_sample() -> None:
    """A current that fell since is not subtracted from the measurement."""
    samples = TimeAlignment()
    for at, amps in ((10.0, 40.0), (11.0, 25.0), (12.0, 10.0)):
        batteries = [measured("b1", 50.0, 10.0), measured("b2", amps, at)]
        samples.update(batteries, {"b1": 10.0})
        assert samples.of("b1", HALVES) == known(90.0)
    batteries = [measured("b1", 15.0, 13.0), measured("b2", 10.0, 12.8)]
    samples.update(batteries, {"b1": 13.0})
    assert samples.of("b1", HALVES) == known(25.0)


def test_slow_battery_is_interpolated_between_its_reports() -> None:
    """What it reported 0.4 s before is nearer than its report 6.1 s after.

    b1 moves and is over its limit; the inverters follow down, and b2 reports that
    before b1 reports again. (Taken as what b2 carried at that moment, it made the
    same 90 A look like 52 A, and the bank was reported 0 A.)
    """
    samples = TimeAlignment()
    before = [measured("b1", 20.0, 4.0), measured("b2", 60.0, 9.6)]
    samples.update(before, {"b1": 0.0})
    over = measured("b1", 30.0, 10.0)
    samples.update([over, before[1]], {"b1": 10.0})
    samples.update([over, measured("b2", 22.0, 16.1)], {"b1": 10.0})
    sample = samples.of("b1", HALVES)
    assert sample is not None
    assert sample.reported == 52.0
    assert sample.between == pytest.approx(30.0 + 60.0 - 38.0 * 0.4 / 6.5)
    assert sample.flowing(Direction.CHARGE, 200.0) == sample.between
    assert sample.flowing(Direction.CHARGE, 70.0) == 70.0
    assert sample.flowing(Direction.DISCHARGE, 200.0) < 0


def test_steady_battery_needs_no_new_reports() -> None:
    """The others' reports since its last change still count."""
    samples = TimeAlignment()
    batteries = [measured("b1", 50.0, 20.0), measured("b2", 40.0, 12.0)]
    samples.update(batteries, {"b1": 10.0})
    assert samples.of("b1", HALVES) == known(90.0)


def test_simultaneous_telegrams_belong_to_one_sample() -> None:
    """They are read one after the other."""
    samples = TimeAlignment()
    steady = measured("b1", 50.0, 20.0)
    samples.update([steady, measured("b2", 40.0, 19.0)], {"b1": 10.0})
    assert samples.of("b1", HALVES) == known(90.0)
    samples.update([steady, measured("b2", 5.0, 20.1)], {"b1": 10.0})
    assert samples.of("b1", HALVES) == known(55.0)
    samples.update([steady, measured("b2", 0.0, 21.0)], {"b1": 10.0})
    assert samples.of("b1", HALVES) == known(55.0)


def test_unknown_current_counts_by_share() -> None:
    """It has no sample of its own."""
    samples = TimeAlignment()
    samples.update([measured("b1", 50.0, 10.0), measured("b2", None, 10.0)], {})
    assert samples.of("b1", {"b1": 0.25, "b2": 0.75}) == known(200.0)
    assert samples.of("b2", HALVES) is None


def test_first_current_counts_for_earlier_samples() -> None:
    """Nothing else is known of its current before."""
    samples = TimeAlignment()
    silent = measured("b2", None, 9.0)
    samples.update([measured("b1", 50.0, 10.0), silent], {"b1": 10.0})
    batteries = [measured("b1", 50.0, 10.0), measured("b2", 40.0, 11.0)]
    samples.update(batteries, {"b1": 10.0})
    assert samples.of("b1", HALVES) == known(90.0)


def test_lost_battery_is_left_out() -> None:
    """From then on the others' samples exclude it."""
    samples = TimeAlignment()
    first = measured("b1", 50.0, 10.0)
    samples.update([first, measured("b2", 40.0, 10.0)], {})
    samples.update([first], {})
    assert samples.of("b1", HALVES) == known(50.0)


def test_one_excess_is_subtracted_once() -> None:
    """However often the others report before the one that is over does again.

    b1 allows 20 A and carries 40 A of 60 A: by its share of a half, the bank has to
    come down by 40 A. While it does, b1 is silent; what it reported was of the 60 A.
    """
    reports = {"b1": {"charge_current_limit": 20.0}}
    plant = Plant((battery("b1"), battery("b2")), reports=reports).started(10.0)
    plant.packs["b1"].reports(current=40.0)
    plant.packs["b2"].reports(current=20.0)
    plant.run(1.0)
    assert plant.charge.rule is Rule.OVER_LIMIT
    assert plant.charge.amps == pytest.approx(20.0, abs=1.0)
    plant.packs["b1"].active = False
    for amps in (10.0, 5.0):
        plant.packs["b2"].reports(current=amps)
        plant.run(1.0)
        assert plant.charge.rule is Rule.OVER_LIMIT
        assert plant.charge.amps == pytest.approx(20.0, abs=1.0)
