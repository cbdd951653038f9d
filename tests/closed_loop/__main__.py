"""Prints the table of the rules, or draws their effect: see scripts/closed-loop."""

import argparse
from pathlib import Path
import sys

from .chart import draw
from .kinds import KINDS
from .rules import RuleSet
from .stories import STORIES
from .table import HEAD, results, row, trials
from .trials import LENGTH, Trial

IMAGES = Path(__file__).parents[2] / ".github" / "images"


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    if options.draw:
        for name, story in STORIES.items():
            (IMAGES / f"{name}.svg").write_text(draw(story()), encoding="utf-8")
            _print(str(IMAGES / f"{name}.svg"))
        return
    rows: dict[str, list[Trial]]
    banks, lags, length = range(options.banks), options.lags, options.length
    if options.kinds is None:
        rows = {
            rule.value: trials(rule, banks, lags, length, strict=options.strict)
            for rule in options.rules
        }
    else:
        rows = {
            KINDS[kind].title: trials(
                RuleSet.OURS, banks, lags, length, kind, strict=True
            )
            for kind in options.kinds or KINDS
        }
    _print(HEAD)
    for name, planned in rows.items():
        done = []
        for trial, result in zip(planned, results(planned), strict=True):
            done.append(result)
            if options.each:
                _print(f"{trial.seed} {trial.lag} {row(name, [result], length)}")
        _print(row(name, done, length))


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="closed-loop",
        description="Run the gateway on simulated banks, 40 minutes each, and compare its "
        "limits with simpler rules, or (--kinds) with troubles from the "
        "field. A trial takes about 5 seconds; as many run side by side as there are "
        "processors.",
    )
    parser.add_argument("--banks", type=int, default=40, help="how many random banks")
    parser.add_argument(
        "--lags",
        type=float,
        nargs="+",
        default=[1.0, 4.0, 10.0],
        help="seconds with which the inverters follow; a trial of each bank with each",
    )
    parser.add_argument(
        "--rules",
        type=lambda name: RuleSet[name.upper()],
        nargs="+",
        default=list(RuleSet),
        metavar="RULE",
        help=f"of {', '.join(rule.name.lower() for rule in RuleSet)}; default: all",
    )
    parser.add_argument(
        "--kinds",
        nargs="*",
        choices=KINDS,
        metavar="KIND",
        help="a row for each of these troubles, with this gateway's own rule, in place "
        f"of the rules; of {', '.join(KINDS)}; none named: all",
    )
    parser.add_argument(
        "--length", type=float, default=LENGTH, help="seconds of each trial"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="count from 1 A or 2 %% over a limit on, in place of 5 A or 5 %%, and "
        "blackouts of the first five minutes, too",
    )
    parser.add_argument("--each", action="store_true", help="show each trial, too")
    parser.add_argument(
        "--draw", action="store_true", help="draw the documentation's pictures instead"
    )
    return parser


if __name__ == "__main__":
    main()
