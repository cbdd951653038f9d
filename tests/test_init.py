"""A gateway's life in Home Assistant: setup, changes while it runs, the end."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway import async_remove_config_entry_device
from custom_components.bms_gateway.const import (
    CONF_SIMULATED,
    DOMAIN,
    SUBENTRY_BATTERY,
    SUBENTRY_INVERTER,
)
from custom_components.bms_gateway.engine.model import (
    BatteryStatus,
    Direction,
    PortStatus,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .bench import Bench, telegram


def device(hass: HomeAssistant, identifier: str) -> dr.DeviceEntry:
    """Return the device of an entry or subentry."""
    found = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identifier), "gw"
    )
    assert found is not None
    return found


async def test_gateway_without_traffic_loads(hass: HomeAssistant, bench: Bench) -> None:
    """Nothing is received or sent, and all the devices are there."""
    await bench.battery("b1").inverter("i1").start()
    assert bench.entry.state is ConfigEntryState.LOADED
    gateway = device(hass, "gw")
    assert gateway.name == "Bank"
    for subentry_id in "b1", "i1":
        assert device(hass, subentry_id).name == f"My {subentry_id}"
        assert device(hass, subentry_id).via_device_id == gateway.id
    assert bench.state("sensor", "gw_status").state == "starting"
    assert bench.state("sensor", "b1_state").state == "waiting"
    assert bench.received("i1") == []


@pytest.mark.usefixtures("socket_enabled")
async def test_port_that_cannot_be_opened_is_a_repair(bench: Bench) -> None:
    """The gateway loads anyway: one of several adapters must not stop the others."""
    bench.battery("b1", interface="socketcan", channel="nosuchcan0")
    await bench.battery("b2").inverter("i1").start()
    await bench.until(lambda: "port_b1" in bench.issues())
    assert bench.entry.state is ConfigEntryState.LOADED
    await bench.opened("b2", "i1")


async def test_gateway_without_devices_loads(bench: Bench) -> None:
    """Its batteries may have been removed one by one."""
    await bench.start()
    assert bench.entry.state is ConfigEntryState.LOADED
    assert bench.state("number", "gw_charge_current_setpoint").state == "1000.0"


async def test_unusable_configuration_is_reported(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Nothing is guessed."""
    bench.battery("b1", interface="telepathy")
    with pytest.raises(AssertionError):
        await bench.start()
    assert bench.entry.state is ConfigEntryState.SETUP_ERROR
    assert bench.entry.error_reason_translation_key == "unusable_configuration"


