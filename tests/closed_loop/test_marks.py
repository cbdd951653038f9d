"""The results that the limits have to achieve in a loop with random banks.

The table of the documentation, shortened: each of the forty banks with one of the lags,
for 20 of the 40 minutes. Nearly all of the excess comes in those, while nothing is
learned yet; energy counts from the sixth minute on, as the first are a larger part here.
"""

from itertools import cycle
from typing import Final

import pytest

from custom_components.bms_gateway.engine.model import Direction

from .rules import RuleSet
from .table import blackouts, moved, over, results, swings
from .trials import Trial

BANKS: Final = 40
LAGS: Final = (1.0, 4.0, 10.0)
LENGTH: Final = 1200.0
ENERGY_FROM: Final = 300.0

MOST_OVER: Final = 25.0
"""A·s of a run, over max(5 A, 5 % of the battery's largest limit) over its limit."""
MOST_SWINGS: Final = 20.0
"""Per hour, of more than a tenth of the limit."""
LEAST_MOVED: Final = 0.98
"""Of what the packs allowed."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_limits_hardly_overload_and_hardly_hold_back() -> None:
    """Batteries are hardly overloaded, and hardly anything is held back."""
    done = list(
        results(
            Trial(seed, lag, RuleSet.OURS, LENGTH, energy_from=ENERGY_FROM)
            for seed, lag in zip(range(BANKS), cycle(LAGS), strict=False)
        )
    )
    for direction in Direction:
        figures = [result[direction] for result in done]
        assert over(figures) <= MOST_OVER
        assert swings(figures, LENGTH) <= MOST_SWINGS
        assert moved(figures) >= LEAST_MOVED
    assert blackouts(done) == 0
