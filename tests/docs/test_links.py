"""Links, pictures and commands in the documents lead to what exists."""

from pathlib import Path
import re
from typing import Final

import pytest

from . import PAGES, README, ROOT, prose_of, text_of

_REPOSITORY: Final = "bms-gateway/home-assistant-bms-gateway"
PAGE: Final = f"https://github.com/{_REPOSITORY}/blob/main/"
PICTURE: Final = f"https://raw.githubusercontent.com/{_REPOSITORY}/main/"
OUTSIDE: Final = (README, Path("info.md"))
"""HACS shows them without the repository: only absolute addresses work there."""

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_PICTURE: Final = re.compile(r'(?:src|srcset)="([^"]+)"|!\[[^\]]*\]\(([^)]+)\)')

LINES: Final = re.compile(r"L(\d+)(?:-L(\d+))?")
"""The anchor of a line, or of several, of a source file."""


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", prose_of(page), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles
    }


def target_of(page: Path, address: str) -> tuple[Path, str] | None:
    """Return the file and the anchor that a link leads to; None: another site."""
    path, _, anchor = address.partition("#")
    if path.startswith(own := (PAGE, PICTURE)):
        return Path(path.removeprefix(own[0]).removeprefix(own[1])), anchor
    if path.startswith("https://"):
        return None
    target = (ROOT / page).parent / path if path else ROOT / page
    return target.resolve().relative_to(ROOT), anchor


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    """To files and headings of the repository that exist."""
    for address in _LINK.findall(prose_of(page)):
        if found := target_of(page, address):
            target, anchor = found
            assert (ROOT / target).exists(), address
            if lines := LINES.fullmatch(anchor):
                length = len(text_of(target).splitlines())
                assert int(lines[1]) <= int(lines[2] or lines[1]) <= length, address
            else:
                assert not anchor or anchor in anchors(target), address


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_pictures_exist(page: Path) -> None:
    """Those of the repository."""
    for pair in _PICTURE.findall(prose_of(page)):
        if found := target_of(page, "".join(pair)):
            assert (ROOT / found[0]).is_file(), pair


@pytest.mark.parametrize("page", OUTSIDE, ids=str)
def test_addresses_are_absolute_where_hacs_shows_them(page: Path) -> None:
    """Of links and of pictures; headings of the same page are fine."""
    text = prose_of(page)
    pictures = ["".join(pair) for pair in _PICTURE.findall(text)]
    for address in _LINK.findall(text) + pictures:
        assert address.startswith(("https://", "#")), address


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_scripts_exist(page: Path) -> None:
    """A reader runs the scripts that a document names."""
    for script in re.findall(r"\bscripts/[\w-]+(?![\w/-])", text_of(page)):
        assert (ROOT / script).exists(), script
