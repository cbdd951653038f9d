"""README.md tells what is so: its tables, its links and its pictures."""

import importlib.util
from pathlib import Path
import re
from types import ModuleType

import pytest

from custom_components.bms_gateway.engine.model import Rule
from custom_components.bms_gateway.event_detector import Happening

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURES = (
    "https://raw.githubusercontent.com/bms-gateway/home-assistant-bms-gateway/main/"
)


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    """Return the script that makes the tables."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / "scripts/lib/docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_up_to_date(docs: ModuleType) -> None:
    """If not: run scripts/docs."""
    assert docs.renewed(README) == README


def test_no_meaning_is_left_over(docs: ModuleType) -> None:
    """Of an entity that is gone."""
    keys = {key for platform in docs.TEXTS["entity"].values() for key in platform}
    assert set(docs.MEANINGS) <= keys


def test_nothing_is_left_out(docs: ModuleType) -> None:
    """Every rule, event and repair has its meaning, and none that is gone has one."""
    assert set(docs.RULES) == set(Rule)
    assert set(docs.EVENTS) == set(Happening)
    assert set(docs.REPAIRS) == set(docs.TEXTS["issues"])


def test_every_field_of_an_action_is_told(docs: ModuleType) -> None:
    """With its own name, and in code."""
    for action, texts in docs.TEXTS["services"].items():
        assert f"`bms_gateway.{action}`" in README
        for field in texts["fields"]:
            assert f"`{field}`" in README, field


def test_pictures_are_there() -> None:
    """HACS shows them from their absolute addresses."""
    addresses = re.findall(r'(?:src|srcset)="([^"]+)"|!\[[^\]]*\]\(([^)]+)\)', README)
    own = [address for pair in addresses for address in pair if PICTURES in address]
    assert own
    for address in own:
        assert (ROOT / address.removeprefix(PICTURES)).is_file(), address
    for pair in addresses:
        assert "".join(pair).startswith("https://"), pair


def test_links_lead_somewhere() -> None:
    """Headings and files of the repository that are linked to exist."""
    headings = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", README, flags=re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("script", re.findall(r"`(scripts/[\w-]+)", README))
def test_scripts_exist(script: str) -> None:
    """A reader runs what the README names."""
    assert (ROOT / script).is_file()
