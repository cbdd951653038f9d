"""The documents are short, begin with what they are for, and can be found."""

from pathlib import Path
import re
from typing import Final

import pytest

from . import MANUAL, PAGES, ROOT, prose_of, text_of

INDEX: Final = Path("docs/README.md")


def first_paragraph(page: Path) -> str:
    """Return the first paragraph of plain text, in one line."""
    paragraphs = re.split(r"\n\s*\n", prose_of(page))
    plain = (each for each in paragraphs if re.match(r"[A-Z]", each))
    return " ".join(next(plain, "").split())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_pages_are_short(page: Path) -> None:
    """Tables that are made of the code do not count."""
    written = re.sub(
        r"<!-- (\w+) begin .*?<!-- \1 end -->", "", text_of(page), flags=re.DOTALL
    )
    assert len(written.splitlines()) <= 400


def test_info_begins_as_readme_does() -> None:
    """HACS may show either."""
    assert first_paragraph(Path("info.md")) == first_paragraph(Path("README.md"))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_pages_begin_with_what_they_are_for(page: Path) -> None:
    """A heading, then a sentence or two."""
    assert prose_of(page).startswith("# ")
    assert first_paragraph(page).endswith((".", ":"))


def test_every_page_is_in_the_index() -> None:
    """Pages of decisions are in the index of decisions."""
    index = text_of(INDEX)
    for page in MANUAL.glob("*.md"):
        assert f"]({page.name})" in index or page == ROOT / INDEX, page.name
