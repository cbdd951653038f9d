"""Both strategies side by side: what the plain sum gives and what the batteries bear."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.limits.compare import Comparison, compare
from custom_components.bms_gateway.engine.model import Alarm, Direction

from ..states import lost, online

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE


def test_strategies_agree_on_equal_batteries() -> None:
    """Neither is better."""
    found = compare([online("a"), online("b")])
    assert found == dict.fromkeys(Direction, Comparison(200.0, 200.0))


def test_weak_battery_limits_the_shared_current() -> None:
    """100 Ah / 10 A beside 300 Ah / 150 A carry 40 A, not 160 A."""
    weak = online("weak", 100.0, charge_current_limit=10.0)
    strong = online("strong", 300.0, charge_current_limit=150.0)
    assert compare([weak, strong])[CHARGE] == Comparison(160.0, 40.0)
    assert compare([weak, strong])[DISCHARGE].share == pytest.approx(400 / 3)


def test_learned_shares_are_used() -> None:
    """A battery that carries more than by capacity binds the bank earlier."""
    batteries = [
        replace(online("a"), current_share=0.8),
        replace(online("b"), current_share=0.2),
    ]
    assert compare(batteries)[CHARGE] == Comparison(200.0, 125.0)


def test_only_batteries_online_are_compared() -> None:
    """The shares of lost ones are divided among them."""
    rest = [replace(online("a"), current_share=0.25), lost("b")]
    assert compare(rest)[CHARGE] == Comparison(100.0, 100.0)
    assert compare([lost()]) == {}
    assert compare([]) == {}


def test_sum_is_0_if_one_battery_does_not_permit() -> None:
    """As the daemon does with its enables."""
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
def test_shared_limit_never_exceeds_the_sum(
    rows: list[tuple[float, float, float | None]],
) -> None:
    """With any learned shares."""
    found = compare(
        replace(
            online(str(i), capacity, charge_current_limit=limit), current_share=part
        )
        for i, (capacity, limit, part) in enumerate(rows)
    )
    assert 0.0 <= found[CHARGE].share <= found[CHARGE].sum + 1e-9
