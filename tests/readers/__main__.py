"""Prints what each reader believes of each set through a day: see scripts/readers."""

import argparse
import sys

from custom_components.bms_gateway.engine.presets import PRESETS, Make, Preset

from .day import day
from .judge import Result, frames, judge
from .readers import DANGERS, MATCHING, READERS, Reader, as_sent

HEAD = (
    "| Reader | Preset | Minutes right | Wrong, in minutes |",
    "| --- | --- | ---: | --- |",
)
MOST = 5
"""Findings that a row shows."""


def row(reader: Reader, presets: str, result: Result) -> str:
    """Return one row of a table."""
    found = result.found.most_common()
    wrong = [_finding(kind, result.examples[kind], count) for kind, count in found]
    if len(wrong) > MOST:
        wrong[MOST:] = [f"{len(wrong) - MOST} more"]
    right = f"{result.minutes - result.wrong:,} of {result.minutes:,}"
    return f"| {reader.name} | {presets} | {right} | {'; '.join(wrong) or '–'} |"


def matching() -> list[str]:
    """Return the rows of the sets that are made for their readers."""
    groups: dict[tuple[Reader, Preset], list[str]] = {}
    for make, reader in MATCHING.items():
        groups.setdefault((reader, as_sent(PRESETS[make])), []).append(_name(make))
    return [
        row(reader, ", ".join(makes), judge(reader, day(), frames(day(), preset)))
        for (reader, preset), makes in groups.items()
    ]


def wrong(*, every: bool) -> list[str]:
    """Return the rows of the sets that are made for others: the dangerous, or `every`."""
    rows = []
    for make in [make for make in Make if make.startswith("other_")]:
        sent = frames(day(), PRESETS[make])
        rows += [
            (reader.name, row(reader, _name(make), judge(reader, day(), sent)))
            for reader in READERS
            if (every and MATCHING[make] is not reader) or (reader, make) in DANGERS
        ]
    order = [reader.name for reader in READERS]
    return [text for _, text in sorted(rows, key=lambda one: order.index(one[0]))]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        prog="readers",
        description="Simulate a day and let readers of inverters judge what they are "
        "sent: each with the preset that is made for it, then with those that are not. "
        "Takes about a minute.",
    )
    parser.add_argument(
        "--all", action="store_true", help="show harmless pairs of the second kind, too"
    )
    every = parser.parse_args().all
    lines = [*HEAD, *matching(), "", *HEAD, *wrong(every=every)]
    sys.stdout.write("\n".join(lines) + "\n")


def _finding(kind: str, example: str, count: int) -> str:
    shown = "" if example == kind else f" ({example.removeprefix(f'{kind}: ')})"
    return f"{kind}{shown}: {count:,}"


def _name(make: Make) -> str:
    return f"`{make}`"


if __name__ == "__main__":
    main()
