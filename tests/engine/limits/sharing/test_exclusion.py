"""Exclusion: a battery that allows 0 A and carries nothing holds no other one back."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.limits.sharing.exclusion import (
    Observation,
    ZeroLimitPeriod,
    counts_with,
    follow,
    follow_lost,
)
from custom_components.bms_gateway.engine.model import Direction

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE
IDLE = Observation(limit=0.0, amps=0.0, at=0.0, bank=10.0, current_share=0.5)
"""A battery that allows nothing and carries nothing of 10 A, of which 5 A were its."""


def _follow(
    *observation: Observation,
    zero_period: ZeroLimitPeriod | None = None,
    direction: Direction = CHARGE,
    at: float = 0,
) -> ZeroLimitPeriod:
    """Follow a battery, each time by a measurement of its own a second later."""
    for n, each in enumerate(observation, start=1):
        now = at + n
        zero_period = follow(
            zero_period, None, replace(each, at=now), direction, now, others_allow=True
        )
    assert zero_period is not None
    return zero_period


def test_no_zero_limit_period_while_current_is_allowed() -> None:
    """One ends with the first current allowed."""
    allows = replace(IDLE, limit=0.1)
    for zero_period in (None, _follow(IDLE, IDLE)):
        assert follow(zero_period, None, allows, CHARGE, 1.0, others_allow=True) is None


def test_battery_counts_with_the_probe_limit_at_first() -> None:
    """4 A, until its path is known."""
    assert counts_with(_follow(IDLE), 1.0) == 4.0


def test_battery_is_excluded_after_two_telegrams() -> None:
    """Below 1 A where its share is at least 3 A."""
    assert not _follow(IDLE).excluded
    assert _follow(IDLE, IDLE).excluded


def test_one_telegram_is_one_proof() -> None:
    """However often it is evaluated."""
    zero_period = _follow(IDLE)
    for now in range(2, 10):
        observation = replace(IDLE, at=1.0)
        assert (
            follow(zero_period, None, observation, CHARGE, now, others_allow=True)
            == zero_period
        )


@pytest.mark.parametrize(
    "between",
    [
        replace(IDLE, amps=1.0),
        replace(IDLE, amps=-1.0),
        replace(IDLE, bank=5.9),
        replace(IDLE, bank=-20.0),
    ],
)
def test_proofs_have_to_be_consecutive(between: Observation) -> None:
    """One that proves nothing restarts the count."""
    assert not _follow(IDLE, between, IDLE).excluded
    assert _follow(IDLE, between, IDLE, IDLE).excluded


def test_unknown_current_proves_nothing() -> None:
    """A battery is not excluded by it."""
    unknown = replace(IDLE, amps=None)
    assert not _follow(unknown, unknown, unknown).excluded


def test_exclusion_ends_when_the_current_stays_unknown() -> None:
    """As before for 10 s; then it may carry unseen, and is probed again."""
    unknown = replace(IDLE, amps=None)
    zero_period = _follow(IDLE, IDLE, *[unknown] * 10)
    assert zero_period.excluded
    assert not _follow(unknown, zero_period=zero_period, at=12).excluded
    zero_period = _follow(
        IDLE, *[unknown] * 5, IDLE, *[unknown] * 8, zero_period=zero_period, at=12
    )
    assert zero_period.excluded


@pytest.mark.parametrize("direction", Direction)
def test_lost_battery_that_carries_is_no_longer_excluded(direction: Direction) -> None:
    """Its limits are missing, but its current is received."""
    excluded = _follow(IDLE, IDLE, direction=direction)
    assert follow_lost(excluded, 2.0, direction, 3.0).excluded
    assert not follow_lost(excluded, 2.1, direction, 3.0).excluded


def test_lost_battery_stays_excluded_in_discharge_only() -> None:
    """An empty one would stop the house; a full one might be charged."""
    for direction in Direction:
        zero_period = _follow(IDLE, IDLE, direction=direction)
        for now in (3.0, 13.0):
            zero_period = follow_lost(zero_period, None, direction, now)
        assert zero_period.excluded is (direction is DISCHARGE)


def test_carried_current_counts_with_an_unchanged_time() -> None:
    """A second telegram with the same time."""
    excluded = _follow(IDLE, IDLE)
    again = replace(IDLE, amps=60.0, at=2.0)
    zero_period = follow(excluded, None, again, CHARGE, 2.0, others_allow=True)
    assert zero_period is not None
    assert not zero_period.excluded


def test_single_false_current_ends_the_exclusion_only_briefly() -> None:
    """It counts at once; the next telegram restores the exclusion."""
    excluded = _follow(IDLE, IDLE)
    carries = replace(IDLE, amps=90.0)
    zero_period = _follow(carries, zero_period=excluded, at=2)
    assert (zero_period.excluded, counts_with(zero_period, 3.0)) == (False, 1.0)
    zero_period = _follow(IDLE, zero_period=zero_period, at=3)
    assert (zero_period.excluded, zero_period.needed) == (True, 0.0)
    later = _follow(carries, IDLE, zero_period=zero_period, at=604)
    assert later.excluded


def test_second_carried_current_counts_at_once() -> None:
    """The lower limit itself may have retracted the first: it would chatter."""
    excluded = _follow(IDLE, IDLE)
    carries = replace(IDLE, amps=90.0)
    assert not _follow(
        carries, IDLE, carries, IDLE, IDLE, IDLE, zero_period=excluded, at=2
    ).excluded


def test_exclusion_ends_when_the_battery_carries() -> None:
    """More than 2 A in that direction; then it counts with 1 A."""
    excluded = _follow(IDLE, IDLE)
    still = _follow(replace(IDLE, amps=2.0), zero_period=excluded, at=10)
    assert still.excluded
    other_way = _follow(replace(IDLE, amps=-50.0), zero_period=excluded, at=10)
    assert other_way.excluded
    back = _follow(replace(IDLE, amps=2.1), zero_period=excluded, at=10)
    assert not back.excluded
    assert counts_with(back, 11.0) == 1.0


def test_battery_is_excluded_again_only_at_twice_the_current() -> None:
    """In the same period: otherwise it would chatter."""
    excluded = _follow(IDLE, IDLE)
    carries = replace(IDLE, amps=3.0, bank=20.0)
    back = _follow(carries, carries, zero_period=excluded, at=10)
    more = replace(IDLE, bank=39.9)
    assert not _follow(more, more, more, zero_period=back, at=20).excluded
    enough = replace(IDLE, bank=40.0)
    assert _follow(enough, enough, zero_period=back, at=20).excluded


def test_current_while_inverters_follow_is_not_carrying() -> None:
    """It counts only after their reaction."""
    carries = replace(IDLE, amps=10.0)
    early = _follow(IDLE, carries)
    assert counts_with(early, 2.0) == 4.0
    late = _follow(carries, zero_period=early, at=25)
    assert counts_with(late, 26.0) == 1.0


def test_battery_that_carried_is_probed_again_later() -> None:
    """Its path may have opened since."""
    late = _follow(IDLE, replace(IDLE, amps=10.0), at=25)
    late = _follow(replace(IDLE, amps=10.0), zero_period=late, at=50)
    assert counts_with(late, 51.0 + 299.0) == 1.0
    assert counts_with(late, 51.0 + 300.0) == 4.0


def _goes_empty(
    before: Observation | None,
    *,
    direction: Direction = DISCHARGE,
    protected: bool = False,
    others_allow: bool = True,
) -> ZeroLimitPeriod:
    observation = replace(IDLE, protected=protected)
    zero_period = follow(
        None, before, observation, direction, 0.0, others_allow=others_allow
    )
    assert zero_period is not None
    return zero_period


CARRIED = replace(IDLE, limit=50.0, amps=30.0)


def test_battery_going_empty_counts_with_its_last_current() -> None:
    """For 5 s, and 2 A more."""
    zero_period = _goes_empty(CARRIED)
    assert counts_with(zero_period, 4.9) == 32.0
    assert counts_with(zero_period, 5.0) == 4.0


def test_battery_going_empty_while_charged_counts_with_2_a() -> None:
    """Its current in the other direction is 0 here."""
    assert counts_with(_goes_empty(replace(CARRIED, amps=-30.0)), 0.0) == 2.0


@pytest.mark.parametrize(
    "zero_period",
    [
        _goes_empty(CARRIED, direction=CHARGE),
        _goes_empty(CARRIED, protected=True),
        _goes_empty(CARRIED, others_allow=False),
        _goes_empty(None),
        _goes_empty(replace(CARRIED, amps=None)),
    ],
    ids=["charge", "protected", "no other battery", "never allowed", "unknown"],
)
def test_last_current_counts_only_for_a_battery_going_empty(
    zero_period: ZeroLimitPeriod,
) -> None:
    """Not in charge, not with a protection, and only for a known current."""
    assert counts_with(zero_period, 0.0) == 4.0


# A path that is open in both directions

ALLOWS = replace(IDLE, limit=50.0, open=True)
"""It allows current, but none in the other direction, and carries nothing."""


def test_open_path_excludes_in_both_directions() -> None:
    """By the same two telegrams; its limit is no bridge."""
    assert not _follow(ALLOWS, direction=DISCHARGE).excluded
    zero_period = _follow(ALLOWS, ALLOWS, direction=DISCHARGE)
    assert zero_period.excluded
    assert zero_period.bridge is None


@pytest.mark.parametrize(
    "observation",
    [replace(ALLOWS, open=False), replace(ALLOWS, amps=2.1)],
    ids=["back", "carries"],
)
def test_exclusion_ends_when_the_open_path_closes(observation: Observation) -> None:
    """It is back in the other direction, or carries in this one."""
    zero_period = _follow(ALLOWS, ALLOWS, direction=DISCHARGE)
    assert (
        follow(zero_period, None, observation, DISCHARGE, 5.0, others_allow=True)
        is None
    )


def test_disconnected_battery_is_excluded_the_other_way_at_once() -> None:
    """It carries nothing where it may: nor where it may not."""
    idle = replace(IDLE, bank=-20.0)
    assert not _follow(idle, idle).excluded
    assert _follow(replace(idle, disconnected=True)).excluded


def test_disconnected_battery_that_carries_again_counts() -> None:
    """Its contactor has closed: the present current counts."""
    gone = replace(IDLE, disconnected=True)
    zero_period = _follow(gone, replace(gone, amps=5.0), gone)
    assert not zero_period.excluded or zero_period.doubted_at is not None
    zero_period = _follow(gone, replace(gone, amps=5.0), replace(gone, amps=5.0))
    assert not zero_period.excluded
