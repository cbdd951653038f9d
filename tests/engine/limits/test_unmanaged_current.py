"""Unmanaged current: it flows although no inverter was sent it."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.limits.unmanaged_current import (
    UnmanagedCurrent,
)

type Samples = list[tuple[float, float, float]]


def _last(samples: Samples, reaction: float = 10.0) -> float:
    """Return what is found after samples of (time, flowing, sent)."""
    unmanaged = UnmanagedCurrent()
    found = 0.0
    for at, flowing, sent in samples:
        found = unmanaged.update(flowing, sent, at, reaction=reaction)
    return found


def _steady(seconds: int, flowing: float, sent: float, start: int = 0) -> Samples:
    return [(float(start + n), flowing, sent) for n in range(seconds)]


@pytest.mark.parametrize(("seconds", "found"), [(20, 0.0), (21, 30.0)])
def test_current_counts_after_20_s(seconds: int, found: float) -> None:
    """However steady it is."""
    assert _last(_steady(seconds, 50.0, 20.0)) == found


def test_slow_inverters_get_twice_their_reaction_time() -> None:
    """The longest of them counts."""
    assert _last(_steady(60, 50.0, 20.0), reaction=30.0) == 0.0
    assert _last(_steady(61, 50.0, 20.0), reaction=30.0) == 30.0


def test_earlier_current_does_not_count() -> None:
    """A charger that starts is found 20 s later."""
    before = _steady(100, 10.0, 20.0)
    assert _last(before + _steady(20, 50.0, 20.0, 100)) == 0.0
    assert _last(before + _steady(21, 50.0, 20.0, 100)) == 30.0


def test_charger_that_stops_is_forgotten_at_once() -> None:
    """The present current is never subtracted twice."""
    assert _last([*_steady(60, 50.0, 20.0), (60.0, 15.0, 20.0)]) == 0.0


def test_inverters_may_still_follow_earlier_limits() -> None:
    """The largest sum sent in the last 10 s counts."""
    before = _steady(60, 50.0, 50.0)
    assert _last(before + _steady(30, 50.0, 20.0, 60)) == 0.0
    assert _last(before + _steady(31, 50.0, 20.0, 60)) == 30.0


def test_unknown_current_restarts_the_window() -> None:
    """Nothing is known of the time in which it was unknown."""
    unmanaged = UnmanagedCurrent()
    for at in range(30):
        unmanaged.update(50.0, 20.0, float(at), reaction=10.0)
    assert unmanaged.update(None, 20.0, 30.0, reaction=10.0) == 0.0
    assert unmanaged.update(50.0, 20.0, 31.0, reaction=10.0) == 0.0


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 15.0),
            st.sampled_from([0.0, 10.0, 20.0, 50.0]),
            st.sampled_from([0.0, 15.0, 40.0]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_result_matches_the_definition(steps: Samples) -> None:
    """The smallest excess of 20 s over the largest sum sent in 10 s."""
    unmanaged = UnmanagedCurrent()
    at = 0.0
    samples: Samples = []
    excesses: list[tuple[float, float]] = []
    for gap, flowing, sent in steps:
        at += gap
        samples.append((at, flowing, sent))
        most = max(_held([(t, sent) for t, _, sent in samples], at - 10.0))
        excesses.append((at, flowing - most))
        found = unmanaged.update(flowing, sent, at, reaction=10.0)
        least = min(_held(excesses, at - 20.0))
        known = at >= samples[0][0] + 20.0
        assert found == (max(0.0, least) if known else 0.0)


def _held(samples: list[tuple[float, float]], since: float) -> list[float]:
    """Return the values that held since a time; each holds until the next one."""
    ends = [*(at for at, _ in samples[1:]), float("inf")]
    return [v for (_, v), end in zip(samples, ends, strict=True) if end > since]
