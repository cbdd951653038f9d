"""Measures the time of an evaluation: `python -m tests.engine.evaluation`, or `scripts/bench --evaluation`.

For each size of an installation, the median, the 99th percentile and the maximum in ms
of what holds the event loop in one piece: judging what one battery's telegram changed,
and what one inverter is sent after it.
"""

from collections.abc import Callable
import sys
import time
from typing import Any, Final
from unittest.mock import patch

from custom_components.bms_gateway.engine.bank import Bank
from custom_components.bms_gateway.engine.gateway import Gateway

from .plant import Plant, battery, inverter

SIZES: Final = ((2, 1), (2, 2), (8, 4), (32, 16))
"""Batteries and inverters."""
SECONDS: Final = 30
WARM_UP: Final = 5


def measure(batteries: int, inverters: int) -> dict[str, list[float]]:
    """Return how long each evaluation and each telegram took, in ms."""
    took: dict[str, list[float]] = {"evaluate": [], "send": []}
    plant = Plant(
        [battery(f"b{n}") for n in range(batteries)],
        [inverter(f"i{n}") for n in range(inverters)],
    )
    with (
        patch.object(Bank, "evaluate", _timed(Bank.evaluate, took["evaluate"])),
        patch.object(Gateway, "_write", _timed(Gateway._write, took["send"])),
    ):
        plant.started()
        for second in range(SECONDS):
            if second == WARM_UP:
                took["evaluate"].clear()
                took["send"].clear()
            for n, (key, pack) in enumerate(plant.packs.items()):
                pack.reports(voltage=52 + second * 0.05, current=second % 7 + n)
                plant.send_telegrams(key)
                plant.wait(1 / batteries)
    return took


def _timed[**P, T](call: Callable[P, T], took: list[float]) -> Callable[P, T]:
    """Return the same call, which notes how long it takes in ms."""

    def timed(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.perf_counter()
        result = call(*args, **kwargs)
        took.append((time.perf_counter() - began) * 1e3)
        return result

    return timed


def main() -> None:
    """Print a line for each size and what was measured."""
    _print_row("batteries x inverters  ms to     median     p99     max")
    for batteries, inverters in SIZES:
        for what, took in measure(batteries, inverters).items():
            took.sort()
            p99 = took[len(took) * 99 // 100]
            median = took[len(took) // 2]
            _print_row(
                f"{batteries:9} x {inverters:<9}  {what:8}"
                f"  {median:6.2f}  {p99:6.2f}  {took[-1]:6.2f}"
            )


def _print_row(*line: Any) -> None:
    sys.stdout.write(" ".join(map(str, line)) + "\n")


if __name__ == "__main__":
    main()
