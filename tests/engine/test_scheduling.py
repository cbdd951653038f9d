"""When what was heard is reckoned with."""

from math import inf

from custom_components.bms_gateway.engine.scheduling import (
    RECALCULATION_INTERVAL,
    Priority,
    Schedule,
)

NOW = 1000.0


def test_first_reckoning_is_due() -> None:
    """There is nothing to go by before."""
    assert Schedule().due_at == -inf


def test_nothing_new_is_not_due() -> None:
    """It changes nothing."""
    agenda = Schedule()
    agenda.done(NOW)
    assert not agenda.add(Priority.NONE)
    assert agenda.due_at is None


def test_measurements_are_due_at_a_pace() -> None:
    """The first one decides; those that follow change nothing."""
    agenda = Schedule()
    agenda.done(NOW)
    assert agenda.add(Priority.SOON)
    assert not agenda.add(Priority.SOON)
    assert agenda.due_at == NOW + RECALCULATION_INTERVAL
    agenda.done(NOW + 5)
    assert agenda.due_at is None


def test_what_is_urgent_overtakes() -> None:
    """It is due at once, and nothing puts it off."""
    agenda = Schedule()
    agenda.done(NOW)
    agenda.add(Priority.SOON)
    assert agenda.add(Priority.AT_ONCE)
    assert not agenda.add(Priority.SOON)
    assert not agenda.add(Priority.AT_ONCE)
    assert agenda.due_at == -inf
