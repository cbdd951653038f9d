"""The tables of the manual are made of the code and its texts, and complete."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from custom_components.bms_gateway.engine.model import Rule
from custom_components.bms_gateway.event_detector import EventType

from . import PAGES, ROOT, text_of


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    """Return the script that makes the tables."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / "scripts/lib/docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_tables_are_up_to_date(docs: ModuleType, page: Path) -> None:
    """If not: run scripts/docs."""
    text = text_of(page)
    assert docs.renewed(text) == text


def test_every_table_is_in_the_manual(docs: ModuleType) -> None:
    """Each has its marks in some page, and marks name only tables that exist."""
    marks = {name for page in PAGES for _, name, _ in docs.MARKS.findall(text_of(page))}
    assert marks == set(docs.tables())


def test_meanings_belong_to_entities_that_exist(docs: ModuleType) -> None:
    """None is left over from an entity that is gone."""
    keys = {key for platform in docs.TEXTS["entity"].values() for key in platform}
    assert set(docs.ENTITIES) <= keys


def test_every_rule_event_and_repair_is_explained(docs: ModuleType) -> None:
    """And none that is gone."""
    assert set(docs.RULES) == set(Rule)
    assert set(docs.EVENTS) == set(EventType)
    repairs = [key for group in docs.REPAIRS.values() for key in group]
    assert sorted(repairs) == sorted(docs.TEXTS["issues"])


def test_every_action_and_field_is_documented(docs: ModuleType) -> None:
    """By the name that is used in YAML."""
    manual = "".join(map(text_of, PAGES))
    for action, texts in docs.TEXTS["services"].items():
        assert f"`bms_gateway.{action}`" in manual
        for field in texts["fields"]:
            assert f"`{field}`" in manual, field
