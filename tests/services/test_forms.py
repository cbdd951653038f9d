"""The forms of the actions: each field is described, the right devices are offered."""

import json
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from custom_components.bms_gateway.can_log.services import RECORD_SCHEMA
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.services import CLEAR_SCHEMA, LIMIT_SCHEMA
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict

from ..bench import Bench

FOLDER = Path(__file__).parents[2] / "custom_components" / DOMAIN

SCHEMAS: dict[str, Any] = {
    "limit_current": LIMIT_SCHEMA,
    "clear_limit": CLEAR_SCHEMA,
    "record_traffic": RECORD_SCHEMA,
}


@pytest.mark.parametrize(("action", "schema"), SCHEMAS.items())
def test_every_field_is_described(action: str, schema: Any) -> None:
    """In the form that Home Assistant shows, and in both languages."""
    fields = {str(key): isinstance(key, vol.Required) for key in schema.schema}
    form = load_yaml_dict(str(FOLDER / "services.yaml"))
    assert set(form) == set(SCHEMAS)
    shown = form[action]["fields"]
    assert {key: each.get("required", False) for key, each in shown.items()} == fields
    assert all(each["selector"] for each in shown.values())
    for language in "en", "de":
        path = FOLDER / f"translations/{language}.json"
        texts = json.loads(path.read_text("utf-8"))["services"]
        assert set(texts) == set(form)
        assert set(texts[action]["fields"]) == set(fields)
        for each in (texts[action], *texts[action]["fields"].values()):
            assert each["name"] and each["description"]
    icons = json.loads((FOLDER / "icons.json").read_text("utf-8"))["services"]
    assert set(icons) == set(form)


async def test_form_offers_devices_that_can_be_limited(bench: Bench) -> None:
    """The gateway and its inverters, but no battery."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    form = load_yaml_dict(str(FOLDER / "services.yaml"))
    for action in "limit_current", "clear_limit":
        offered = form[action]["fields"]["device_id"]["selector"]["device"]["filter"]
        models = {row["model"] for row in offered}
        known_devices = dr.async_entries_for_config_entry(
            dr.async_get(bench.hass), "gw"
        )
        found = {
            identifier
            for known in known_devices
            if known.model in models
            for _, identifier in known.identifiers
        }
        assert found == {"gw", "i1"}


async def test_actions_exist_without_a_gateway(hass: HomeAssistant) -> None:
    """So that automations can be validated while none runs."""
    assert await async_setup_component(hass, DOMAIN, {})
    for action in "limit_current", "clear_limit":
        assert hass.services.has_service(DOMAIN, action)
