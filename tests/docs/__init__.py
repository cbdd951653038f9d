"""The documents are true: README.md, the manual and the developers' pages."""

from pathlib import Path
import re
from typing import Final

ROOT: Final = Path(__file__).parents[2]
README: Final = Path("README.md")
INDEX: Final = Path("docs/README.md")


def text_of(page: Path) -> str:
    """Return the text of a document."""
    return (ROOT / page).read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """Return the text of a document without its blocks of code."""
    return re.sub(
        r"^( *)```.*?^\1```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE
    )


def _manual() -> tuple[Path, ...]:
    """Return the pages that the index lists for users."""
    users, _, _ = text_of(INDEX).partition("\n## For developers")
    return tuple(
        INDEX.parent / name for name in re.findall(r"\]\(([\w-]+\.md)\)", users)
    )


PAGES: Final = tuple(
    path.relative_to(ROOT)
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
)
"""Every document, as a path below the repository."""
MANUAL: Final = _manual()
"""The manual: pages for people who run a gateway."""
