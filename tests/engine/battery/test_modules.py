"""Missing modules lower the capacity of a battery; one false count does not."""

from custom_components.bms_gateway.engine.battery.modules import (
    CONFIRMING_COUNTS,
    Modules,
)
from custom_components.bms_gateway.engine.model import BatteryState, BatteryStatus


def _reported(*counts: int, name: str = "modules") -> Modules:
    modules = Modules()
    for count in counts:
        modules.take({name: count})
    return modules


def test_without_a_count_nothing_is_missing() -> None:
    """Nothing is known, so nothing is missing."""
    assert (_reported().most, _reported().missing) == (None, 0)


def test_modules_are_missing_after_three_equal_counts() -> None:
    """Three times in a row."""
    known = [5] * CONFIRMING_COUNTS
    assert (_reported(*known).most, _reported(*known).missing) == (5, 0)
    assert _reported(*known, 3, 3).missing == 0
    assert _reported(*known, 3, 3, 3).missing == 2
    assert _reported(*known, 3, 3, 3, 5, 5, 5).missing == 0


def test_one_false_count_changes_nothing() -> None:
    """It neither removes modules nor adds any."""
    for count in 0, 1, 255:
        modules = _reported(5, 5, 5, count, 5, 5, 5)
        assert (modules.most, modules.missing) == (5, 0)


def test_a_count_of_0_is_ignored() -> None:
    """A battery that sends has modules."""
    assert _reported(5, 5, 5, 0, 0, 0).missing == 0


def test_modules_online_take_precedence() -> None:
    """For a battery that reports both, in two frames."""
    modules = _reported(5, 5, 5)
    for _ in range(3):
        modules.take({"modules_online": 4})
        modules.take({"modules": 5})
    assert modules.missing == 1


def test_missing_modules_lower_the_capacity() -> None:
    """In proportion."""
    state = BatteryState(id="b1", status=BatteryStatus.ONLINE, capacity_ah=500.0)
    assert state.available_ah == 500.0
    less = BatteryState(
        id="b1",
        status=BatteryStatus.ONLINE,
        capacity_ah=500.0,
        modules_most=5,
        modules_missing=2,
    )
    assert less.available_ah == 300.0
