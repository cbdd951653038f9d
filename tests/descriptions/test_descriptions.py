"""Entity descriptions: names, icons, and a text for each of their states."""

from enum import StrEnum
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway import binary_sensor, event, number, sensor, switch
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.energy.sensors import ENERGIES
from custom_components.bms_gateway.engine.model import Alarm, Rule
from custom_components.bms_gateway.entity_tables import Tables
from homeassistant.helpers.entity import EntityDescription

FOLDER = Path(__file__).parents[2] / "custom_components" / DOMAIN


def read(name: str) -> dict[str, Any]:
    """Return a file of the integration."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def of(tables: Tables[Any]) -> list[EntityDescription]:
    """Return all descriptions of a platform."""
    return [
        *tables.gateway,
        *tables.battery,
        *tables.inverter,
        *tables.port,
    ]


ROWS: dict[str, list[EntityDescription]] = {
    "binary_sensor": of(binary_sensor.TABLES),
    "event": [event.EVENTS],
    "number": [*number.BANK, *number.INVERTER],
    "sensor": [*of(sensor.TABLES), *ENERGIES],
    "switch": [*switch.ALLOWED, switch.IN_SERVICE],
}
PLATFORMS = pytest.mark.parametrize("platform", ROWS)
LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


@PLATFORMS
@LANGUAGES
def test_every_entity_has_a_name(platform: str, language: str) -> None:
    """And no name is left over."""
    texts = read(f"translations/{language}.json")["entity"][platform]
    assert set(texts) == {row.key for row in ROWS[platform]}
    assert all(text["name"] for text in texts.values())


@LANGUAGES
def test_every_state_has_a_text(language: str) -> None:
    """Of every entity with a list of states, and of no other."""
    texts = read(f"translations/{language}.json")["entity"]["sensor"]
    states = {
        row.key: set(getattr(row, "options", None) or ()) for row in ROWS["sensor"]
    }
    assert {key: set(text.get("state", ())) for key, text in texts.items()} == states


@LANGUAGES
@pytest.mark.parametrize(
    ("platform", "attribute", "values"),
    [
        ("sensor", "limited_by", Rule),
        ("binary_sensor", "alarms", Alarm),
        ("event", "alarm", Alarm),
    ],
)
def test_attributes_have_names(
    language: str, platform: str, attribute: str, values: type[StrEnum]
) -> None:
    """Those that users see in a table of limits and alarms."""
    texts = read(f"translations/{language}.json")["entity"][platform]
    found = [
        text["state_attributes"][attribute]
        for text in texts.values()
        if attribute in text.get("state_attributes", {})
    ]
    assert found
    for text in found:
        assert text["name"]
        assert set(text["state"]) == set(values)


@LANGUAGES
def test_every_event_has_a_text(language: str) -> None:
    """Of each type that can occur, and of no other."""
    texts = read(f"translations/{language}.json")["entity"]["event"]["events"]
    types = texts["state_attributes"]["event_type"]["state"]
    assert set(types) == set(event.EVENTS.event_types or ())


@PLATFORMS
def test_icons_belong_to_entities(platform: str) -> None:
    """The states of an icon are states of its entity."""
    icons = read("icons.json")["entity"][platform]
    rows = {row.key: row for row in ROWS[platform]}
    assert set(icons) <= set(rows)
    for key, icon in icons.items():
        options = getattr(rows[key], "options", None) or ("on", "off")
        assert set(icon.get("state", {})) <= set(options)


@PLATFORMS
def test_every_entity_without_a_class_has_an_icon(platform: str) -> None:
    """Home Assistant knows one for the others."""
    icons = read("icons.json")["entity"][platform]
    without = {
        row.key
        for row in ROWS[platform]
        if row.device_class in {None, "enum"} and row.key not in icons
    }
    assert without == set()


@pytest.mark.parametrize("device", ["gateway", "battery"])
def test_device_has_one_state_of_charge(device: str) -> None:
    """Home Assistant shows one of this class next to its name, the first it finds."""
    rows = getattr(sensor.TABLES, device)
    assert [r.key for r in rows if r.device_class == "battery"] == ["soc"]


@pytest.mark.parametrize("table", ["gateway", "battery", "inverter", "port"])
@pytest.mark.parametrize("platform", [binary_sensor, sensor])
def test_keys_are_unique(platform: Any, table: str) -> None:
    """The unique ids are built from them."""
    rows = list(getattr(platform.TABLES, table))
    if table in {"battery", "inverter"}:
        rows += platform.TABLES.port
    assert len({row.key for row in rows}) == len(rows)
