"""Ramp of a limit: down at once, up slowly."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.ramp import Ramp, ramp_to

RATED = 200.0
RATE = RATED / 10  # A/s


def _run(
    *wanted: tuple[float, float], flowing: float = 0.0, before: Ramp | None = None
) -> Ramp:
    """Request limits at times."""
    state = before
    for at, amps in wanted:
        state = ramp_to(state, amps, at, rated=RATED, flowing=flowing)
    assert state is not None
    return state


def test_the_first_limit_is_sent_in_full() -> None:
    """There is nothing to ramp from at the start."""
    assert _run((0.0, 150.0)).amps == 150.0


def test_a_fall_is_sent_at_once() -> None:
    """And in full."""
    assert _run((0.0, 150.0), (0.1, 20.0)).amps == 20.0


def test_before_the_first_fall_a_rise_has_to_hold_but_not_to_ramp() -> None:
    """The ramp follows a fall in this run."""
    assert _run((0.0, 50.0), (1.0, 150.0), (3.9, 150.0)).amps == 50.0
    assert _run((0.0, 50.0), (1.0, 150.0), (4.0, 150.0)).amps == 150.0


def test_a_rise_after_a_fall_holds_then_ramps() -> None:
    """After 3 s it goes up by a tenth of the rated current per second."""
    fallen = _run((0.0, 150.0), (1.0, 0.0), (5.0, 150.0), (7.9, 150.0))
    assert fallen.amps == 0.0
    held = _run((8.0, 150.0), before=fallen)
    later = _run((9.0, 150.0), before=held)
    assert later.amps - held.amps == pytest.approx(RATE)
    assert held.amps <= 0.1 * RATE + 1e-9
    assert _run((20.0, 150.0), before=later).amps == 150.0


def test_the_ramp_is_by_the_rated_current_not_by_the_limit() -> None:
    """However low the limit, its ramp is as steep."""
    held = _run((0.0, 40.0), (1.0, 0.0), (2.0, 40.0), (5.0, 40.0))
    assert _run((6.0, 40.0), before=held).amps - held.amps == pytest.approx(RATE)


def test_the_hold_is_no_part_of_the_ramp() -> None:
    """Nor if nothing was evaluated meanwhile."""
    fallen = _run((0.0, 150.0), (1.0, 0.0), (2.0, 150.0))
    assert _run((6.0, 150.0), before=fallen).amps == pytest.approx(RATE)


def test_the_lowest_limit_of_the_hold_time_counts() -> None:
    """A dip in a request for more takes 3 s to be forgotten."""
    state = _run((0.0, 100.0), (1.0, 10.0), (2.0, 90.0), (4.0, 50.0), (5.5, 90.0))
    assert state.target == 50.0
    assert _run((6.0, 90.0), (8.5, 90.0), before=state).target == 90.0


def test_pulses_of_a_full_pack_are_never_sent() -> None:
    """922 A for 1 s in 20 s, 0 A between them: 0 A is sent."""
    state = _run((0.0, 0.0))
    for step in range(1, 6000):
        at = step / 10
        state = _run((at, 922.0 if at % 20 < 1 else 0.0), before=state)
        assert state.amps == 0.0


def test_a_discharge_ramp_begins_at_the_present_current() -> None:
    """The house already draws 80 A: no ramp sends it less on the way up."""
    state = _run((0.0, 150.0), (1.0, 10.0), (2.0, 150.0), flowing=80.0)
    assert state.amps == 10.0
    assert _run((5.0, 150.0), before=state, flowing=80.0).amps >= 80.0


def test_the_present_current_never_raises_the_limit() -> None:
    """A house that draws more than the limit is sent the limit."""
    state = _run((0.0, 150.0), (1.0, 10.0), (2.0, 60.0), (5.0, 60.0), flowing=80.0)
    assert state.amps == 60.0


@given(
    steps=st.lists(
        st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 1000.0)), min_size=1, max_size=30
    ),
    flowing=st.floats(0.0, 1000.0),
    rated=st.floats(0.0, 1000.0),
)
def test_never_above_the_lowest_recent_request(
    steps: list[tuple[float, float]], flowing: float, rated: float
) -> None:
    """Never more than the lowest of the last 3 s is sent."""
    state: Ramp | None = None
    wanted: list[tuple[float, float]] = []
    at = 100.0
    for gap, amps in steps:
        at += gap
        wanted.append((at, amps))
        state = ramp_to(state, amps, at, rated=rated, flowing=flowing)
        begun = [a for t, a in wanted if t > at - 3.0]
        held = [a for t, a in wanted if t <= at - 3.0][-1:]
        assert state.amps <= min(begun + held)
        assert state.amps >= 0.0


@given(st.lists(st.floats(0.0, 500.0), min_size=2, max_size=40))
def test_ramps_are_not_steeper_than_rated(wishes: list[float]) -> None:
    """After a first fall no step is steeper than the rated current in 10 s."""
    state = _run((0.0, 600.0), (1.0, 0.0))
    for n, amps in enumerate(wishes):
        after = _run((1.5 + n / 2, amps), before=state)
        assert after.amps - state.amps <= RATE / 2 + 1e-6
        state = after


@given(
    st.lists(
        st.tuples(
            st.floats(0.05, 5.0),
            st.integers(0, 200).map(float),
            st.integers(0, 200).map(float),
        ),
        min_size=2,
        max_size=20,
    )
)
def test_lower_requests_never_give_a_higher_limit(
    wishes: list[tuple[float, float, float]],
) -> None:
    """At any time, however rarely it is evaluated."""
    now = 0.0
    fallen = Ramp(0.0, now, ((now, 0.0),), fell=True)
    lower = higher = fallen
    for seconds, amps, less in wishes:
        now += seconds
        higher = _run((now, amps), before=higher)
        lower = _run((now, max(0.0, amps - less)), before=lower)
        assert lower.amps <= higher.amps + 1e-9


def test_a_limit_that_has_just_held_is_not_ramped_to_at_once() -> None:
    """The time before belongs to the lower limit that was held until then."""
    fallen = Ramp(70.0, 2.5, ((0.0, 76.0), (1.0, 200.0)), fell=True)
    assert _run((4.0, 200.0), before=fallen).amps == 76.0
    assert _run((4.5, 200.0), before=fallen).amps == 76.0 + 0.5 * RATE
