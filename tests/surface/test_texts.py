"""Keys and placeholders of texts, and keys of icons."""

import json
from pathlib import Path
from typing import Any

from custom_components.bms_gateway.const import DOMAIN

from .outline import key_and_placeholders, outline
from .snapshot import FOLDER, SECTIONS, check

INTEGRATION = Path(__file__).parents[2] / "custom_components" / DOMAIN


def load(name: str) -> Any:
    """Return a JSON file of the integration."""
    return json.loads((INTEGRATION / name).read_text(encoding="utf-8"))


def test_keys_of_texts_and_icons_match_the_snapshot() -> None:
    """Translations of other languages have the same keys."""
    check(
        "texts",
        {
            "translations": outline(load("translations/en.json"), key_and_placeholders),
            "icons": outline(load("icons.json")),
        },
    )


def test_every_snapshot_is_checked() -> None:
    """A file without a test would pin nothing."""
    assert sorted(path.stem for path in FOLDER.iterdir()) == list(SECTIONS)
