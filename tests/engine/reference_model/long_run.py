"""A long run of the invariants: `python -m tests.engine.reference_model.long_run [STEPS] [SEED]`.

Round by round with a seed of its own each, until STEPS rules were carried out; a line
reports progress. A failure is printed with its seed and the steps that lead
there, and the next round begins.
"""

import logging
from pathlib import Path
import subprocess
import sys
import time
import traceback
from typing import Any, override

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .events import InstallationEvents

STEPS_PER_EXAMPLE = 100
EXAMPLES_PER_ROUND = 50

counted = {"steps": 0, "examples": 0}


class Counted(InstallationEvents):
    """An installation that counts what happens to it."""

    @override
    def check_invariants(self, *args: Any) -> None:
        counted["steps"] += hasattr(self, "plant")
        super().check_invariants(*args)

    @override
    def teardown(self) -> None:
        counted["examples"] += 1
        # The setup is no step.
        counted["steps"] -= hasattr(self, "plant")


def main(steps: int = 1_000_000, first: int = 0) -> int:
    """Run until `steps` rules were carried out; return how many rounds broke one.

    The first round has the seed `first`.
    """
    logging.disable()
    began, number, broken = time.monotonic(), first, list[int]()
    commit = _commit()
    while counted["steps"] < steps:
        try:
            run_round(number)
        except Exception:  # noqa: BLE001
            broken.append(number)
            _print(f"seed {number} broke a rule:\n{traceback.format_exc()}")
        number += 1
        _print(
            f"{counted['steps']} steps in {counted['examples']} examples,"
            f" {time.monotonic() - began:.0f} s, seeds {first} to {number - 1},"
            f" commit {commit}, broken: {broken or 'none'}"
        )
    return len(broken)


def run_round(number: int) -> None:
    """Run the examples of one seed; no shrinking, that takes longer than a round."""
    run_state_machine_as_test(
        seed(number)(Counted),
        settings=settings(
            max_examples=EXAMPLES_PER_ROUND,
            stateful_step_count=STEPS_PER_EXAMPLE,
            phases=(Phase.generate,),
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _commit() -> str:
    """Return which commit is run, and whether it was changed since."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*(int(each) for each in sys.argv[1:])))
