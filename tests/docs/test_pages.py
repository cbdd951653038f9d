"""The documents are short, begin with what they are for, and can be found."""

from pathlib import Path
import re

import pytest

from . import INDEX, MANUAL, PAGES, README, prose_of, text_of


def first_paragraph(page: Path) -> str:
    """Return the first paragraph of plain text, in one line."""
    paragraphs = re.split(r"\n\s*\n", prose_of(page))
    plain = (each for each in paragraphs if re.match(r"[A-Z]", each))
    return " ".join(next(plain, "").split())


def test_readme_is_short() -> None:
    """It has what a person needs before and while installing."""
    assert len(text_of(README).splitlines()) <= 400


@pytest.mark.parametrize("page", MANUAL, ids=str)
def test_pages_of_the_manual_are_short(page: Path) -> None:
    """Tables that are made of the code do not count."""
    written = re.sub(
        r"<!-- (\w+) begin .*?<!-- \1 end -->", "", text_of(page), flags=re.DOTALL
    )
    assert len(written.splitlines()) <= 350


@pytest.mark.parametrize("page", MANUAL, ids=str)
def test_pages_of_the_manual_begin_with_what_they_are_for(page: Path) -> None:
    """A heading, then a sentence or two."""
    heading, paragraph, *_ = re.split(r"\n\s*\n", text_of(page))
    assert heading.startswith("# ")
    assert " ".join(paragraph.split()) == first_paragraph(page)


def test_info_begins_as_readme_does() -> None:
    """HACS may show either."""
    assert first_paragraph(Path("info.md")) == first_paragraph(README)


def test_every_page_is_in_the_index() -> None:
    """Decisions have an index of their own."""
    index = text_of(INDEX)
    for page in PAGES:
        if page.parent == INDEX.parent and page != INDEX:
            assert f"]({page.name})" in index, page.name
