"""Compares what was collected with a stored snapshot, or renews that."""

from difflib import unified_diff
import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

RENEW: Final = "RENEW_SURFACE"
"""Set by `scripts/surface`: write the snapshots instead of comparing."""
FOLDER: Final = Path(__file__).parent / "snapshots"
SECTIONS: Final = (
    "actions",
    "attributes",
    "diagnostics",
    "entities",
    "entries",
    "events",
    "flows",
    "issues",
    "mqtt",
    "storage",
    "subentries",
    "texts",
)


def check(section: str, found: dict[str, Any]) -> None:
    """Fail with a diff if something differs from the snapshot of this section."""
    assert section in SECTIONS
    path = FOLDER / f"{section}.json"
    text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if RENEW in os.environ:
        path.write_text(text, encoding="utf-8")
        return
    stored = path.read_text(encoding="utf-8") if path.exists() else ""
    if text == stored:
        return
    diff = unified_diff(
        stored.splitlines(),
        text.splitlines(),
        f"{path.name}, stored",
        f"{path.name}, now",
        lineterm="",
    )
    pytest.fail(
        "The surface has changed. If that is intended, run scripts/surface, commit its "
        "differences and explain them.\n" + "\n".join(diff),
        pytrace=False,
    )
