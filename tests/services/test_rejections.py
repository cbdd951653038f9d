"""Calls that are rejected: each with its reason, and nothing changes."""

from collections.abc import Mapping
import json
import math
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr

from ..bench import Bench
from .calls import KEY, at_work, device, limit, ready, temporary_limits


@pytest.mark.parametrize(
    ("target", "data", "key"),
    [
        ("gw", {}, "no_limit_given"),
        ("gw", {"duration": 60, "owner": "me"}, "no_limit_given"),
        ("gw", {"charge_current": 5, "charge_power": 5}, "current_and_power"),
        ("i1", {"discharge_current": 5, "discharge_power": 5}, "current_and_power"),
        ("gw", {"charge_current": math.nan}, "limit_not_finite"),
        ("gw", {"charge_power": math.nan}, "limit_not_finite"),
        ("gw", {"discharge_current": math.inf}, "limit_not_finite"),
        ("gw", {"discharge_power": -math.inf}, "limit_not_finite"),
        # A wrong sign must not become 0 A: the house would be dark
        ("gw", {"discharge_current": -1.1}, "limit_negative"),
        ("i1", {"charge_current": -20}, "limit_negative"),
        ("gw", {"discharge_power": -60.1}, "limit_negative"),
        ("i1", {"charge_power": -3000}, "limit_negative"),
        # A valid direction is not applied if the other is invalid
        ("gw", {"charge_current": 5, "discharge_current": -5}, "limit_negative"),
        ("gw", {"charge_current": -5, "discharge_current": 5}, "limit_negative"),
        ("gw", {"charge_current": 60, "discharge_power": -99}, "limit_negative"),
        ("gw", {"charge_current": 5, "duration": 0}, "bad_duration"),
        ("gw", {"charge_current": 5, "duration": -60}, "bad_duration"),
        ("gw", {"charge_current": 5, "duration": {"days": 366}}, "bad_duration"),
        (
            "gw",
            {"charge_current": 5, "duration": 60, "until_cleared": True},
            "duration_until_cleared",
        ),
        ("gw", {"charge_current": 5, "owner": ""}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "  "}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "x" * 101}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\0"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\nb"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\u2028b"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\ud83d"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "\ud83d\udd0b"}, "bad_owner"),
        # Characters that reverse the text, or are invisible
        ("gw", {"charge_current": 5, "owner": "a\u202eb"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\u2066b"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "a\u200bb"}, "bad_owner"),
        ("gw", {"charge_current": 5, "owner": "\u200d"}, "bad_owner"),
        ("b1", {"charge_current": 5}, "no_gateway_or_inverter"),
    ],
)
async def test_invalid_call_is_rejected(
    bench: Bench,
    hass_storage: dict[str, Any],
    target: str,
    data: Mapping[str, Any],
    key: str,
) -> None:
    """With its own reason, and nothing changes: not in the store, nor on the wire."""
    await at_work(bench)
    await limit(bench, charge_current=20, owner="Bob", until_cleared=True)
    await bench.receives("i1", 10.0, 25.0)
    await bench.receives("i2", 10.0, 25.0)
    await bench.move(2)
    stored, before = (
        json.dumps(hass_storage[KEY]),
        bench.runtime.setpoint_manager.setpoints,
    )
    with pytest.raises(ServiceValidationError) as refused:
        await limit(bench, target, **data)
    assert (refused.value.translation_domain, refused.value.translation_key) == (
        DOMAIN,
        key,
    )
    assert bench.runtime.setpoint_manager.setpoints == before
    assert json.dumps(hass_storage[KEY]) == stored
    await bench.send_telegrams("b1")
    await bench.receives("i1", 10.0, 25.0)
    await bench.receives("i2", 10.0, 25.0)


@pytest.mark.parametrize(
    "data",
    [
        {"charge_current": "much"},
        {"charge_current": True},
        {"discharge_power": False},
        {"charge_current": None},
        {"charge_current": 10**400},
        {"charge_current": 5, "duration": "long"},
        {"charge_current": 5, "duration": math.inf},
        {"charge_current": 5, "duration": math.nan},
        {"charge_current": 5, "duration": True},
        {"charge_current": 5, "duration": False},
        {"charge_current": 5, "duration": {"hours": True}},
        {"charge_current": 5, "forever": True},
        {"charge_current": 5, "owner": None},
    ],
)
async def test_wrong_type_is_rejected(bench: Bench, data: Mapping[str, Any]) -> None:
    """By the schema of the action itself."""
    await ready(bench)
    with pytest.raises(vol.Invalid):
        await limit(bench, **data)
    assert temporary_limits(bench) == []


@pytest.mark.parametrize("action", ["limit_current", "clear_limit"])
async def test_foreign_devices_are_rejected(
    hass: HomeAssistant, bench: Bench, action: str
) -> None:
    """Unknown, another integration's, gone, or of a gateway that is not running."""
    await ready(bench)
    await limit(bench, charge_current=20)
    before = temporary_limits(bench)
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    registry = dr.async_get(hass)
    foreign = registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", "gw")}, name="Foreign"
    )
    stale = registry.async_get_or_create(
        config_entry_id="gw", identifiers={(DOMAIN, "gone")}, name="Gone"
    )
    data = {"charge_current": 5} if action == "limit_current" else {}

    async def key_of(device_id: str) -> str | None:
        with pytest.raises(ServiceValidationError) as refused:
            await hass.services.async_call(
                DOMAIN, action, {"device_id": device_id, **data}, blocking=True
            )
        return refused.value.translation_key

    assert await key_of("unknown") == "service_device_not_found"
    assert await key_of(foreign.id) == "service_device_wrong_domain"
    assert await key_of(stale.id) == "no_gateway_or_inverter"
    assert temporary_limits(bench) == before
    gateway = device(bench, "gw")
    assert await hass.config_entries.async_unload("gw")
    assert await key_of(gateway) == "service_config_entry_not_loaded"
