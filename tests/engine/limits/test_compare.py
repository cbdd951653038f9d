"""Both strategies side by side: what the plain sum gives and what the batteries bear."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.limits.compare import Comparison, compare
from custom_components.bms_gateway.engine.model import Alarm, Direction

from ..states import lost, online

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE


def test_equal_batteries_are_equal_by_both() -> None:
    """There is nothing to choose."""
    found = compare([online("a"), online("b")])
    assert found == dict.fromkeys(Direction, Comparison(200.0, 200.0))


def test_a_weak_battery_holds_the_others() -> None:
    """100 Ah / 10 A beside 300 Ah / 150 A bear 40 A, not 160 A."""
    weak = online("weak", 100.0, charge_current_limit=10.0)
    strong = online("strong", 300.0, charge_current_limit=150.0)
    assert compare([weak, strong])[CHARGE] == Comparison(160.0, 40.0)
    assert compare([weak, strong])[DISCHARGE].share == pytest.approx(400 / 3)


def test_by_what_was_learnt() -> None:
    """A battery that carries more than its capacity's part holds the bank earlier."""
    batteries = [
        replace(online("a"), current_share=0.8),
        replace(online("b"), current_share=0.2),
    ]
    assert compare(batteries)[CHARGE] == Comparison(200.0, 125.0)


def test_only_batteries_online_count() -> None:
    """The slices of those that are lost are divided among them."""
    rest = [replace(online("a"), current_share=0.25), lost("b")]
    assert compare(rest)[CHARGE] == Comparison(100.0, 100.0)
    assert compare([lost()]) == {}
    assert compare([]) == {}


def test_the_sum_stops_where_one_does_not_permit() -> None:
    """As the original does with its enables."""
    stopped = online("a", protections=frozenset({Alarm.OVER_VOLTAGE}))
    found = compare([stopped, online("b")])
    assert found[CHARGE] == Comparison(0.0, 0.0)
    assert found[DISCHARGE] == Comparison(200.0, 200.0)


@given(
    st.lists(
        st.tuples(st.floats(1, 1000), st.floats(0, 500), st.none() | st.floats(0, 1)),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_shared_is_never_more_than_the_sum(
    rows: list[tuple[float, float, float | None]],
) -> None:
    """Whatever was learnt."""
    found = compare(
        replace(
            online(str(i), capacity, charge_current_limit=limit), current_share=part
        )
        for i, (capacity, limit, part) in enumerate(rows)
    )
    assert 0.0 <= found[CHARGE].share <= found[CHARGE].sum + 1e-9
