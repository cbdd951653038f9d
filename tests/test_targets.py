"""Controls are found by the targets of people and the automation editor."""

from collections.abc import Callable
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.components.websocket_api.automation import (
    async_get_services_for_target,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.setup import async_setup_component

from .bench import Bench
from .test_number import shown

type Target = dict[str, Any]

ALLOWED = ("charging_allowed", "discharging_allowed")


def device(hass: HomeAssistant, key: str) -> str:
    """Return the device of the gateway, a battery or an inverter."""
    return dr.async_get_device_id_by_identifier(
        hass, (DOMAIN, key), config_entry_id="gw"
    )


def by_device(hass: HomeAssistant, key: str) -> Target:
    """Target the device itself."""
    return {"device_id": device(hass, key)}


def by_area(hass: HomeAssistant, key: str) -> Target:
    """Target its area."""
    area = ar.async_get(hass).async_create("Cellar")
    dr.async_get(hass).async_update_device(device(hass, key), area_id=area.id)
    return {"area_id": area.id}


def by_floor(hass: HomeAssistant, key: str) -> Target:
    """Target the floor of that area."""
    floor = fr.async_get(hass).async_create("Basement")
    area_id = by_area(hass, key)["area_id"]
    ar.async_get(hass).async_update(area_id, floor_id=floor.floor_id)
    return {"floor_id": floor.floor_id}


def by_label(hass: HomeAssistant, key: str) -> Target:
    """Target a label on it."""
    label = lr.async_get(hass).async_create("Storage")
    dr.async_get(hass).async_update_device(device(hass, key), labels={label.label_id})
    return {"label_id": label.label_id}


AIMS = [by_device, by_area, by_floor, by_label]


async def call(hass: HomeAssistant, action: str, target: Target, **data: Any) -> None:
    """Call an action with a target."""
    domain, name = action.split(".")
    await hass.services.async_call(domain, name, data, target=target, blocking=True)


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("key", ["gw", "i1"])
async def test_both_directions_are_switched_by_any_target(
    hass: HomeAssistant,
    bench: Bench,
    aim: Callable[[HomeAssistant, str], Target],
    key: str,
) -> None:
    """It stops the current at once, and takes nothing out of service."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    target = aim(hass, key)
    for to, amps in ("off", 0.0), ("on", 50.0):
        await call(hass, f"switch.turn_{to}", target)
        states = [bench.state("switch", f"{key}_{name}").state for name in ALLOWED]
        assert states == [to, to]
        for _ in range(0 if to == "off" else 20):  # a limit rises slowly
            bench.ahead += 1
            await bench.send_telegrams("b1")
        await bench.receives("i1", amps, amps)
        assert bench.state("switch", "i1_in_service").state == "on"


@pytest.mark.parametrize("aim", AIMS)
async def test_inverter_is_limited_by_any_target(
    hass: HomeAssistant, bench: Bench, aim: Callable[[HomeAssistant, str], Target]
) -> None:
    """Both of its numbers are currents."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await call(hass, "number.set_value", aim(hass, "i1"), value=7)
    await bench.receives("i1", 7.0, 7.0)


@pytest.mark.parametrize("aim", AIMS)
async def test_target_sets_currents_and_leaves_the_voltage(
    hass: HomeAssistant, bench: Bench, aim: Callable[[HomeAssistant, str], Target]
) -> None:
    """The voltage is configuration: a value in amperes never reaches it."""
    await bench.battery("b1").inverter("i1").start()
    await call(hass, "number.set_value", aim(hass, "gw"), value=7)
    assert shown(bench, "gw_charge_current_setpoint") == 7.0
    assert shown(bench, "gw_discharge_current_setpoint") == 7.0
    assert shown(bench, "gw_charge_voltage_setpoint") == 60.0


@pytest.mark.parametrize("key", ["gw", "i1"])
async def test_editor_offers_the_controls_of_a_device(
    hass: HomeAssistant, bench: Bench, key: str
) -> None:
    """It starts with the target, and shows its actions."""
    await bench.battery("b1").inverter("i1").start()
    offered = await async_get_services_for_target(hass, by_device(hass, key), True)
    assert {"number.set_value", "switch.turn_off", "switch.turn_on"} <= offered


async def test_in_service_is_not_a_control_of_a_room(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Turning off a room, or a battery, must not take it out of service."""
    await bench.battery("b1").inverter("i1").start()
    for key in "b1", "i1":
        await call(hass, "switch.turn_off", by_device(hass, key))
        assert bench.state("switch", f"{key}_in_service").state == "on"


async def test_switches_are_controlled_by_voice(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Assist gets everything that is not configuration."""
    assert await async_setup_component(hass, "homeassistant", {})
    await bench.battery("b1").inverter("i1").start()
    registry = er.async_get(hass)
    for key in "gw", "i1":
        for name in ALLOWED:
            entity_id = bench.entity_id("switch", f"{key}_{name}")
            assert async_should_expose(hass, "conversation", entity_id)
        for name in "charge_current_setpoint", "discharge_current_setpoint":
            entry = registry.async_get(bench.entity_id("number", f"{key}_{name}"))
            assert entry is not None
            assert entry.entity_category is None
