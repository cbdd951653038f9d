"""The cost of each kind of trouble: a short version of each row of `closed-loop --kinds`.

Two banks, 10 minutes: nothing is learned at their beginning, so the marks are wider than
what a row comes to.
"""

from typing import Final, NamedTuple

import pytest

from custom_components.bms_gateway.engine.model import Direction

from .kinds import KINDS
from .rules import RuleSet
from .table import moved, over, swings
from .trials import Trial

BANKS: Final = ((0, 4.0), (3, 1.0))
"""Seeds, and the seconds with which their inverters follow."""
LENGTH: Final = 600.0


class Mark(NamedTuple):
    """The most of A·s over and swings per hour, the least moved, the most s of blackout."""

    over: float
    swings: float
    moved: float
    dark: float = 0.0


# As measured, plus a fifth
MARKS: Final = {
    "plain": Mark(over=35, swings=30, moved=0.98),
    "one-unknown": Mark(over=45, swings=48, moved=0.92),
    "all-unknown": Mark(over=55, swings=6, moved=0.73),
    "steps-of-10": Mark(over=35, swings=42, moved=0.97),
    "dead-band": Mark(over=35, swings=30, moved=0.97),
    "joins": Mark(over=50, swings=48, moved=0.87, dark=43),
    "opens": Mark(over=155, swings=48, moved=0.9, dark=14),
    "wanders": Mark(over=80, swings=66, moved=0.91),
    "modules": Mark(over=75, swings=66, moved=0.94),
    "outside": Mark(over=320, swings=30, moved=0.84),
    "gaps-4": Mark(over=5, swings=60, moved=0.88, dark=53),
    "gaps-6": Mark(over=5, swings=156, moved=0.72, dark=103),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_trouble_costs_no_more_than_measured(kind: str) -> None:
    """No worse than what was measured."""
    done = [
        Trial(seed, lag, RuleSet.OURS, LENGTH, kind=kind, strict=True).run()
        for seed, lag in BANKS
    ]
    mark = MARKS[kind]
    for direction in Direction:
        figures = [result[direction] for result in done]
        assert over(figures) <= mark.over
        assert swings(figures, LENGTH) <= mark.swings
        assert moved(figures) >= mark.moved
    assert max(f.blackout for result in done for f in result.values()) <= mark.dark