async def test_unload_leaves_nothing(hass: HomeAssistant, bench: Bench) -> None:
    """Silence, no repair; the fixtures check timers, tasks and threads."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    gateway = bench.runtime.gateway
    assert await hass.config_entries.async_unload("gw")
    bench.received("i1")
    bench.send("b1", telegram())
    await bench.tick(60)
    assert bench.received("i1") == []
    assert {port.status for port in gateway.snapshot.ports.values()} <= {
        PortStatus.CLOSED
    }
    assert bench.issues() == {}
    assert bench.state("sensor", "gw_soc").state == STATE_UNAVAILABLE


async def test_gateway_can_be_set_up_again(bench: Bench, hass: HomeAssistant) -> None:
    """With the same entities."""
    await bench.battery("b1").start()
    registry = er.async_get(hass)
    before = set(registry.entities)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    assert set(registry.entities) == before


async def test_gateway_is_silent_at_the_end_of_home_assistant(
    hass: HomeAssistant, bench: Bench
) -> None:
    """An entry is not unloaded then."""
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    bench.received("i1")
    bench.send("b1", telegram(ccl=10))
    await bench.tick(5)
    assert bench.received("i1") == []


async def test_removal_deletes_the_setpoints(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """A new gateway must not start with those of an old one."""
    await bench.battery("b1").start()
    await hass.services.async_call(
        "number",
        "set_value",
        {
            "entity_id": bench.entity_id("number", "gw_charge_current_setpoint"),
            "value": 5,
        },
        blocking=True,
    )
    assert f"{DOMAIN}.gw.setpoints" in hass_storage
    await hass.config_entries.async_remove("gw")
    assert f"{DOMAIN}.gw.setpoints" not in hass_storage


async def test_battery_added_to_a_running_gateway(
    hass: HomeAssistant, bench: Bench
) -> None:
    """It gets its device, its entities and its port; the others are undisturbed."""
    await bench.battery("b1").inverter("i1").start()
    await bench.opened("b1", "i1")
    await bench.online("b1")
    received = bench.snapshot.ports["b1"].received
    hass.config_entries.async_add_subentry(
        bench.entry, ConfigSubentry(**_args(bench.subentry(SUBENTRY_BATTERY, "b2")))
    )
    await hass.async_block_till_done()
    assert device(hass, "b2").via_device_id == device(hass, "gw").id
    assert device(hass, "b2").config_subentry_id == "b2"
    assert bench.state("sensor", "b2_state").state == "waiting"
    await bench.opened("b2")
    await bench.online("b2", soc=70)
    await bench.shows("sensor", "b2_soc", "70.0")
    # A port that had been closed would count from 0 again
    assert bench.snapshot.ports["b1"].received >= received
    assert bench.snapshot.batteries["b1"].status is BatteryStatus.ONLINE
    assert bench.entry.state is ConfigEntryState.LOADED


async def test_inverter_added_to_a_running_gateway(
    hass: HomeAssistant, bench: Bench
) -> None:
    """It has setpoints of its own, and the bank's maximum moves."""
    await bench.battery("b1").inverter("i1").start()
    assert _maximum(bench, "gw_charge_current_setpoint") == 50.0
    hass.config_entries.async_add_subentry(
        bench.entry,
        ConfigSubentry(
            **_args(bench.subentry(SUBENTRY_INVERTER, "i2", rated_charge=30.0))
        ),
    )
    await hass.async_block_till_done()
    assert _maximum(bench, "i2_charge_current_setpoint") == 30.0
    assert _maximum(bench, "gw_charge_current_setpoint") == 80.0
    assert bench.state("number", "gw_charge_current_setpoint").state == "80.0"


