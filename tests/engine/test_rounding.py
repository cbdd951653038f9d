"""Rounding never favours the load."""

from decimal import Decimal

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.rounding import count_down, round_down


@pytest.mark.parametrize(
    ("value", "per_unit", "counts"),
    [
        (52.8, 10, 528),  # 52.8 * 10 is 528 exactly, 52.8 is not
        (0.3, 10, 3),  # 0.1 + 0.1 + 0.1 and 0.3 * 10 differ in binary
        (0.1 + 0.2, 10, 3),
        (57.6, 10, 576),
        (40.12, 100, 4012),  # 40.12 * 100 is 4011.9999…
        (52.89, 10, 528),
        (0.0999, 10, 0),
        (0.0, 10, 0),
    ],
)
def test_a_value_is_rounded_down_to_counts(
    value: float, per_unit: int, counts: int
) -> None:
    """Its binary form costs it none."""
    assert count_down(value, per_unit) == counts
    assert round_down(value, per_unit) == counts / per_unit


@given(counts=st.integers(0, 60_000), per_unit=st.sampled_from([1, 10, 100, 1000]))
def test_a_whole_count_is_unchanged(counts: int, per_unit: int) -> None:
    """A whole count stays the same, however it was calculated."""
    assert count_down(counts / per_unit, per_unit) == counts
    assert count_down(counts * (1 / per_unit), per_unit) == counts


@given(value=st.floats(0, 4000))
def test_rounding_is_never_up(value: float) -> None:
    """No more than a millionth of a count is ever gained, less than one is lost."""
    lost = Decimal(value) - Decimal(count_down(value, 10)) / 10
    assert Decimal("-0.0000002") <= lost < Decimal("0.1")
