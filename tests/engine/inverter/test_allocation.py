"""Allocation of the bank limit among inverters: weights, caps, reserved current."""

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
def request_lists(draw: st.DrawFn) -> list[AllocationRequest]:
    """Return requests of inverters with at least the sent current reserved."""
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


def _after(
    sent: float, *, reserved: float | None = None, **options: Any
) -> AllocationRequest:
    """Return the request of an inverter after a limit was sent."""
    reserved = sent if reserved is None else reserved
    return AllocationRequest(100, 100, sent=sent, reserved=reserved, **options)


def test_equal_inverters_get_equal_limits() -> None:
    """Equal weights and caps."""
    assert allocate(90.0, [AllocationRequest(100, 100)] * 3) == [30.0, 30.0, 30.0]


def test_twice_the_rating_gets_twice_the_limit() -> None:
    """The default weight is the rated current."""
    assert allocate(
        90.0, [AllocationRequest(200, 200), AllocationRequest(100, 100)]
    ) == [60.0, 30.0]


def test_current_above_a_cap_goes_to_the_others() -> None:
    """The rest above a cap, such as a setpoint, is divided by weight."""
    requests = [
        AllocationRequest(100, 10),
        AllocationRequest(100, 100),
        AllocationRequest(200, 200),
    ]
    assert allocate(100.0, requests) == [10.0, 30.0, 60.0]


def test_cap_of_0_leaves_all_to_the_others() -> None:
    """An inverter that may take nothing gets nothing."""
    assert allocate(
        100.0, [AllocationRequest(100, 0), AllocationRequest(100, 100)]
    ) == [0.0, 100.0]


def test_inverters_without_weight_share_equally() -> None:
    """Inverters without a rating, within their caps."""
    assert allocate(100.0, [AllocationRequest(0, 80), AllocationRequest(0, 80)]) == [
        50.0,
        50.0,
    ]


def test_limit_is_never_below_0() -> None:
    """Nothing is left to divide."""
    assert allocate(0.0, [AllocationRequest(100, 100)] * 2) == [0.0, 0.0]
    assert allocate(-5.0, [AllocationRequest(100, 100)]) == [0.0]


def test_unreachable_inverter_keeps_its_reserved_current() -> None:
    """The others share the rest of the limit."""
    requests = [_after(40, reachable=False), *[AllocationRequest(100, 100)] * 2]
    assert allocate(100.0, requests)[1:] == [30.0, 30.0]


def test_others_get_0_if_unreachable_ones_reserve_more_than_the_limit() -> None:
    """Nothing is left for them."""
    assert allocate(60.0, [_after(80, reachable=False), _after(20)])[1] == 0.0


def test_limit_below_1_a_each_goes_to_the_last_active_inverter() -> None:
    """Below 1 A an inverter cannot follow."""
    requests = [_after(5, active_at=10.0), _after(5, active_at=20.0)]
    assert allocate(1.8, requests) == [0.0, 1.8]
    assert allocate(2.2, requests) == [1.1, 1.1]
    assert allocate(0.9, requests) == [0.0, 0.0]


def test_inverter_at_0_gets_current_again_from_3_a_on() -> None:
    """The hysteresis between 1 A and 3 A."""
    assert allocate(2.9, [AllocationRequest(100, 100)]) == [0.0]
    assert allocate(3.0, [AllocationRequest(100, 100)]) == [3.0]
    assert allocate(2.9, [_after(1)]) == [2.9]


def test_cap_below_the_restart_current_is_reached() -> None:
    """A setpoint of 2 A is not 0 A."""
    assert allocate(50.0, [AllocationRequest(100, 2)]) == [2.0]


@given(limit=amps, requests=request_lists())
@example(
    limit=1.0, requests=[AllocationRequest(5e-324, 2.0)]
)  # 1.0 / weight is infinite
def test_sum_never_exceeds_the_limit(
    limit: float, requests: list[AllocationRequest]
) -> None:
    """With current reserved by unreachable ones; each within its cap."""
    parts = allocate(limit, requests)
    reserved = sum(request.reserved for request in requests if not request.reachable)
    assert sum(parts) <= max(0.0, limit - reserved) + 1e-6
    for part, request in zip(parts, requests, strict=True):
        assert 0.0 <= part <= request.cap + 1e-6
        assert part == pytest.approx(round(part * 10) / 10, abs=1e-9)
        assert request.reachable or not part
        assert part == 0.0 or part >= 1.0 - 1e-6


@given(limit=st.floats(20.0, 1000.0), caps=st.lists(amps, min_size=1, max_size=5))
def test_limit_is_used_completely(limit: float, caps: list[float]) -> None:
    """As far as caps allow, except for rounding and parts below the minimum."""
    parts = allocate(limit, [AllocationRequest(cap, cap) for cap in caps])
    assert sum(parts) >= min(limit, sum(caps)) - 3.0 * len(caps)


def test_lower_limit_is_permitted_at_once() -> None:
    """With any reserved currents of the others."""
    assert permitted_now(0, 10.0, 50.0, [_after(40), _after(60)]) == 10.0


def test_higher_limit_waits_for_room() -> None:
    """Until the others have followed down."""
    assert permitted_now(0, 50.0, 100.0, [_after(0), _after(100)]) == 0.0
    assert permitted_now(0, 50.0, 100.0, [_after(0), _after(70)]) == 30.0
    assert permitted_now(0, 50.0, 100.0, [_after(0), _after(50)]) == 50.0


def test_current_is_available_only_once_the_other_inverter_followed_down() -> None:
    """Otherwise 135 A would flow of 100 A."""
    assert permitted_now(0, 50.0, 100.0, [_after(0), _after(50, reserved=90)]) == 10.0


def test_limit_that_may_be_a_rise_waits_for_room() -> None:
    """40 A, then 10 A sent without an echo: 30 A may be a rise."""
    unsure = _after(40, at_least=10)
    assert permitted_now(0, 30.0, 100.0, [unsure, _after(90)]) == 10.0
    assert permitted_now(0, 30.0, 100.0, [unsure, _after(80)]) == 20.0
    assert permitted_now(0, 5.0, 100.0, [unsure, _after(100)]) == 5.0


def test_rise_stops_at_the_ceiling() -> None:
    """The limit of each inverter is ramped."""
    assert permitted_now(0, 50.0, 100.0, [_after(10, ceiling=20.0)]) == 20.0


def test_full_bank_keeps_the_present_limit() -> None:
    """An inverter whose part would rise keeps its limit."""
    assert permitted_now(0, 50.0, 100.0, [_after(30), _after(90)]) == 30.0


@given(limit=amps, requests=request_lists(), data=st.data())
def test_any_order_of_sending_stays_within_the_limit(
    limit: float, requests: list[AllocationRequest], data: st.DataObject
) -> None:
    """The reserved sum rises only within the limit."""
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
