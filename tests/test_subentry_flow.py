"""Batteries and inverters of a gateway that is there: added, and changed."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.entry import gateway_config
from custom_components.bms_gateway.form import SECTION_RARE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from .flows import (
    BATTERY,
    INVERTER,
    INVERTER_DEFAULTS,
    add,
    change,
    filled,
    start,
    start_real,
    subentry,
)

# Added


@pytest.mark.parametrize(
    ("kind", "typed", "proposed"),
    [("battery", BATTERY, "Battery 2"), ("inverter", INVERTER, "Inverter 2")],
)
async def test_one_is_added(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    kind: str,
    typed: dict[str, Any],
    proposed: str,
) -> None:
    """To the gateway that it was asked for."""
    flow = await add(hass, bank, kind)
    result = await flow.reach("flow-1")
    assert filled(result) == {"name": proposed}
    result = await flow.fill(typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    added = bank.get_subentries_of_type(kind)[-1]
    assert added.title == typed["name"]
    assert added.data["channel"] == "flow-1"
    assert "name" not in added.data


async def test_a_port_taken_meanwhile_is_refused(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Typing takes time, in which another flow may finish."""
    flow = await add(hass, bank, "battery")
    await flow.reach("flow-1")
    quick = await start_real(hass, "Quick")
    await quick.reach("flow-1")
    await quick.fill(BATTERY)
    await quick.choose("finish")

    result = await flow.fill(BATTERY)
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["gateway"] == "Quick"
    await flow.fill(interface="virtual", channel="flow-2")
    await flow.choose("battery")
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Changed


async def test_a_battery_s_settings_are_changed(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """The form shows what is stored; what is cleared is gone; id and port stay."""
    before = subentry(bank, "battery")
    hass.config_entries.async_update_subentry(
        bank, before, data={**before.data, "timeout": 30.0, "learnt_elsewhere": 1}
    )
    flow = await change(hass, bank, "battery")
    result = await flow.choose("battery")
    assert filled(result) == {
        "name": "Old battery",
        "capacity_ah": 100.0,
        "timeout": 30.0,
    }
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    after = subentry(bank, "battery")
    assert after.subentry_id == before.subentry_id
    assert after.title == "Cellar"
    assert after.data == {
        "interface": "virtual",
        "channel": "old-b",
        "bitrate": 500_000,
        "capacity_ah": 280.0,
        "learnt_elsewhere": 1,
    }


async def test_an_inverter_s_settings_are_changed(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Its own port is not taken by anybody else."""
    flow = await change(hass, bank, "inverter")
    await flow.choose("inverter")
    rare = INVERTER_DEFAULTS | {"current_factor": 0.5, "exact_dlc": True}
    result = await flow.fill(INVERTER, {SECTION_RARE: rare})
    assert result["reason"] == "reconfigure_successful"
    [config] = gateway_config(bank).inverters
    assert config.port.channel == "old-i"
    assert (config.current_factor, config.exact_dlc) == (0.5, True)


async def test_another_port_is_chosen(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """One that is taken is refused; all else stays as it was."""
    before = subentry(bank, "battery")
    flow = await change(hass, bank, "battery")
    await flow.choose("port")
    result = await flow.enter("old-i")
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["device"] == "Old inverter"
    await flow.fill(interface="virtual", channel="flow-1")
    result = await flow.choose("battery")
    assert filled(result) == {"name": "Old battery", "capacity_ah": 100.0}
    result = await flow.fill(filled(result), {SECTION_RARE: {}})
    assert result["reason"] == "reconfigure_successful"
    assert subentry(bank, "battery").data == {**before.data, "channel": "flow-1"}


async def test_a_lost_port_does_not_prevent_other_changes(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """A limit must be lowerable while the adapter is unplugged."""
    before = subentry(bank, "inverter")
    lost = {"interface": "slcan", "channel": "/dev/none"}
    hass.config_entries.async_update_subentry(bank, before, data=before.data | lost)
    flow = await change(hass, bank, "inverter")
    await flow.choose("inverter")
    result = await flow.fill(INVERTER, rated_charge=10)
    assert result["reason"] == "reconfigure_successful"
    assert subentry(bank, "inverter").data["rated_charge"] == 10
    assert subentry(bank, "inverter").data["channel"] == "/dev/none"


async def test_a_port_that_is_stored_twice_is_told(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """However that came: changing one of the two says so, and asks for another."""
    before = subentry(bank, "inverter")
    hass.config_entries.async_update_subentry(
        bank, before, data={**before.data, "channel": "old-b"}
    )
    flow = await change(hass, bank, "inverter")
    await flow.choose("inverter")
    result = await flow.fill(INVERTER)
    assert result["errors"] == {"connection": "port_taken"}
    assert result["description_placeholders"]["device"] == "Old battery"
    await flow.reach("flow-1")
    result = await flow.fill(INVERTER)
    assert result["reason"] == "reconfigure_successful"


# Simulated hardware


@pytest.mark.usefixtures("machine")
async def test_simulated_hardware_is_not_asked_for_its_port(
    hass: HomeAssistant,
) -> None:
    """A simulated battery must never be played to a real inverter."""
    first = await start(hass)
    await first.choose("simulated")
    entry = (await first.fill(name="Demo"))["result"]
    channels = {each.data["channel"] for each in entry.subentries.values()}

    flow = await add(hass, entry, "battery")
    assert {str(key) for key in flow.result["data_schema"].schema} == {
        "name",
        "capacity_ah",
        SECTION_RARE,
    }
    typed = {"name": "Third", "capacity_ah": 50, SECTION_RARE: {}}
    result = await flow.fill(typed, capacity_ah=0)
    assert result["errors"] == {"capacity_ah": "invalid_capacity_ah"}
    result = await flow.fill(typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    third = entry.get_subentries_of_type("battery")[-1]
    assert third.data["interface"] == "virtual"
    assert third.data["channel"] not in channels

    again = await change(hass, entry, "battery")
    result = await again.fill(typed, capacity_ah=60)
    assert result["reason"] == "reconfigure_successful"
    changed = entry.subentries[third.subentry_id]
    assert changed.data == {**third.data, "capacity_ah": 60.0}
