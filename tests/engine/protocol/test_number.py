"""Numbers of a frame: counts, rounding, ends of the window, clamping."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.protocol.fields import (
    decode_fields,
    encode_fields,
)
from custom_components.bms_gateway.engine.protocol.number import Kind, Number, Rounding

TENTHS = Number(
    attribute="limit",
    start=2,
    per_unit=10,
    rounding=Rounding.DOWN,
    codes=frozenset({0xFFFF}),
)
"""A limit in 0.1 A at bytes 2 and 3."""


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        # The nearest double of some is below the count: they are no less for it
        (52.8, 528),
        (56.3, 563),
        (0.1 + 0.2, 3),
        (8.2 - 0.1 * 2, 80),
        (922.5, 9225),
        (52.89, 528),
        (0.09, 0),
        (-5.0, 0),
        (1e9, 0xFFFE),
    ],
)
def test_a_limit_is_rounded_down_to_its_count(value: float, raw: int) -> None:
    """Binary fractions do not cost a count; never below 0."""
    assert encode_fields({"limit": value}, [TENTHS])[2:4] == raw.to_bytes(2, "little")


@given(st.floats(0, 6553))
def test_a_limit_is_never_raised(value: float) -> None:
    """The decoded value is at most the encoded one, and less than a count below it."""
    read = decode_fields(encode_fields({"limit": value}, [TENTHS]), [TENTHS])
    sent = read.values["limit"]
    assert isinstance(sent, float)
    guard = 1e-6 / 10
    assert value - 0.1 < sent <= value + guard


@pytest.mark.parametrize(
    ("rounding", "value", "count"),
    [
        (Rounding.HALF_UP, 40.12, 4012),  # int(100 * 40.12) is 4011
        (Rounding.HALF_UP, 52.905, 5291),
        (Rounding.HALF_UP, 52.904, 5290),
        (Rounding.HALF_UP, -80.155, -8015),
        (Rounding.HALF_UP, 1.005, 101),  # 1.005 * 100 is below 100.5
        (Rounding.UP, 1.1, 110),  # 1.1 * 100 is above 110
        (Rounding.UP, 46.901, 4691),
        (Rounding.DOWN, 46.909, 4690),
    ],
)
def test_measurements_round_to_nearest_and_limits_to_the_safe_side(
    rounding: Rounding, value: float, count: int
) -> None:
    """Measurements to the nearest, limits to the safe side."""
    field = Number(
        attribute="v", start=0, kind=Kind.S16, per_unit=100, rounding=rounding
    )
    assert field.count(value) == count


@pytest.mark.parametrize(
    ("soc", "sent"),
    [
        (-3, 0),
        (0.0, 0),
        (0.01, 1),
        (0.4, 1),
        (49.49, 49),
        (49.5, 50),
        (99.4, 99),
        (99.6, 99),
        (99.99, 99),
        (100 * (0.1 + 0.2) / 0.3, 100),
        (100.0, 100),
        (250.0, 100),
    ],
)
def test_full_and_empty_are_sent_only_when_reached(soc: float, sent: int) -> None:
    """Inverters act on them: 99.6 % is not full, 0.4 % not empty."""
    field = Number(
        attribute="soc",
        start=0,
        low=0.0,
        high=100.0,
        rounding=Rounding.INSIDE,
        bounded=True,
    )
    assert field.count(soc) == sent


@pytest.mark.parametrize(
    ("kind", "value", "count"),
    [
        (Kind.U8, 300, 0xFF),
        (Kind.U16, 1e6, 0xFFFE),
        (Kind.S16, 1e6, 0x7FFF),
        (Kind.S16, -1e6, -0x7FFF),
        (Kind.U32, 1e12, 0xFFFFFFFE),
        (Kind.U32, -1, 0),
    ],
)
def test_values_are_clamped_to_their_field(
    kind: Kind, value: float, count: int
) -> None:
    """Too much becomes the highest count, never a code for "not available"."""
    assert Number(attribute="n", start=0, kind=kind).count(value) == count
