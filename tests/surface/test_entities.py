"""Entities and devices as Home Assistant registers them, and the entities' attributes."""

from typing import Any, Final

import pytest

from custom_components.bms_gateway import entity_tables
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity

from ..bench import Bench
from .house import settle, start, use
from .outline import merged, names, outline, without_ids
from .snapshot import check

REGISTERED: Final = frozenset(
    {
        "attribution",
        "device_class",
        "event_types",
        "friendly_name",
        "icon",
        "max",
        "min",
        "mode",
        "options",
        "state_class",
        "step",
        "unit_of_measurement",
    }
)
"""Attributes that Home Assistant derives from what is registered."""


def registered(entry: er.RegistryEntry) -> dict[str, Any]:
    """Return what is registered of an entity, but for what is as usual."""
    found: dict[str, Any] = {
        "entity_id": without_ids(entry.entity_id),
        "translation_key": entry.translation_key,
        "device_class": entry.original_device_class,
        "unit": entry.unit_of_measurement,
        "category": entry.entity_category,
        "icon": entry.original_icon,
        "hidden_by": entry.hidden_by,
        "disabled_by": entry.disabled_by,
        "features": entry.supported_features or None,
        "has_entity_name": None if entry.has_entity_name else False,
    }
    found |= entry.capabilities or {}
    for key in "options", "event_types":
        if key in found:
            found[key] = names(found[key])
    return {
        key: value if isinstance(value, bool | int | float | list) else str(value)
        for key, value in found.items()
        if value is not None
    }


def device(entry: dr.DeviceEntry, devices: dr.DeviceRegistry) -> dict[str, Any]:
    """Return what is registered of a device."""
    via = entry.via_device_id and devices.async_get(entry.via_device_id)
    return {
        "manufacturer": entry.manufacturer,
        "model": entry.model,
        "model_id": entry.model_id,
        "name": entry.name and without_ids(entry.name),
        "type": entry.entry_type,
        "via": without_ids(str(sorted(via.identifiers))) if via else None,
    }


@pytest.fixture(autouse=True)
def all_were_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add those entities, too, that only some batteries have a value for."""
    monkeypatch.setattr(entity_tables, "was_reported", lambda *_: True)


async def test_entities_and_devices_match_the_snapshot(
    hass: HomeAssistant, bench: Bench
) -> None:
    """As they are on a new installation."""
    await start(bench)
    entities, devices = er.async_get(hass), dr.async_get(hass)
    check(
        "entities",
        {
            "devices": merged(
                (str(sorted(each.identifiers)), device(each, devices))
                for each in dr.async_entries_for_config_entry(devices, "gw")
            ),
            "entities": merged(
                (f"{each.domain} {each.unique_id}", registered(each))
                for each in er.async_entries_for_config_entry(entities, "gw")
            ),
        },
    )


async def test_attributes_match_the_snapshot(
    hass: HomeAssistant, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every entity, also of those that are disabled at first; most have none."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)
    await start(bench)
    found: dict[str, list[Any]] = {}

    def look() -> None:
        for each in er.async_entries_for_config_entry(er.async_get(hass), "gw"):
            state = hass.states.get(each.entity_id)
            assert state, each.entity_id
            own = {k: v for k, v in state.attributes.items() if k not in REGISTERED}
            if own:
                key = f"{each.domain} {without_ids(each.unique_id)}"
                found.setdefault(key, []).append(own)

    await settle(bench)
    look()
    await use(bench)
    look()
    check("attributes", outline(found))
