"""The table of the rules: the means of many trials."""

from collections.abc import Callable, Iterable, Sequence
from statistics import mean

from custom_components.bms_gateway.engine.model import Direction

from .metrics import Figures
from .rules import RuleSet
from .trials import LENGTH, Trial

type Result = dict[Direction, Figures]

HEAD = """\
| rule | over own limit, A·s charge / discharge | swings > 10 % per hour \
| moved / possible | needless blackouts |
|---|---|---|---|---|"""


def trials(
    rule: RuleSet, banks: Iterable[int], lags: Sequence[float], length: float = LENGTH
) -> list[Trial]:
    """Return a trial of each bank with each lag."""
    return [Trial(seed, lag, rule, length) for seed in banks for lag in lags]


def row(rule: RuleSet, results: Sequence[Result], length: float = LENGTH) -> str:
    """Return one row of the table."""
    hours = length / 3600
    dark = sum(any(f.blackout for f in r.values()) for r in results)
    cells = (
        rule.value,
        _both(results, lambda figures: f"{mean(f.over for f in figures):.0f}"),
        _both(
            results, lambda figures: f"{mean(f.swings for f in figures) / hours:.0f}"
        ),
        _both(results, lambda figures: f"{moved(figures):.2f}"),
        f"{dark} of {len(results)}",
    )
    return f"| {' | '.join(cells)} |"


def moved(figures: Sequence[Figures]) -> float:
    """Return what was moved of what was possible."""
    possible = sum(f.possible for f in figures)
    return sum(f.moved for f in figures) / possible if possible else 1.0


def _both(results: Sequence[Result], show: Callable[[list[Figures]], str]) -> str:
    return " / ".join(show([r[direction] for r in results]) for direction in Direction)
