"""The first setup, an adapter that is plugged in, a gateway that is renamed."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bms_gateway.config_entry import gateway_config
from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.detection.classify import ScanResult
from custom_components.bms_gateway.engine.model import Frame
from custom_components.bms_gateway.flows.forms.form import SECTION_RARE
from custom_components.bms_gateway.flows.ports import listen as listen_flow
from homeassistant.config_entries import SOURCE_IGNORE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component

from .connected import REQUEST, Machine, link, sending, usb_device
from .engine.telegrams import telegram
from .form_user import (
    BATTERY,
    INVERTER,
    INVERTER_DEFAULTS,
    Flow,
    filled,
    offered,
    plug_in,
    start,
    start_real,
    subentry,
)
from .waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("machine")

# The first setup


async def test_simulated_hardware_is_created_at_once(hass: HomeAssistant) -> None:
    """Two unequal batteries, two unequal inverters, channels of their own."""
    for name in ("Demo", "Second demo"):
        flow = await start(hass)
        result = await flow.choose("simulated")
        assert filled(result) == {"name": "Simulated battery bank"}

        result = await flow.fill(name="  ")
        assert result["errors"] == {"name": "invalid_name"}

        result = await flow.fill(name=f" {name} ")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        entry = result["result"]
        assert entry.title == name
        assert entry.data == {"simulated": True}

    configs = [gateway_config(each) for each in hass.config_entries.async_entries()]
    for config in configs:
        assert [(each.name, each.capacity_ah) for each in config.batteries] == [
            ("Battery 1", 280),
            ("Battery 2", 100),
        ]
        assert [(each.name, each.rated_charge) for each in config.inverters] == [
            ("Inverter 1", 100),
            ("Inverter 2", 60),
        ]
    ports = [device.port for config in configs for device in config.devices]
    assert {port.interface for port in ports} == {Interface.VIRTUAL}
    assert len({port.channel for port in ports}) == 8


async def test_the_name_of_another_gateway_is_not_proposed_again(
    hass: HomeAssistant,
) -> None:
    """Two of one name could not be told from each other in a list or a repair."""
    MockConfigEntry(domain=DOMAIN, title="Battery bank").add_to_hass(hass)
    result = await (await start(hass)).choose("gateway")
    assert filled(result) == {"name": "Battery bank 2"}
    MockConfigEntry(domain=DOMAIN, title="Battery bank 2").add_to_hass(hass)
    result = await (await start(hass)).choose("gateway")
    assert filled(result) == {"name": "Battery bank 3"}


async def test_names_are_proposed_in_the_users_language(hass: HomeAssistant) -> None:
    """An untranslated name would have to be changed."""
    hass.config.language = "de"
    flow = await start(hass)
    result = await flow.choose("gateway")
    assert filled(result) == {"name": "Batteriebank"}
    await flow.fill(name="Haus", backup=True)
    result = await flow.reach("flow-b1")
    assert filled(result)["name"] == "Batterie 1"


async def test_real_hardware_is_set_up_in_one_flow(hass: HomeAssistant) -> None:
    """Gateway, two batteries, two inverters, one entry."""
    flow = await start_real(hass, "Bank")
    assert flow.result["step_id"] == "port"
    result = await flow.reach("flow-b1")
    assert result["step_id"] == "battery"
    assert filled(result) == {"name": "Battery 1"}

    result = await flow.fill(BATTERY)
    assert result["step_id"] == "more"
    assert result["description_placeholders"] == {"devices": "Cellar"}
    await flow.choose("add_battery")
    result = await flow.reach("flow-b2")
    assert filled(result) == {"name": "Battery 2"}
    rare = {"poll_interval": 2, "timeout": 30}
    result = await flow.fill(BATTERY, {"name": "Garage", SECTION_RARE: rare})
    assert result["description_placeholders"] == {"devices": "Cellar, Garage"}

    await flow.choose("add_inverter")
    result = await flow.reach("flow-i1", bitrate="250000")
    assert result["step_id"] == "inverter"
    assert filled(result) == {"name": "Inverter 1"}
    await flow.fill(INVERTER)
    await flow.choose("add_inverter")
    await flow.reach("flow-i2", bitrate="250000")
    await flow.fill(INVERTER, name="Shed", mode="reply")
    result = await flow.choose("finish")

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert (entry.title, entry.data, entry.options) == (
        "Bank",
        {"simulated": False},
        {},
    )
    battery = {"interface": "virtual", "bitrate": 500_000, "capacity_ah": 280.0}
    inverter = {
        "interface": "virtual",
        "bitrate": 250_000,
        "rated_charge": 100.0,
        "rated_discharge": 120.0,
        "make": "other_pylontech",
    } | INVERTER_DEFAULTS
    assert [
        (each.subentry_type, each.title, each.data)
        for each in entry.subentries.values()
    ] == [
        ("battery", "Cellar", battery | {"channel": "flow-b1"}),
        ("battery", "Garage", battery | {"channel": "flow-b2"} | rare),
        ("inverter", "Roof", inverter | {"channel": "flow-i1"}),
        ("inverter", "Shed", inverter | {"channel": "flow-i2", "mode": "reply"}),
    ]
    config = gateway_config(entry)
    assert config.batteries[1].timeout == 30
    assert config.inverters[1].port == PortConfig(Interface.VIRTUAL, "flow-i2", 250_000)


@pytest.mark.parametrize(("backup", "grace"), [(True, 60.0), (False, 0.0)])
async def test_backup_supply_sets_the_grace_period(
    hass: HomeAssistant, backup: bool, grace: float
) -> None:
    """A stop of discharge blacks out a house only where no grid takes over."""
    flow = await start(hass)
    await flow.choose("gateway")
    result = await flow.fill(name="", backup=backup)
    assert result["errors"] == {"name": "invalid_name"}
    assert filled(result)["backup"] is backup

    await flow.fill(name="Bank", backup=backup)
    await flow.reach("flow-b1")
    await flow.fill(BATTERY)
    result = await flow.choose("finish")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    config = gateway_config(result["result"])
    assert config.discharge_grace == grace
    assert config.inverters == ()  # monitoring only: no inverter is needed


async def test_port_cannot_be_taken_twice_within_one_flow(
    hass: HomeAssistant,
) -> None:
    """Neither by another battery nor by an inverter, nor at another bitrate."""
    flow = await start_real(hass, "Bank")
    await flow.reach("flow-b1")
    await flow.fill(BATTERY)
    await flow.choose("add_battery")
    result = await flow.enter(" flow-b1 ", bitrate="250000")
    assert result["errors"] == {"channel": "port_taken"}
    placeholders = result["description_placeholders"]
    assert (placeholders["gateway"], placeholders["device"]) == ("Bank", "Cellar")
    assert filled(result)["channel"] == "flow-b1"
    assert filled(result)["bitrate"] == "250000"
    await flow.fill(interface="virtual", channel="flow-b2")
    await flow.choose("battery")
    result = await flow.fill(BATTERY, name="Garage")
    assert result["step_id"] == "more"

    await flow.choose("add_inverter")
    result = await flow.enter("flow-b2")
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["device"] == "Garage"
    await flow.fill(interface="virtual", channel="flow-i1")
    await flow.choose("inverter")
    result = await flow.fill(INVERTER)
    assert result["step_id"] == "more"


async def test_port_of_another_gateway_cannot_be_taken(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """The message names the gateway and the device that has it."""
    flow = await start_real(hass)
    result = await flow.enter("old-i")
    assert result["errors"] == {"channel": "port_taken"}
    placeholders = result["description_placeholders"]
    assert (placeholders["gateway"], placeholders["device"]) == (
        "House",
        "Old inverter",
    )
    result = await flow.fill(interface="virtual", channel="flow-b1")
    assert result["step_id"] == "scan_result"


async def test_two_simultaneous_flows_do_not_get_the_same_port(
    hass: HomeAssistant,
) -> None:
    """The port was free when it was chosen, and is not when the gateway is created."""
    slow, quick = await start_real(hass, "Slow"), await start_real(hass, "Quick")
    for flow in (slow, quick):
        await flow.reach("flow-b1")
        await flow.fill(BATTERY)
    result = await quick.choose("finish")
    assert result["type"] is FlowResultType.CREATE_ENTRY

    result = await slow.choose("finish")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "port_taken"
    assert result["description_placeholders"] == {
        "channel": "flow-b1",
        "gateway": "Quick",
        "device": "Cellar",
    }
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1

    again = await start_real(hass, "Slow")
    await again.reach("flow-b2")
    await again.fill(BATTERY)
    result = await again.choose("finish")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_frontend_gets_what_it_needs(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """As sent over the wire: fields, sections, progress, proposals."""
    for component in ("config", DOMAIN):  # before the web server starts
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    url = "/api/config/config_entries/flow"
    result = await (await client.post(url, json={"handler": DOMAIN})).json()
    url = f"{url}/{result['flow_id']}"
    typed: dict[str, Any]
    for typed in ({"next_step_id": "gateway"}, {"name": "Bank", "backup": False}):
        result = await (await client.post(url, json=typed)).json()
    fields = {field["name"]: field for field in result["data_schema"]}
    assert list(fields) == ["connection", SECTION_RARE]
    assert fields["connection"]["selector"]["select"]["mode"] == "list"
    use = {field["name"]: field["default"] for field in fields[SECTION_RARE]["schema"]}
    assert use == {"bitrate": "500000", "bring_up": True}

    typed = {"connection": "manual", SECTION_RARE: {}}
    result = await (await client.post(url, json=typed)).json()
    fields = {field["name"]: field for field in result["data_schema"]}
    assert list(fields) == ["interface", "channel", SECTION_RARE]
    assert fields["interface"]["default"] == "socketcan"
    typed = {"interface": "virtual", "channel": "flow-b1", SECTION_RARE: {}}
    result = await (await client.post(url, json=typed)).json()
    assert (result["type"], result["progress_action"]) == ("progress", "listen")
    assert "progress_task" not in result
    await hass.async_block_till_done()
    result = await (await client.get(url)).json()
    assert (result["type"], result["step_id"]) == ("menu", "scan_result")
    await client.post(url, json={"next_step_id": "battery"})
    typed = {**BATTERY, SECTION_RARE: {"timeout": "nan"}}
    result = await (await client.post(url, json=typed)).json()

    fields = {field["name"]: field for field in result["data_schema"]}
    assert set(fields) == set(BATTERY)
    assert fields["capacity_ah"]["description"] == {"suggested_value": 280}
    assert fields["capacity_ah"]["required"]
    rare = fields[SECTION_RARE]
    assert (rare["type"], rare["expanded"]) == ("expandable", True)
    assert [field["required"] for field in rare["schema"]] == [False] * 4
    assert result["errors"] == {SECTION_RARE: "invalid_timeout"}


async def test_device_can_be_skipped(hass: HomeAssistant) -> None:
    """A missing adapter for an inverter loses no battery."""
    flow = await start_real(hass)
    assert "skip" not in offered(flow.result)
    await flow.reach("flow-b1")
    await flow.fill(BATTERY)
    result = await flow.choose("add_inverter")
    assert "skip" in offered(result)
    result = await flow.fill(connection="skip")
    assert result["step_id"] == "more"
    assert result["description_placeholders"] == {"devices": "Cellar"}
    result = await flow.choose("finish")
    config = gateway_config(result["result"])
    assert (len(config.batteries), len(config.inverters)) == (1, 0)


@pytest.mark.parametrize(
    ("kind", "sent", "proposed"),
    [
        ("battery", [REQUEST], {"name": "Inverter 1"}),
        ("inverter", telegram(), {"name": "Battery 2"}),
    ],
)
async def test_other_kind_can_be_set_up_instead(
    hass: HomeAssistant,
    machine: Machine,
    kind: str,
    sent: list[Frame],
    proposed: dict[str, str],
) -> None:
    """An inverter where a battery was expected, and the reverse."""
    flow = await start_real(hass)
    await flow.reach("flow-b1")
    await flow.fill(BATTERY)
    await flow.choose(f"add_{kind}")
    machine.listen(PATIENCE)
    async with sending("flow-2", *sent):
        result = await flow.enter("flow-2")
    assert result["menu_options"][0] == "detected_kind"
    result = await flow.choose("detected_kind")
    other = {"battery": "inverter", "inverter": "battery"}[kind]
    assert result["step_id"] == other
    assert filled(result) == proposed
    assert "detected" in result["description_placeholders"]["scan_result"]
    await flow.fill(BATTERY if other == "battery" else INVERTER)
    result = await flow.choose("finish")
    kinds = [each.subentry_type for each in result["result"].subentries.values()]
    assert kinds == ["battery", other]


# An adapter that is plugged in


ADAPTER = usb_device("/dev/serial/by-id/usb-CANable", resolved_device="/dev/ttyACM0")
KEY = "slcan:/dev/serial/by-id/usb-CANable"


@pytest.fixture(name="silence")
def silent_adapter(machine: Machine) -> Iterator[None]:
    """Plug in an adapter that can be opened and receives nothing."""
    machine.adapters = [ADAPTER]
    with patch.object(listen_flow, "listen", return_value=ScanResult()):
        yield


@pytest.mark.usefixtures("silence")
async def test_adapter_for_a_new_gateway(hass: HomeAssistant, machine: Machine) -> None:
    """It is proposed for the first device, and not for the second one."""
    flow = await plug_in(hass, ADAPTER)
    assert flow.result["step_id"] == "gateway"
    [shown] = hass.config_entries.flow.async_progress()
    name = "CANable2 - /dev/serial/by-id/usb-CANable, s/n: 0042 - Maker - 16D0:117E"
    assert shown["context"]["title_placeholders"] == {"name": name}
    machine.links = [link("can0")]
    result = await flow.fill(name="Bank", backup=True)
    assert filled(result) == {"connection": KEY}
    await flow.fill(connection=KEY)
    await flow.choose("battery")
    await flow.fill(BATTERY)
    result = await flow.choose("add_battery")
    assert filled(result) == {"connection": "socketcan:can0"}
    await flow.fill(connection="skip")
    result = await flow.choose("finish")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert subentry(entry, "battery").data["channel"] == ADAPTER.device
    assert entry.unique_id is None


@pytest.mark.usefixtures("silence")
@pytest.mark.parametrize(
    ("kind", "typed", "title"),
    [("battery", BATTERY, "Cellar"), ("inverter", INVERTER, "Roof")],
)
async def test_adapter_for_an_existing_gateway(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    kind: str,
    typed: dict[str, Any],
    title: str,
) -> None:
    """One more device, while it runs."""
    assert await hass.config_entries.async_setup(bank.entry_id)
    runtime = bank.runtime_data
    flow = await plug_in(hass, ADAPTER)
    assert offered(flow.result) == {bank.entry_id: "House", "new": "New gateway"}
    result = await flow.fill(gateway=bank.entry_id)
    assert result["step_id"] == "adapter_kind"
    result = await flow.choose(f"add_{kind}")
    assert filled(result) == {"connection": KEY}
    assert "skip" not in offered(result)
    await flow.fill(connection=KEY)
    result = await flow.choose(kind)
    assert filled(result) == {"name": f"{kind.capitalize()} 2"}
    result = await flow.fill(typed)
    assert result["reason"] == "added"
    assert result["description_placeholders"] == {"device": title, "gateway": "House"}
    added = bank.get_subentries_of_type(kind)[-1]
    assert (added.title, added.data["channel"]) == (title, ADAPTER.device)
    assert bank.runtime_data is runtime
    assert added.subentry_id in runtime.gateway.snapshot.ports
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


@pytest.mark.usefixtures("silence")
async def test_simulated_and_ignored_entries_are_not_offered(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """They are no gateways to choose from."""
    first = await start(hass)
    await first.choose("simulated")
    await first.fill(name="Demo")
    ignored = MockConfigEntry(domain=DOMAIN, source=SOURCE_IGNORE, unique_id="other")
    ignored.add_to_hass(hass)
    flow = await plug_in(hass, ADAPTER)
    assert set(offered(flow.result)) == {bank.entry_id, "new"}
    result = await flow.fill(gateway="new")
    assert result["step_id"] == "gateway"


@pytest.mark.parametrize("channel", [ADAPTER.device, ADAPTER.resolved_device])
@pytest.mark.usefixtures("silence")
async def test_adapter_in_use_is_not_offered(
    hass: HomeAssistant, bank: MockConfigEntry, channel: str
) -> None:
    """By whatever name it is stored: after each restart it is discovered anew."""
    before = subentry(bank, "battery")
    own = {"interface": "slcan", "channel": channel}
    hass.config_entries.async_update_subentry(bank, before, data=before.data | own)
    flow = await plug_in(hass, ADAPTER)
    assert flow.result["type"] is FlowResultType.ABORT
    assert flow.result["reason"] == "already_configured"


@pytest.mark.usefixtures("silence")
async def test_ignored_adapter_is_not_offered_again(hass: HomeAssistant) -> None:
    """After the user has ignored it."""
    flow = await plug_in(hass, ADAPTER)
    again = await plug_in(hass, ADAPTER)
    assert again.result["reason"] == "already_in_progress"
    unique_id = hass.config_entries.flow.async_progress()[0]["context"]["unique_id"]
    flow.close()
    ignored = MockConfigEntry(domain=DOMAIN, source=SOURCE_IGNORE, unique_id=unique_id)
    ignored.add_to_hass(hass)
    once_more = await plug_in(hass, ADAPTER)
    assert once_more.result["reason"] == "already_configured"


# The gateway itself


async def test_gateway_is_renamed(hass: HomeAssistant, bank: MockConfigEntry) -> None:
    """Its batteries and options stay."""
    result = await bank.start_reconfigure_flow(hass)
    flow = Flow(hass.config_entries.flow, result)
    assert filled(result) == {"name": "House"}
    result = await flow.fill(name=" ")
    assert result["errors"] == {"name": "invalid_name"}
    result = await flow.fill(name="Home")
    assert result["reason"] == "reconfigure_successful"
    assert bank.title == "Home"
    assert len(bank.subentries) == 2
