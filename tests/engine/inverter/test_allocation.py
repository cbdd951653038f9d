"""One limit becomes m: weights, caps, and what was told already."""

from dataclasses import replace
from math import floor, inf
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.engine.inverter.allocation import (
    Claim,
    may_tell,
    share,
)

amps = st.floats(0.0, 1000.0)
counts = amps.map(lambda a: floor(a * 10) / 10)


@st.composite
def claims_(draw: st.DrawFn) -> list[Claim]:
    """Return claims of inverters that hold at least what they were told."""
    claims = []
    for _ in range(draw(st.integers(1, 5))):
        told = draw(counts)
        claims.append(
            Claim(
                weight=draw(amps),
                cap=draw(amps),
                told=told,
                surely=draw(st.just(inf) | st.just(0.0) | counts),
                held=max(told, draw(counts)),
                ceiling=draw(st.just(inf) | amps),
                reachable=draw(st.booleans()),
                active_at=draw(st.floats(0, 100)),
            )
        )
    return claims


def _told(told: float, *, held: float | None = None, **options: Any) -> Claim:
    """Return the claim of an inverter that was told something."""
    held = told if held is None else held
    return Claim(100, 100, told=told, held=held, **options)


def test_equal_weights() -> None:
    """Equal inverters get equal parts."""
    assert share(90.0, [Claim(100, 100)] * 3) == [30.0, 30.0, 30.0]


def test_by_weight() -> None:
    """The default weight is the rated current: twice the rating, twice the part."""
    assert share(90.0, [Claim(200, 200), Claim(100, 100)]) == [60.0, 30.0]


def test_what_one_cannot_take_goes_to_the_others() -> None:
    """A cap, such as a setpoint, leaves its rest to the others, by weight."""
    claims = [Claim(100, 10), Claim(100, 100), Claim(200, 200)]
    assert share(100.0, claims) == [10.0, 30.0, 60.0]


def test_one_at_nothing() -> None:
    """An inverter that may take nothing gets nothing, the others all."""
    assert share(100.0, [Claim(100, 0), Claim(100, 100)]) == [0.0, 100.0]


def test_without_weights() -> None:
    """Inverters without a rating share equally, within their caps."""
    assert share(100.0, [Claim(0, 80), Claim(0, 80)]) == [50.0, 50.0]


def test_nothing_to_share() -> None:
    """No limit is below 0."""
    assert share(0.0, [Claim(100, 100)] * 2) == [0.0, 0.0]
    assert share(-5.0, [Claim(100, 100)]) == [0.0]


def test_one_that_cannot_be_reached_keeps_what_it_holds() -> None:
    """The others share what is left of the limit."""
    claims = [_told(40, reachable=False), *[Claim(100, 100)] * 2]
    assert share(100.0, claims)[1:] == [30.0, 30.0]


def test_more_than_the_limit_out_of_reach() -> None:
    """When the unreachable hold more than the limit the others get nothing."""
    assert share(60.0, [_told(80, reachable=False), _told(20)])[1] == 0.0


def test_too_little_for_one_is_nothing_for_it() -> None:
    """Under 1 A each the current goes undivided to the one active last."""
    claims = [_told(5, active_at=10.0), _told(5, active_at=20.0)]
    assert share(1.8, claims) == [0.0, 1.8]
    assert share(2.2, claims) == [1.1, 1.1]
    assert share(0.9, claims) == [0.0, 0.0]


def test_it_returns_only_at_more() -> None:
    """One that was told 0 gets current again from 3 A on."""
    assert share(2.9, [Claim(100, 100)]) == [0.0]
    assert share(3.0, [Claim(100, 100)]) == [3.0]
    assert share(2.9, [_told(1)]) == [2.9]


def test_a_cap_below_the_threshold_of_return_is_reached() -> None:
    """A setpoint of 2 A is not 0 A."""
    assert share(50.0, [Claim(100, 2)]) == [2.0]


@given(limit=amps, claims=claims_())
@example(limit=1.0, claims=[Claim(5e-324, 2.0)])  # 1.0 / weight is infinite
def test_never_more_than_the_limit(limit: float, claims: list[Claim]) -> None:
    """Parts and what the unreachable hold stay within the limit, each in its cap."""
    parts = share(limit, claims)
    held = sum(claim.held for claim in claims if not claim.reachable)
    assert sum(parts) <= max(0.0, limit - held) + 1e-6
    for part, claim in zip(parts, claims, strict=True):
        assert 0.0 <= part <= claim.cap + 1e-6
        assert part == pytest.approx(round(part * 10) / 10, abs=1e-9)
        assert claim.reachable or not part
        assert part == 0.0 or part >= 1.0 - 1e-6


@given(limit=st.floats(20.0, 1000.0), caps=st.lists(amps, min_size=1, max_size=5))
def test_nothing_is_left_over(limit: float, caps: list[float]) -> None:
    """All of the limit is used as far as caps allow, but for rounding and crumbs."""
    parts = share(limit, [Claim(cap, cap) for cap in caps])
    assert sum(parts) >= min(limit, sum(caps)) - 3.0 * len(caps)


def test_down_at_once() -> None:
    """Whatever the others hold, a lower part may be told."""
    assert may_tell(0, 10.0, 50.0, [_told(40), _told(60)]) == 10.0


def test_up_only_into_room() -> None:
    """A higher part waits until the others have given it up."""
    assert may_tell(0, 50.0, 100.0, [_told(0), _told(100)]) == 0.0
    assert may_tell(0, 50.0, 100.0, [_told(0), _told(70)]) == 30.0
    assert may_tell(0, 50.0, 100.0, [_told(0), _told(50)]) == 50.0


def test_what_is_given_up_is_not_offered_before_it_is_followed() -> None:
    """At once, 135 A would be drawn of 100 A."""
    assert may_tell(0, 50.0, 100.0, [_told(0), _told(50, held=90)]) == 10.0


def test_what_may_be_up_waits_for_room_too() -> None:
    """Told 40 A, then 10 A, but no echo came: 30 A may be more than it knows of."""
    unsure = _told(40, surely=10)
    assert may_tell(0, 30.0, 100.0, [unsure, _told(90)]) == 10.0
    assert may_tell(0, 30.0, 100.0, [unsure, _told(80)]) == 20.0
    assert may_tell(0, 5.0, 100.0, [unsure, _told(100)]) == 5.0


def test_no_further_than_the_ceiling() -> None:
    """A rise is ramped for each inverter."""
    assert may_tell(0, 50.0, 100.0, [_told(10, ceiling=20.0)]) == 20.0


def test_no_room_keeps_what_is_told() -> None:
    """A full bank takes nothing from one whose part would rise."""
    assert may_tell(0, 50.0, 100.0, [_told(30), _told(90)]) == 30.0


@given(limit=amps, claims=claims_(), data=st.data())
def test_any_order_of_telling(
    limit: float, claims: list[Claim], data: st.DataObject
) -> None:
    """Told one by one in any order, the sum held rises only within the limit."""
    for _ in range(2 * len(claims)):
        i = data.draw(st.integers(0, len(claims) - 1))
        before = sum(claim.held for claim in claims)
        told = may_tell(i, share(limit, claims)[i], limit, claims)
        if not claims[i].reachable:
            continue
        claims[i] = replace(claims[i], told=told, held=max(told, claims[i].held))
        after = sum(claim.held for claim in claims)
        assert after <= max(before, limit) + 1e-6
