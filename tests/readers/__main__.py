"""Prints what each reader believes of each profile: see scripts/readers."""

import sys

from custom_components.bms_gateway.engine.config import Profile

from .day import day
from .judge import READERS, Result, frames, judge

HEAD = (
    "| Reader | Profile | Minutes right | Wrong, in minutes |",
    "| --- | --- | ---: | --- |",
)


def row(reader: str, profile: Profile, result: Result) -> str:
    """Return one row of the table."""
    wrong = "; ".join(
        f"{kind}: {count}"
        + ("" if kind == (text := result.examples[kind]) else f" ({text})")
        for kind, count in result.found.most_common()
    )
    right = result.minutes - result.wrong
    return f"| {reader} | {profile} | {right} of {result.minutes} | {wrong or '–'} |"


def main() -> None:
    """Print the table."""
    lines = list(HEAD)
    for profile in Profile:
        sent = frames(day(), profile)
        lines += [
            row(reader.name, profile, judge(reader, day(), sent))
            for reader in READERS.values()
        ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
