"""docs/mqtt.md names keys that are published."""

from pathlib import Path
import re
from typing import Any, Final

import pytest

from ..mqtt.test_payload import report
from . import text_of

PAGE: Final = text_of(Path("docs/mqtt.md"))


def keys_in(section: str) -> set[str]:
    """Return the keys in the first column of the tables of a section."""
    _, _, text = PAGE.partition(f"\n## Keys of `{section}`\n")
    rows = re.findall(r"^\| ([^|]*) \|", text.partition("\n## ")[0], re.MULTILINE)
    return set(re.findall(r"`(\w+)`", " ".join(rows)))


@pytest.mark.parametrize(
    ("section", "payload"),
    [
        ("state", report().state()),
        ("batteries/<battery>", next(iter(report().batteries().values()))),
        ("inverters/<inverter>", next(iter(report().inverters().values()))),
    ],
)
def test_keys_are_published(section: str, payload: dict[str, Any]) -> None:
    """A reader of the topic finds each of them."""
    keys = keys_in(section)
    assert len(keys) > 10
    assert keys <= set(payload)
