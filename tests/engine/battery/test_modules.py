"""Modules that are missing lower what a battery holds; one false count does not."""

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


def test_not_told() -> None:
    """Nothing is known, so nothing is missing."""
    assert (_reported().most, _reported().missing) == (None, 0)


def test_missing_once_it_is_told_again_and_again() -> None:
    """Three times in a row."""
    known = [5] * CONFIRMING_COUNTS
    assert (_reported(*known).most, _reported(*known).missing) == (5, 0)
    assert _reported(*known, 3, 3).missing == 0
    assert _reported(*known, 3, 3, 3).missing == 2
    assert _reported(*known, 3, 3, 3, 5, 5, 5).missing == 0


def test_one_false_count() -> None:
    """It neither takes modules away nor adds any."""
    for count in 0, 1, 255:
        modules = _reported(5, 5, 5, count, 5, 5, 5)
        assert (modules.most, modules.missing) == (5, 0)


def test_none_at_all() -> None:
    """A battery that speaks has some."""
    assert _reported(5, 5, 5, 0, 0, 0).missing == 0


def test_those_online_where_they_are_told() -> None:
    """Of a battery that tells both, in two frames."""
    modules = _reported(5, 5, 5)
    for _ in range(3):
        modules.take({"modules_online": 4})
        modules.take({"modules": 5})
    assert modules.missing == 1


def test_what_is_left_of_the_capacity() -> None:
    """By the part of the modules."""
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
