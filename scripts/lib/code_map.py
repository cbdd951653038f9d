"""Writes docs/code-map.md: what each module is for, from the first line of the module."""

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ROOT / "custom_components/bms_gateway"
MAP: Final = ROOT / "docs/code-map.md"

HEAD: Final = """\
# Code map

Every module with its first line, room by room. `scripts/docs` writes this page. What may
import what is held by `tests/test_layers.py`; `tests/` has the same rooms.
"""


def first_line(path: Path) -> str:
    """Return what a module says that it is for."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")


def render() -> str:
    """Return the page."""
    parts = [HEAD]
    for folder in sorted({path.parent for path in CODE.rglob("*.py")}):
        name = folder.relative_to(CODE.parent)
        about = first_line(folder / "__init__.py")
        rows = [
            f"| [`{path.name}`](../{path.relative_to(ROOT)}) | {first_line(path)} |"
            for path in sorted(folder.glob("*.py"))
            if path.name != "__init__.py" or folder == CODE
        ]
        if rows:
            table = "\n".join(("| Module | What it is for |", "| --- | --- |", *rows))
            parts.append(f"## `{name}/`\n\n{about}.\n\n{table}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    MAP.parent.mkdir(exist_ok=True)
    MAP.write_text(render(), encoding="utf-8")
