"""Adding and changing batteries and inverters of an existing gateway."""

from typing import Any
from unittest.mock import patch

from can.interfaces import virtual
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.config_entry import gateway_config
from custom_components.bms_gateway.engine.detection.classify import (
    DetectedBattery,
    ScanResult,
)
from custom_components.bms_gateway.engine.model import PortStatus
from custom_components.bms_gateway.flows.forms.form import SECTION_RARE
from custom_components.bms_gateway.flows.ports import listen as listen_flow
from custom_components.bms_gateway.runtime import BmsGatewayRuntime
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from ..connected import REQUEST, Machine, link, members, sending
from ..engine.serial_adapter import plugged_in
from ..engine.telegrams import telegram
from ..form_user import (
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
from ..waiting import until

BATTERY_FRAMES = telegram()

# Adding


@pytest.mark.parametrize(
    ("kind", "typed", "proposed"),
    [("battery", BATTERY, "Battery 2"), ("inverter", INVERTER, "Inverter 2")],
)
async def test_device_is_added(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    kind: str,
    typed: dict[str, Any],
    proposed: str,
) -> None:
    """To the right gateway."""
    flow = await add(hass, bank, kind)
    result = await flow.reach("flow-1")
    assert filled(result) == {"name": proposed}
    result = await flow.fill(typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    added = bank.get_subentries_of_type(kind)[-1]
    assert added.title == typed["name"]
    assert added.data["channel"] == "flow-1"
    assert "name" not in added.data


async def test_port_taken_meanwhile_is_rejected(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Another flow may finish during input."""
    flow = await add(hass, bank, "battery")
    await flow.reach("flow-1")
    quick = await start_real(hass, "Quick")
    await quick.reach("flow-1")
    await quick.fill(BATTERY)
    await quick.choose("finish")

    typed = {"name": "Mine", "capacity_ah": 7.0}
    result = await flow.fill(typed, {SECTION_RARE: {"timeout": 30}})
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["gateway"] == "Quick"
    await flow.fill(interface="virtual", channel="flow-2")
    result = await flow.choose("battery")
    assert filled(result) == typed | {"timeout": 30.0}  # no input is lost
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Changing


async def test_battery_settings_are_changed(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """The form shows the stored values; cleared ones are removed; id and port stay."""
    before = subentry(bank, "battery")
    hass.config_entries.async_update_subentry(
        bank, before, data={**before.data, "timeout": 30.0, "learned_elsewhere": 1}
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
        "learned_elsewhere": 1,
    }


async def test_protocol_of_a_battery_is_set_and_cleared(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Empty: as recognised."""
    for chosen in ("deye", None):
        flow = await change(hass, bank, "battery")
        await flow.choose("battery")
        rare = {} if chosen is None else {"dialect": chosen}
        await flow.fill(BATTERY, {SECTION_RARE: rare})
        [config] = gateway_config(bank).batteries
        assert config.dialect == chosen
        assert subentry(bank, "battery").data.get("dialect") == chosen


async def test_inverter_settings_are_changed(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Its own port does not count as taken."""
    flow = await change(hass, bank, "inverter")
    await flow.choose("inverter")
    rare = INVERTER_DEFAULTS | {
        "current_factor": 0.5,
        "frame_length": "exact",
        "current_sensor": "sensor.old_inverter",
        "stop_by_soc": True,
    }
    result = await flow.fill(INVERTER, {SECTION_RARE: rare})
    assert result["reason"] == "reconfigure_successful"
    [config] = gateway_config(bank).inverters
    assert config.port.channel == "old-i"
    assert (config.current_factor, config.frame_length) == (0.5, "exact")
    assert config.stop_by_soc
    assert subentry(bank, "inverter").data["current_sensor"] == "sensor.old_inverter"


async def test_cleared_sensor_is_removed(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """When the field is left empty."""
    for chosen in ({"current_sensor": "sensor.old_inverter"}, {}):
        flow = await change(hass, bank, "inverter")
        await flow.choose("inverter")
        await flow.fill(INVERTER, {SECTION_RARE: INVERTER_DEFAULTS | chosen})
        stored = subentry(bank, "inverter").data
        assert stored.get("current_sensor") == chosen.get("current_sensor")


async def test_port_is_changed(hass: HomeAssistant, bank: MockConfigEntry) -> None:
    """A taken one is rejected; everything else stays."""
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


async def test_lost_port_does_not_block_other_changes(
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


async def test_port_stored_twice_is_reported(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """However that happened: changing one of the two asks for another port."""
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


# While the gateway runs


@pytest.fixture(name="running")
async def start_bank(hass: HomeAssistant, bank: MockConfigEntry) -> MockConfigEntry:
    """Return the gateway once its ports are open."""
    assert await hass.config_entries.async_setup(bank.entry_id)
    await until(lambda: {*statuses(bank).values()} == {PortStatus.OPEN})
    return bank


def statuses(entry: MockConfigEntry) -> dict[str, PortStatus]:
    """Return the status of each port of a running gateway."""
    ports = runtime_of(entry).gateway.snapshot.ports
    return {key: port.status for key, port in ports.items()}


def runtime_of(entry: MockConfigEntry) -> BmsGatewayRuntime:
    """Return the coordinator; the same one as long as the entry is not reloaded."""
    runtime: BmsGatewayRuntime = entry.runtime_data
    return runtime


@pytest.mark.parametrize(
    ("kind", "typed"), [("battery", BATTERY), ("inverter", INVERTER)]
)
async def test_device_is_added_to_a_running_gateway(
    hass: HomeAssistant, running: MockConfigEntry, kind: str, typed: dict[str, Any]
) -> None:
    """It opens one more port, and nothing else changes."""
    before = runtime_of(running)
    flow = await add(hass, running, kind)
    await flow.reach("flow-1")
    assert members("flow-1") == 0
    await flow.fill(typed)
    await until(lambda: members("flow-1") == 1)
    assert runtime_of(running) is before
    assert members("old-b") == members("old-i") == 1


@pytest.mark.parametrize("kind", ["battery", "inverter"])
async def test_own_port_is_scanned_through_the_running_gateway(
    hass: HomeAssistant, machine: Machine, running: MockConfigEntry, kind: str
) -> None:
    """It is not opened a second time, and not polled."""
    channel = subentry(running, kind).data["channel"]
    machine.listen(3600)
    flow = await change(hass, running, kind)
    result = await flow.choose("port")
    assert filled(result)["connection"] == "manual"
    result = await flow.fill(connection="manual")
    assert filled(result)["channel"] == channel
    message = BATTERY_FRAMES if kind == "battery" else [REQUEST]
    with patch.object(listen_flow, "listen", side_effect=AssertionError):
        async with sending(channel, *message):
            result = await flow.fill(filled(result))
    assert result["step_id"] == kind
    assert "detected" in result["description_placeholders"]["scan_result"]
    assert filled(result)["name"] == f"Old {kind}"

    machine.listen(0.05)
    again = await change(hass, running, kind)
    await again.choose("port")
    result = await again.enter(channel)
    assert result["menu_options"] == [kind, "listen_again", "port"]
    assert members(channel) == 1


async def test_own_silent_adapter_should_be_replugged(
    hass: HomeAssistant, machine: Machine, bank: MockConfigEntry
) -> None:
    """Not one on which frames were received before."""
    with plugged_in() as adapter:
        before = subentry(bank, "battery")
        serial = {"interface": "slcan", "channel": adapter.device}
        data = before.data | serial
        hass.config_entries.async_update_subentry(bank, before, data=data)
        assert await hass.config_entries.async_setup(bank.entry_id)
        await until(lambda: {*statuses(bank).values()} == {PortStatus.OPEN})
        text = []
        for _ in range(2):
            flow = await change(hass, bank, "battery")
            await flow.choose("port")
            result = await flow.enter(adapter.device, interface="slcan")
            text.append(result["description_placeholders"]["scan_result"])
            adapter.send(b"t1230\r")
            await until(lambda: is_received(bank, before.subentry_id))
    assert ["plug it in again" in each for each in text] == [True, False]
    assert all(each.startswith("Nothing was received") for each in text)


def is_received(entry: MockConfigEntry, device_id: str) -> bool:
    """Return whether any frame was received on a device's port."""
    return not runtime_of(entry).gateway.snapshot.ports[device_id].is_silent


async def test_battery_on_an_inverters_own_port_is_rejected(
    hass: HomeAssistant, machine: Machine, running: MockConfigEntry
) -> None:
    """Its settings cannot be kept for that port; they can for another one."""
    machine.listen(3600)
    flow = await change(hass, running, "inverter")
    await flow.choose("port")
    async with sending("old-i", *BATTERY_FRAMES):
        result = await flow.enter("old-i")
    assert result["menu_options"] == ["listen_again", "port"]
    machine.listen(0.05)
    await flow.choose("port")
    await flow.reach("flow-1")
    result = await flow.fill(INVERTER)
    assert result["reason"] == "reconfigure_successful"


@pytest.mark.parametrize(
    ("kind", "typed"), [("battery", BATTERY), ("inverter", INVERTER)]
)
async def test_new_port_applies_to_the_running_gateway(
    hass: HomeAssistant, running: MockConfigEntry, kind: str, typed: dict[str, Any]
) -> None:
    """The old one is closed, the other device's stays open."""
    before = runtime_of(running)
    channel = subentry(running, kind).data["channel"]
    other = ({"old-b", "old-i"} - {channel}).pop()
    bus = virtual.channels[other]
    flow = await change(hass, running, kind)
    await flow.choose("port")
    await flow.reach("flow-1")
    await flow.fill(typed)
    await until(lambda: members("flow-1") == 1 and members(channel) == 0)
    assert runtime_of(running) is before
    assert virtual.channels[other] is bus


async def test_new_port_is_scanned_directly(
    hass: HomeAssistant, machine: Machine, running: MockConfigEntry
) -> None:
    """The present port gives no information about the new one."""
    machine.listen(0.3)
    flow = await change(hass, running, "battery")
    await flow.choose("port")
    async with sending("old-b", *BATTERY_FRAMES), sending("flow-1", REQUEST):
        result = await flow.enter("flow-1")
    assert result["step_id"] == "scan_result"
    assert "Inverter detected" in result["description_placeholders"]["scan_result"]


async def test_new_bitrate_of_an_open_port_is_not_scanned(
    hass: HomeAssistant, machine: Machine, running: MockConfigEntry
) -> None:
    """Only the present bitrate could be received; it is applied all the same."""
    machine.listen(3600)
    flow = await change(hass, running, "battery")
    await flow.choose("port")
    async with sending("old-b", *BATTERY_FRAMES):
        result = await flow.enter("old-b", bitrate="250000")
    assert result["step_id"] == "battery"
    assert result["description_placeholders"]["scan_result"] == ""
    result = await flow.fill(BATTERY)
    assert result["reason"] == "reconfigure_successful"
    assert gateway_config(running).batteries[0].port.bitrate == 250_000


@pytest.mark.parametrize("bitrate", ["500000", "250000"])
async def test_lost_port_is_scanned_and_reported(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    bitrate: str,
) -> None:
    """Nothing is received through a reader without it; another one can be chosen."""
    before = subentry(bank, "inverter")
    lost = {"interface": "slcan", "channel": "/dev/none"}
    hass.config_entries.async_update_subentry(bank, before, data=before.data | lost)
    assert await hass.config_entries.async_setup(bank.entry_id)
    await until(lambda: statuses(bank)[before.subentry_id] is PortStatus.LOST)

    flow = await change(hass, bank, "inverter")
    result = await flow.choose("port")
    assert filled(result)["connection"] == "rescan"
    result = await flow.enter("/dev/none", interface="slcan", bitrate=bitrate)
    assert result["errors"] == {"channel": "no_such_channel"}
    await flow.fill(interface="virtual", channel="flow-1")
    await flow.choose("inverter")
    result = await flow.fill(INVERTER)
    assert result["reason"] == "reconfigure_successful"
    await until(lambda: members("flow-1") == 1)


async def test_renamed_link_is_still_the_own_one(
    hass: HomeAssistant, machine: Machine, bank: MockConfigEntry
) -> None:
    """It is proposed by its adapter; its new name is stored without a question."""
    before = subentry(bank, "battery")
    own = {"interface": "socketcan", "channel": "can0", "bring_up": False}
    own["identity"] = "usb:1d50:606f:A"
    hass.config_entries.async_update_subentry(bank, before, data=before.data | own)
    machine.links = [link("can0", "B"), link("can1", "A")]
    flow = await change(hass, bank, "battery")
    result = await flow.choose("port")
    assert filled(result) == {
        "connection": "socketcan:can1",
        "bitrate": "500000",
        "bring_up": False,
    }
    battery = ScanResult(battery=DetectedBattery(name="PYLON"))
    with patch.object(listen_flow, "listen", return_value=battery):
        await flow.fill(filled(result))
    await flow.fill(BATTERY)
    data = subentry(bank, "battery").data
    assert data == before.data | own | {"channel": "can1", "capacity_ah": 280.0}


# Simulated hardware


@pytest.mark.usefixtures("machine")
async def test_simulated_device_is_not_asked_for_its_port(
    hass: HomeAssistant,
) -> None:
    """A simulated battery must never reach a real inverter."""
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
    shown = flow.result["description_placeholders"]["scan_result"]
    assert shown.startswith("Simulated hardware")
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


# Nominal voltages

OF_24 = telegram(charge_voltage_limit=28.0, discharge_voltage_limit=23.0, voltage=26.0)


async def test_a_configured_mix_is_refused(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """At once; the same voltage, or none, is accepted."""
    flow = await add(hass, bank, "battery")
    await flow.reach("flow-1")
    result = await flow.fill(BATTERY, {SECTION_RARE: {"nominal_voltage": "24"}})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert gateway_config(bank).batteries[-1].nominal_voltage == 24

    flow = await add(hass, bank, "battery")
    await flow.reach("flow-2")
    result = await flow.fill(BATTERY, {SECTION_RARE: {"nominal_voltage": "48"}})
    assert result["errors"] == {SECTION_RARE: "mixed_voltages"}
    result = await flow.fill(BATTERY, {SECTION_RARE: {"nominal_voltage": "24"}})
    assert result["type"] is FlowResultType.CREATE_ENTRY

    flow = await add(hass, bank, "battery")
    await flow.reach("flow-3")
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert gateway_config(bank).batteries[-1].nominal_voltage is None


async def test_a_detected_mix_is_shown(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """In the scan text, before the settings; the user may go on."""
    flow = await add(hass, bank, "battery")
    await flow.reach("flow-1")
    await flow.fill(BATTERY, {SECTION_RARE: {"nominal_voltage": "48"}})

    flow = await add(hass, bank, "battery")
    async with sending("flow-2", *OF_24):
        result = await flow.enter("flow-2")
    assert result["step_id"] == "scan_result"
    text = result["description_placeholders"]["scan_result"]
    assert "26.0 V, 24 V battery" in text
    assert "Cellar (48 V)" in text
    result = await flow.choose("battery")
    assert "Cellar (48 V)" in result["description_placeholders"]["scan_result"]
