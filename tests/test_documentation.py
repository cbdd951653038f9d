"""What the documents point at is there: files, functions, other documents."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
HOME: Final = "https://github.com/bms-gateway/home-assistant-bms-gateway/blob/main/"
MODULES: Final = {
    path.relative_to(ROOT).as_posix()
    for folder in ("custom_components", "tests", "scripts", ".ci")
    for path in (ROOT / folder).rglob("*.py")
}


def find_module(mentioned: str) -> list[Path]:
    """Return the modules that a path in a document may mean, its front left out."""
    return [
        ROOT / module for module in MODULES if f"/{module}".endswith(f"/{mentioned}")
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_modules_in_documents_exist(document: Path) -> None:
    """With or without the front of their path."""
    text = document.read_text(encoding="utf-8")
    mentioned = re.findall(r"`([\w./]+\.py)`", text)
    assert {each for each in mentioned if not find_module(each)} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_in_documents_are_in_their_module(document: Path) -> None:
    """As in "`SentLimits.reserved` in `engine/inverter/sent_limits.py`"."""
    text = " ".join(document.read_text(encoding="utf-8").split())
    for names, mentioned in re.findall(
        r"((?:`[\w.]+`(?:, | and | or )?)+) in `([\w./]+\.py)`", text
    ):
        sources = [path.read_text(encoding="utf-8") for path in find_module(mentioned)]
        for part in re.findall(r"\w+", " ".join(re.findall("`(.+?)`", names))):
            assert any(is_defined(part, each) for each in sources), (part, mentioned)


def is_defined(name: str, source: str) -> bool:
    """Return whether a source defines a function, class, attribute or constant."""
    return bool(re.search(rf"(?:(?:def|class|type) |\b){name}\b *[\[(:=]", source))


def links(document: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the anchor of each link to a file of the repository."""
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(HOME):
            path, _, anchor = target.removeprefix(HOME).partition("#")
            yield str(ROOT / path), anchor
        elif "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield str(document.parent / path) if path else str(document), anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_a_file_and_a_heading(document: Path) -> None:
    """Of the repository; of lines of code only the file is checked."""
    for path, anchor in links(document):
        assert Path(path).exists(), path
        if anchor and path.endswith(".md"):
            assert anchor in headings(Path(path)), (path, anchor)


def headings(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
