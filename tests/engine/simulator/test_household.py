"""The simulated household: lively, within its size, the same each time."""

from hypothesis import given, strategies as st

from custom_components.bms_gateway.engine.simulator.household import (
    DAY,
    Household,
    Size,
    Wander,
)

SIZE = Size(sun=6000, load=4000)


@given(st.integers(0, 1000), st.floats(0, 1e6))
def test_household_stays_within_its_size(seed: int, at: float) -> None:
    """No more sun than the panels give, no more load than the house takes."""
    assert -SIZE.load <= Household(SIZE, seed)(at) <= SIZE.sun
    assert 0 <= Wander(seed, 7.0)(at) <= 1


@given(st.integers(0, 1000), st.floats(0, 1e5))
def test_household_load_moves_smoothly(seed: int, at: float) -> None:
    """A tenth of a second changes it by a small part of its size."""
    house = Household(SIZE, seed)
    assert abs(house(at + 0.1) - house(at)) < 0.05 * (SIZE.sun + SIZE.load)


def test_a_day_has_both_directions_and_visible_steps() -> None:
    """Within a simulated day it charges and discharges, and moves within seconds."""
    for seed in range(5):
        house = Household(SIZE, seed)
        powers = [house(float(at)) for at in range(int(DAY))]
        assert max(powers) > 1000
        assert min(powers) < -1000
        swings = [
            max(powers[k : k + 10]) - min(powers[k : k + 10])
            for k in range(0, len(powers), 10)
        ]
        assert sum(swing > 200 for swing in swings) > 0.8 * len(swings)


def test_houses_differ_and_repeat() -> None:
    """The same seed is the same house."""
    assert Household(SIZE, 1)(42.0) == Household(SIZE, 1)(42.0)
    assert Household(SIZE, 1)(42.0) != Household(SIZE, 2)(42.0)
