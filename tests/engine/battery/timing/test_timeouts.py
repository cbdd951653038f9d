"""The time-out of a frame is learned from its period."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.battery.timing.timeouts import FramePeriod


def _frame_period(*times: float, ceiling: float = 10.0) -> FramePeriod:
    frame_period = FramePeriod(ceiling)
    for at in times:
        frame_period.on_frame(at)
    return frame_period


def _regular(period: float, ceiling: float = 10.0) -> FramePeriod:
    return _frame_period(*(1 + n * period for n in range(10)), ceiling=ceiling)


def test_a_frame_never_received_has_timed_out() -> None:
    """A frame that never came is not fresh."""
    assert not _frame_period().fresh(0.0)


def test_a_single_frame_has_the_longest_timeout() -> None:
    """With one frame only the ceiling is known."""
    assert _frame_period(1.0).period is None
    assert _frame_period(1.0).timeout == 10.0


@pytest.mark.parametrize(
    ("period", "timeout"),
    [
        (0.1, 3.0),  # the floor
        (1.0, 3.0),
        (1.5, 4.5),  # three periods
        (3.0, 9.0),
        (4.0, 10.0),  # the ceiling
        (10.0, 16.0),  # never under 1.5 periods and a second
        (20.0, 31.0),
    ],
)
def test_the_timeout_is_three_periods(period: float, timeout: float) -> None:
    """Within floor and ceiling, never under 1.5 periods + 1 s."""
    assert _regular(period).timeout == pytest.approx(timeout)


def test_a_higher_ceiling_allows_slow_senders() -> None:
    """Three of their periods."""
    assert _regular(10.0, ceiling=40.0).timeout == pytest.approx(30.0)


def test_one_late_frame_changes_nothing() -> None:
    """The median of the last gaps counts."""
    frame_period = _regular(1.0)
    frame_period.on_frame(frame_period.stale_at + 5)
    assert frame_period.period == pytest.approx(1.0)


def test_eight_gaps_are_remembered() -> None:
    """A changed period is learned within eight frames."""
    frame_period = _regular(1.0)
    for _ in range(8):
        frame_period.on_frame((frame_period.last or 0) + 5)
    assert frame_period.period == 5.0


def test_a_pause_is_no_frame_period() -> None:
    """A gap of 30 s or more is not learned."""
    assert _frame_period(0.0, 30.0).period is None
    assert _frame_period(0.0, 29.5).period == 29.5


def test_frames_with_equal_times_are_not_learned() -> None:
    """Nor do times that run backwards make a frame younger or older."""
    frame_period = _frame_period(5.0, 5.0, 4.0)
    assert frame_period.period is None
    assert frame_period.last == 5.0


def test_a_frame_counts_up_to_its_timeout() -> None:
    """And not beyond."""
    frame_period = _regular(1.0)
    assert frame_period.stale_at == pytest.approx(13.0)
    assert frame_period.fresh(12.9)
    assert not frame_period.fresh(13.1)


@given(
    gaps=st.lists(st.floats(0.0, 100.0), max_size=20),
    ceiling=st.floats(3.0, 100.0),
)
def test_the_timeout_is_bounded(gaps: list[float], ceiling: float) -> None:
    """At least 3 s, and never more than the rule's maximum, for any frames."""
    frame_period = FramePeriod(ceiling)
    at = 0.0
    frame_period.on_frame(at)
    for gap in gaps:
        at += gap
        frame_period.on_frame(at)
    assert 3.0 <= frame_period.timeout <= max(ceiling, 1.5 * 30 + 1)


def test_a_changed_ceiling_applies_at_once() -> None:
    """Also for frames already received."""
    frame_period = _regular(5.0)
    frame_period.ceiling = 14.0
    assert frame_period.ceiling == 14.0
    assert frame_period.timeout == 14.0
