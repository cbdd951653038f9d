"""The recalculation schedule."""

from math import inf

from custom_components.bms_gateway.engine.scheduling import (
    RECALCULATION_INTERVAL,
    Priority,
    Schedule,
)

NOW = 1000.0


def test_the_first_recalculation_is_due() -> None:
    """Nothing was evaluated before."""
    assert Schedule().due_at == -inf


def test_unchanged_values_are_never_due() -> None:
    """It changes nothing."""
    schedule = Schedule()
    schedule.done(NOW)
    assert not schedule.add(Priority.NONE)
    assert schedule.due_at is None


def test_measurements_are_due_after_an_interval() -> None:
    """The first one decides; those that follow change nothing."""
    schedule = Schedule()
    schedule.done(NOW)
    assert schedule.add(Priority.SOON)
    assert not schedule.add(Priority.SOON)
    assert schedule.due_at == NOW + RECALCULATION_INTERVAL
    schedule.done(NOW + 5)
    assert schedule.due_at is None


def test_an_urgent_change_is_due_at_once() -> None:
    """Nothing postpones it."""
    schedule = Schedule()
    schedule.done(NOW)
    schedule.add(Priority.SOON)
    assert schedule.add(Priority.AT_ONCE)
    assert not schedule.add(Priority.SOON)
    assert not schedule.add(Priority.AT_ONCE)
    assert schedule.due_at == -inf