@pytest.mark.usefixtures("socket_enabled")
async def test_battery_removed_from_a_running_gateway(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Its device, its entities and its repair go; the others are undisturbed."""
    bench.battery("b1").inverter("i1")
    await bench.battery("b2", interface="socketcan", channel="nosuchcan0").start()
    await bench.until(lambda: "port_b2" in bench.issues())
    await bench.send_telegrams("b1")
    received = bench.snapshot.ports["b1"].received
    hass.config_entries.async_remove_subentry(bench.entry, "b2")
    await hass.async_block_till_done()
    await bench.until(lambda: "port_b2" not in bench.issues())
    registry = dr.async_get(hass)
    assert registry.async_get_device_by_identifier((DOMAIN, "b2"), "gw") is None
    assert not [
        found
        for found in er.async_get(hass).entities.values()
        if found.unique_id.startswith("b2_")
    ]
    assert set(bench.snapshot.batteries) == {"b1"}
    assert bench.snapshot.ports["b1"].received >= received > 0


async def test_removed_inverter_loses_its_setpoints(
    hass: HomeAssistant, bench: Bench
) -> None:
    """One with the same id is another one."""
    await bench.battery("b1").inverter("i1").inverter("i2").start()
    for inverter in "i1", "i2":
        await hass.services.async_call(
            "number",
            "set_value",
            {
                "entity_id": bench.entity_id(
                    "number", f"{inverter}_charge_current_setpoint"
                ),
                "value": 5,
            },
            blocking=True,
        )
    assert set(bench.runtime.setpoint_store.setpoints.inverters) == {"i1", "i2"}
    hass.config_entries.async_remove_subentry(bench.entry, "i2")
    await hass.async_block_till_done()
    assert set(bench.runtime.setpoint_store.setpoints.inverters) == {"i1"}


async def test_devices_removed_while_stopped_lose_their_setpoints(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Setpoints, limits and the service state go at the next start."""
    await bench.battery("b1").battery("b2").inverter("i1").inverter("i2").start()
    left = AllSetpoints(inverters={"i1": Setpoints(charge_current=5.0)})
    temporary_limit = TemporaryLimit(
        device_id="i2", direction=Direction.CHARGE, owner="Ann", amps=0.0, until=None
    )
    stopped = Setpoints(charging_allowed=False)
    asked = left.with_setpoints("i2", stopped).with_temporary_limit(temporary_limit)
    out = frozenset({"b2", "i2"})
    await bench.runtime.setpoint_manager.async_set(
        replace(asked, out_of_service=out), "Ann"
    )
    assert await hass.config_entries.async_unload("gw")
    for removed in "b2", "i2":
        hass.config_entries.async_remove_subentry(bench.entry, removed)
    await hass.async_block_till_done()
    await bench.setup()
    assert bench.runtime.setpoint_manager.setpoints == left
    assert {device for device, _ in bench.runtime.setpoint_store.changes} == {"i1"}
    assert await hass.config_entries.async_unload("gw")
    stored = hass_storage[f"{DOMAIN}.gw.setpoints"]["data"]
    assert (stored["out_of_service"], stored["temporary_limits"]) == ([], [])


async def test_reconfigured_battery_leaves_the_others_alone(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Only its own port changes."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    received = bench.snapshot.ports["b1"].received
    entry = bench.entry
    old = entry.subentries["b2"]
    bench.buses["b2"].shutdown()
    moved = bench.subentry(SUBENTRY_BATTERY, "b2")["data"]
    hass.config_entries.async_update_subentry(
        entry, old, data=dict(moved), title="Cellar"
    )
    await hass.async_block_till_done()
    assert device(hass, "b2").name == "Cellar"
    await bench.opened("b2")
    await bench.send_telegrams("b2")
    assert bench.snapshot.ports["b1"].received >= received > 0
    assert bench.snapshot.batteries["b1"].status is BatteryStatus.ONLINE


async def test_renamed_gateway_renames_its_device(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Without a reload."""
    await bench.battery("b1").start()
    hass.config_entries.async_update_entry(bench.entry, title="Cellar")
    await hass.async_block_till_done()
    assert device(hass, "gw").name == "Cellar"


async def test_telemetry_sets_manufacturer_and_model(
    hass: HomeAssistant, bench: Bench
) -> None:
    """0x35E names the maker."""
    await bench.battery("b1").start()
    assert device(hass, "b1").manufacturer is None
    await bench.online("b1")
    assert device(hass, "b1").manufacturer == "PYLON"


async def test_devices_in_use_cannot_be_deleted(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Only one without a subentry may be deleted by hand."""
    await bench.battery("b1").inverter("i1").start()
    for identifier in "gw", "b1", "i1":
        assert not await async_remove_config_entry_device(
            hass, bench.entry, device(hass, identifier)
        )
    stale = dr.async_get(hass).async_get_or_create(
        config_entry_id="gw", identifiers={(DOMAIN, "gone")}
    )
    assert await async_remove_config_entry_device(hass, bench.entry, stale)


async def test_simulated_hardware_runs(hass: HomeAssistant, bench: Bench) -> None:
    """Batteries send and inverters are sent limits, without a peer in the test."""
    await bench.battery("b1").inverter("i1").start(data={CONF_SIMULATED: True})
    await bench.until(lambda: bench.snapshot.batteries["b1"].online)
    await bench.until(lambda: bench.snapshot.inverters["i1"].connected is True)
    hass.config_entries.async_add_subentry(
        bench.entry, ConfigSubentry(**_args(bench.subentry(SUBENTRY_BATTERY, "b2")))
    )
    await hass.async_block_till_done()
    await bench.until(lambda: bench.snapshot.batteries["b2"].online)
    hass.config_entries.async_remove_subentry(bench.entry, "b1")
    hass.config_entries.async_remove_subentry(bench.entry, "b2")
    await hass.async_block_till_done()
    assert bench.snapshot.batteries == {}


def _args(data: Any) -> dict[str, Any]:
    return dict(data)


def _maximum(bench: Bench, unique_id: str) -> float:
    maximum: float = bench.state("number", unique_id).attributes["max"]
    return maximum
