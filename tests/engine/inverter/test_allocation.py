"""One limit becomes m: weights, caps, and what was told already."""

from dataclasses import replace
from math import floor, inf
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.engine.inverter.allocation import (
    AllocationRequest,
    allocate,
    permitted_now,
)

amps = st.floats(0.0, 1000.0)
counts = amps.map(lambda a: floor(a * 10) / 10)


@st.composite
def claims_(draw: st.DrawFn) -> list[AllocationRequest]:
    """Return claims of inverters that hold at least what they were told."""
    requests = []
    for _ in range(draw(st.integers(1, 5))):
        sent = draw(counts)
        requests.append(
            AllocationRequest(
                weight=draw(amps),
                cap=draw(amps),
                sent=sent,
                at_least=draw(st.just(inf) | st.just(0.0) | counts),
                reserved=max(sent, draw(counts)),
                ceiling=draw(st.just(inf) | amps),
                reachable=draw(st.booleans()),
                active_at=draw(st.floats(0, 100)),
            )
        )
    return requests


def _told(
    sent: float, *, reserved: float | None = None, **options: Any
) -> AllocationRequest:
    """Return the claim of an inverter that was told something."""
    reserved = sent if reserved is None else reserved
    return AllocationRequest(100, 100, sent=sent, reserved=reserved, **options)


def test_equal_weights() -> None:
    """Equal inverters get equal parts."""
    assert allocate(90.0, [AllocationRequest(100, 100)] * 3) == [30.0, 30.0, 30.0]


def test_by_weight() -> None:
    """The default weight is the rated current: twice the rating, twice the part."""
    assert allocate(
        90.0, [AllocationRequest(200, 200), AllocationRequest(100, 100)]
    ) == [60.0, 30.0]


def test_what_one_cannot_take_goes_to_the_others() -> None:
    """A cap, such as a setpoint, leaves its rest to the others, by weight."""
    requests = [
        AllocationRequest(100, 10),
        AllocationRequest(100, 100),
        AllocationRequest(200, 200),
    ]
    assert allocate(100.0, requests) == [10.0, 30.0, 60.0]


def test_one_at_nothing() -> None:
    """An inverter that may take nothing gets nothing, the others all."""
    assert allocate(
        100.0, [AllocationRequest(100, 0), AllocationRequest(100, 100)]
    ) == [0.0, 100.0]


def test_without_weights() -> None:
    """Inverters without a rating share equally, within their caps."""
    assert allocate(100.0, [AllocationRequest(0, 80), AllocationRequest(0, 80)]) == [
        50.0,
        50.0,
    ]


def test_nothing_to_share() -> None:
    """No limit is below 0."""
    assert allocate(0.0, [AllocationRequest(100, 100)] * 2) == [0.0, 0.0]
    assert allocate(-5.0, [AllocationRequest(100, 100)]) == [0.0]


def test_one_that_cannot_be_reached_keeps_what_it_holds() -> None:
    """The others share what is left of the limit."""
    requests = [_told(40, reachable=False), *[AllocationRequest(100, 100)] * 2]
    assert allocate(100.0, requests)[1:] == [30.0, 30.0]


def test_more_than_the_limit_out_of_reach() -> None:
    """When the unreachable hold more than the limit the others get nothing."""
    assert allocate(60.0, [_told(80, reachable=False), _told(20)])[1] == 0.0


def test_too_little_for_one_is_nothing_for_it() -> None:
    """Under 1 A each the current goes undivided to the one active last."""
    requests = [_told(5, active_at=10.0), _told(5, active_at=20.0)]
    assert allocate(1.8, requests) == [0.0, 1.8]
    assert allocate(2.2, requests) == [1.1, 1.1]
    assert allocate(0.9, requests) == [0.0, 0.0]


def test_it_returns_only_at_more() -> None:
    """One that was told 0 gets current again from 3 A on."""
    assert allocate(2.9, [AllocationRequest(100, 100)]) == [0.0]
    assert allocate(3.0, [AllocationRequest(100, 100)]) == [3.0]
    assert allocate(2.9, [_told(1)]) == [2.9]


