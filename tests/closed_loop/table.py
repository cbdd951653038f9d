"""The tables of the rules and of the kinds: the means of many trials."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import mean

from custom_components.bms_gateway.engine.model import Direction

from .metrics import Figures
from .rules import RuleSet
from .trials import LENGTH, Trial

type Result = dict[Direction, Figures]

HEAD = """\
| rule | over own limit, A·s charge / discharge (unavoidable) \
| swings > 10 % per hour (of what is possible) | moved / possible | needless blackouts |
|---|---|---|---|---|"""


def trials(
    rule: RuleSet,
    banks: Iterable[int],
    lags: Sequence[float],
    length: float = LENGTH,
    kind: str = "plain",
    *,
    strict: bool = False,
) -> list[Trial]:
    """Return a trial of each bank with each lag."""
    return [
        Trial(seed, lag, rule, length, kind=kind, strict=strict)
        for seed in banks
        for lag in lags
    ]


def results(trials: Iterable[Trial]) -> Iterator[Result]:
    """Yield the result of each trial in their order; they run side by side."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(Trial.run, trials)


def row(name: str, results: Sequence[Result], length: float = LENGTH) -> str:
    """Return one row of a table."""
    cells = (
        name,
        _both(results, lambda f: f"{over(f):.0f} ({least_over(f):.0f})"),
        _both(
            results,
            lambda f: f"{swings(f, length):.0f} ({least_swings(f, length):.0f})",
        ),
        _both(results, lambda figures: f"{moved(figures):.3f}"),
        f"{blackouts(results)} of {len(results)}",
    )
    return f"| {' | '.join(cells)} |"


def over(figures: Sequence[Figures]) -> float:
    """Return what batteries carried over their limits, in A·s of a run."""
    return mean(f.over for f in figures)


def swings(figures: Sequence[Figures], length: float = LENGTH) -> float:
    """Return how often the limit swung per hour."""
    return mean(f.sent.count for f in figures) / (length / 3600)


def least_over(figures: Sequence[Figures]) -> float:
    """Return the A·s of a run that are over whatever the inverters are sent."""
    return mean(f.least_over for f in figures)


def least_swings(figures: Sequence[Figures], length: float = LENGTH) -> float:
    """Return how often the physical optimum swung per hour."""
    return mean(f.possible_limit.count for f in figures) / (length / 3600)


def moved(figures: Sequence[Figures]) -> float:
    """Return the part of the possible charge that was moved."""
    possible = sum(f.possible for f in figures)
    return sum(f.moved for f in figures) / possible if possible else 1.0


def blackouts(results: Sequence[Result]) -> int:
    """Return in how many runs 0 A was sent although more was possible."""
    return sum(any(f.blackout for f in r.values()) for r in results)


def _both(results: Sequence[Result], show: Callable[[list[Figures]], str]) -> str:
    return " / ".join(show([r[direction] for r in results]) for direction in Direction)
