"""Labels that the manual quotes, in italics, are those of the interface."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any, Final

import pytest

from . import MANUAL, README, ROOT, prose_of

TEXTS: Final = ROOT / "custom_components/bms_gateway/translations/en.json"
OTHERS: Final = {
    # Home Assistant
    *("Settings", "Devices & services", "Add integration", "Dashboards", "Repairs"),
    *("Add dashboard", "New dashboard from scratch", "Edit", "Delete", "Energy"),
    *("Raw configuration editor", "System", "System information", "Submit", "Save"),
    *("Home battery storage", "Add battery system", "Inverted", "Discovered"),
    *("Download diagnostics", "Enable debug logging", "Reconfigure", "Integration"),
    "BMS CAN Gateway",
}
"""Italics that are no text of the integration."""


def texts(part: Any) -> Iterator[str]:
    """Yield every text of the integration."""
    if isinstance(part, str):
        yield part
    else:
        for each in part.values():
            yield from texts(each)


def labels(page: Path) -> Iterator[str]:
    """Yield what is in italics, each step of a path by itself."""
    text = " ".join(prose_of(page).split())
    for quoted in re.findall(
        r"(?<![*\\\w])\*(?![*\s])([^*]+?)(?<![\s\\])\*(?!\*)", text
    ):
        yield from quoted.split(" > ")


@pytest.mark.parametrize("page", [README, *MANUAL], ids=str)
def test_labels_in_the_manual_exist_on_the_screen(page: Path) -> None:
    """A reader finds them on the screen."""
    known = "\n".join(texts(json.loads(TEXTS.read_text(encoding="utf-8"))))
    assert {
        each for each in labels(page) if each not in OTHERS and each not in known
    } == set()
