"""docs/code-map.md names every module, with the first line of the module."""

from pathlib import Path
import runpy
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
SCRIPT: Final[dict[str, Any]] = runpy.run_path(str(ROOT / "scripts/lib/code_map.py"))


def test_code_map_is_up_to_date() -> None:
    """If not: run scripts/docs."""
    assert SCRIPT["MAP"].read_text(encoding="utf-8") == SCRIPT["render"]()


def test_every_module_has_a_summary() -> None:
    """In its first line, which fits into a row."""
    for path in SCRIPT["CODE"].rglob("*.py"):
        line = SCRIPT["first_line"](path)
        assert 10 < len(line) <= 110, path