def test_a_cap_below_the_threshold_of_return_is_reached() -> None:
    """A setpoint of 2 A is not 0 A."""
    assert allocate(50.0, [AllocationRequest(100, 2)]) == [2.0]


@given(limit=amps, requests=claims_())
@example(
    limit=1.0, requests=[AllocationRequest(5e-324, 2.0)]
)  # 1.0 / weight is infinite
def test_never_more_than_the_limit(
    limit: float, requests: list[AllocationRequest]
) -> None:
    """Parts and what the unreachable hold stay within the limit, each in its cap."""
    parts = allocate(limit, requests)
    reserved = sum(request.reserved for request in requests if not request.reachable)
    assert sum(parts) <= max(0.0, limit - reserved) + 1e-6
    for part, request in zip(parts, requests, strict=True):
        assert 0.0 <= part <= request.cap + 1e-6
        assert part == pytest.approx(round(part * 10) / 10, abs=1e-9)
        assert request.reachable or not part
        assert part == 0.0 or part >= 1.0 - 1e-6


@given(limit=st.floats(20.0, 1000.0), caps=st.lists(amps, min_size=1, max_size=5))
def test_nothing_is_left_over(limit: float, caps: list[float]) -> None:
    """All of the limit is used as far as caps allow, but for rounding and crumbs."""
    parts = allocate(limit, [AllocationRequest(cap, cap) for cap in caps])
    assert sum(parts) >= min(limit, sum(caps)) - 3.0 * len(caps)


def test_down_at_once() -> None:
    """Whatever the others hold, a lower part may be told."""
    assert permitted_now(0, 10.0, 50.0, [_told(40), _told(60)]) == 10.0


def test_up_only_into_room() -> None:
    """A higher part waits until the others have given it up."""
    assert permitted_now(0, 50.0, 100.0, [_told(0), _told(100)]) == 0.0
    assert permitted_now(0, 50.0, 100.0, [_told(0), _told(70)]) == 30.0
    assert permitted_now(0, 50.0, 100.0, [_told(0), _told(50)]) == 50.0


def test_what_is_given_up_is_not_offered_before_it_is_followed() -> None:
    """At once, 135 A would be drawn of 100 A."""
    assert permitted_now(0, 50.0, 100.0, [_told(0), _told(50, reserved=90)]) == 10.0


def test_what_may_be_up_waits_for_room_too() -> None:
    """Told 40 A, then 10 A, but no echo came: 30 A may be more than it knows of."""
    unsure = _told(40, at_least=10)
    assert permitted_now(0, 30.0, 100.0, [unsure, _told(90)]) == 10.0
    assert permitted_now(0, 30.0, 100.0, [unsure, _told(80)]) == 20.0
    assert permitted_now(0, 5.0, 100.0, [unsure, _told(100)]) == 5.0


def test_no_further_than_the_ceiling() -> None:
    """A rise is ramped for each inverter."""
    assert permitted_now(0, 50.0, 100.0, [_told(10, ceiling=20.0)]) == 20.0


def test_no_room_keeps_what_is_told() -> None:
    """A full bank takes nothing from one whose part would rise."""
    assert permitted_now(0, 50.0, 100.0, [_told(30), _told(90)]) == 30.0


@given(limit=amps, requests=claims_(), data=st.data())
def test_any_order_of_telling(
    limit: float, requests: list[AllocationRequest], data: st.DataObject
) -> None:
    """Told one by one in any order, the sum held rises only within the limit."""
    for _ in range(2 * len(requests)):
        i = data.draw(st.integers(0, len(requests) - 1))
        before = sum(request.reserved for request in requests)
        sent = permitted_now(i, allocate(limit, requests)[i], limit, requests)
        if not requests[i].reachable:
            continue
        requests[i] = replace(
            requests[i], sent=sent, reserved=max(sent, requests[i].reserved)
        )
        after = sum(request.reserved for request in requests)
        assert after <= max(before, limit) + 1e-6
