"""The flows: first set-up, batteries and inverters, options; each error is mended."""

from collections.abc import AsyncIterator, Iterator
import json
from pathlib import Path
import string
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import (
    Interface,
    LossPolicy,
    PortConfig,
    Strategy,
)
from custom_components.bms_gateway.engine.model import PortFault
from custom_components.bms_gateway.entry import gateway_config
from custom_components.bms_gateway.form import SECTION_MQTT, SECTION_RARE
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowContext,
    ConfigSubentry,
    SubentryFlowContext,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData, section
from homeassistant.setup import async_setup_component

type Result = Any
"""What a flow answers; its types differ between the kinds of flow."""

FOLDER = Path(__file__).parent.parent / "custom_components" / DOMAIN / "translations"
TEXTS: list[dict[str, Any]] = [
    json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")
]

BATTERY: dict[str, Any] = {
    "name": "Cellar",
    "interface": "virtual",
    "channel": "flow-b1",
    "bitrate": "500000",
    "capacity_ah": 280,
    SECTION_RARE: {},
}
INVERTER: dict[str, Any] = {
    "name": "Roof",
    "interface": "virtual",
    "channel": "flow-i1",
    "bitrate": "250000",
    "rated_charge": 100,
    "rated_discharge": 120,
    "profile": "pylontech",
    "mode": "push",
    SECTION_RARE: {},
}
INVERTER_DEFAULTS: dict[str, Any] = {
    "min_gap": 0.1,
    "current_offset": 0.0,
    "timeout": 60.0,
    "reaction_time": 10.0,
    "exact_dlc": False,
}
"""What is stored of the rare fields that nobody touched."""

OPTIONS: dict[str, Any] = {
    "strategy": "share",
    "charge_loss_policy": "block",
    "discharge_loss_policy": "block",
    "discharge_grace": 60,
    SECTION_RARE: {},
    SECTION_MQTT: {},
}
MQTT_DEFAULTS: dict[str, Any] = {
    "mqtt_enabled": True,
    "mqtt_interval": 10.0,
    "mqtt_commands": False,
}
OPTION_DEFAULTS: dict[str, Any] = {
    **MQTT_DEFAULTS,
    "start_timeout": 15.0,
    "current_factor": 1.0,
    "current_offset": 0.0,
    "update_interval": 30.0,
    "forward_requests": False,
    "block_at_end": False,
}

NAN = float("nan")

pytestmark = pytest.mark.usefixtures("enable_custom_integrations")


@pytest.fixture(autouse=True)
async def stop_gateways(hass: HomeAssistant) -> AsyncIterator[None]:
    """Stop every gateway that a test has set up."""
    yield
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.state is ConfigEntryState.LOADED:
            assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture(name="bank")
def add_bank(hass: HomeAssistant) -> MockConfigEntry:
    """Return a gateway that is there already, with a battery and an inverter."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="House",
        data={"simulated": False},
        subentries_data=[
            stored("battery", "Old battery", channel="old-b", capacity_ah=100.0),
            stored("inverter", "Old inverter", channel="old-i", **RATED),
        ],
    )
    entry.add_to_hass(hass)
    return entry


RATED = {
    "rated_charge": 50.0,
    "rated_discharge": 60.0,
    "profile": "pylontech",
    "mode": "push",
} | INVERTER_DEFAULTS


def stored(kind: str, title: str, **data: Any) -> Any:
    """Return a subentry on a virtual port."""
    port = {"interface": "virtual", "bitrate": 500_000}
    return {
        "data": port | data,
        "subentry_type": kind,
        "title": title,
        "unique_id": None,
    }


def subentry(entry: ConfigEntry, kind: str) -> ConfigSubentry:
    """Return an entry's only subentry of a kind."""
    [found] = entry.get_subentries_of_type(kind)
    return found


# What a person sees ---------------------------------------------------------


def texts_of(result: Result) -> Iterator[tuple[str, Any]]:
    """Yield where the texts of a flow stand, in each language."""
    for texts in TEXTS:
        if isinstance(result["handler"], tuple):
            yield "subentry", texts["config_subentries"][result["handler"][1]]
        elif result["handler"] == DOMAIN:
            yield "config", texts["config"]
        else:
            yield "options", texts["options"]


def assert_told(text: str, result: Result) -> None:
    """Check that nothing in a text is left open."""
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    assert names <= set(result["description_placeholders"] or {}), text


def assert_texts(result: Result) -> None:
    """Check that everything that is shown has its texts, in each language."""
    for _, texts in texts_of(result):
        if result["type"] is FlowResultType.ABORT:
            if result.get("translation_domain") is None:
                assert_told(texts["abort"][result["reason"]], result)
            continue
        step = texts["step"][result["step_id"]]
        assert_told(step["title"] + step.get("description", ""), result)
        if result["type"] is FlowResultType.MENU:
            assert set(step["menu_options"]) == set(result["menu_options"])
            continue
        shown = {str(key) for key in result["data_schema"].schema}
        assert shown <= set(step["data"]) | set(step.get("sections", {}))
        for field, error in (result["errors"] or {}).items():
            assert field in shown  # else the frontend would show nothing
            assert_told(texts["error"][error], result)


def filled(result: Result) -> dict[str, Any]:
    """Return what stands in the fields of a form."""
    values: dict[str, Any] = {}
    for key, field in result["data_schema"].schema.items():
        fields = field.schema.schema if isinstance(field, section) else {key: field}
        for each in fields:
            if each.description:
                values[str(each)] = each.description["suggested_value"]
    return values


def is_open(result: Result, name: str = SECTION_RARE) -> bool:
    """Return whether a section is unfolded."""
    collapsed: bool = result["data_schema"].schema[name].options["collapsed"]
    return not collapsed


class Flow:
    """A person at one flow, who finds everything explained."""

    def __init__(self, manager: Any, result: Result) -> None:
        """Look at the first step."""
        self._manager = manager
        self.result: Result = result
        assert_texts(result)

    async def fill(self, *forms: dict[str, Any], **fields: Any) -> Result:
        """Submit a form."""
        typed: dict[str, Any] = {}
        for form in (*forms, fields):
            typed |= form
        return await self._go(typed)

    async def choose(self, option: str) -> Result:
        """Choose from a menu."""
        assert self.result["type"] is FlowResultType.MENU
        return await self._go({"next_step_id": option})

    async def _go(self, typed: dict[str, Any]) -> Result:
        flow_id = self.result["flow_id"]
        self.result = await self._manager.async_configure(flow_id, typed)
        if self.result["type"] is not FlowResultType.CREATE_ENTRY:
            assert_texts(self.result)
        await self._manager.hass.async_block_till_done()
        return self.result


async def start(hass: HomeAssistant) -> Flow:
    """Begin the first set-up."""
    manager = hass.config_entries.flow
    context = ConfigFlowContext(source=SOURCE_USER)
    return Flow(manager, await manager.async_init(DOMAIN, context=context))


async def start_real(hass: HomeAssistant, name: str = "Bank") -> Flow:
    """Go as far as the first battery."""
    flow = await start(hass)
    await flow.choose("gateway")
    await flow.fill(name=name, backup=True)
    return flow


async def add(hass: HomeAssistant, entry: ConfigEntry, kind: str) -> Flow:
    """Begin to add a battery or an inverter."""
    manager = hass.config_entries.subentries
    context = SubentryFlowContext(source=SOURCE_USER)
    handler = (entry.entry_id, kind)
    return Flow(manager, await manager.async_init(handler, context=context))


async def change(hass: HomeAssistant, entry: MockConfigEntry, kind: str) -> Flow:
    """Begin to change a battery or an inverter."""
    result = await entry.start_subentry_reconfigure_flow(
        hass, subentry(entry, kind).subentry_id
    )
    return Flow(hass.config_entries.subentries, result)


async def start_options(hass: HomeAssistant, entry: ConfigEntry) -> Flow:
    """Begin to change the options."""
    manager = hass.config_entries.options
    return Flow(manager, await manager.async_init(entry.entry_id))


# The first set-up -----------------------------------------------------------


async def test_simulated_hardware_is_there_at_once(hass: HomeAssistant) -> None:
    """Two unequal batteries, two unequal inverters, nobody else's channels."""
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
    ports = [each.port for config in configs for each in config.batteries]
    ports += [each.port for config in configs for each in config.inverters]
    assert {port.interface for port in ports} == {Interface.VIRTUAL}
    assert len({port.channel for port in ports}) == 8


async def test_names_are_proposed_in_the_user_s_language(hass: HomeAssistant) -> None:
    """What nobody translated a person would have to rename."""
    hass.config.language = "de"
    flow = await start(hass)
    result = await flow.choose("gateway")
    assert filled(result) == {"name": "Batteriebank"}
    result = await flow.fill(name="Haus", backup=True)
    assert filled(result)["name"] == "Batterie 1"


async def test_real_hardware_in_one_flow(hass: HomeAssistant) -> None:
    """Gateway, two batteries, two inverters, one entry."""
    flow = await start(hass)
    await flow.choose("gateway")
    result = await flow.fill(name="Bank", backup=True)
    assert result["step_id"] == "battery"
    assert filled(result)["name"] == "Battery 1"

    result = await flow.fill(BATTERY)
    assert result["step_id"] == "batteries"
    assert result["description_placeholders"] == {"devices": "Cellar"}
    result = await flow.choose("battery")
    assert filled(result)["name"] == "Battery 2"
    rare = {"poll_interval": 2, "timeout": 30}
    second = {"name": "Garage", "channel": "flow-b2", SECTION_RARE: rare}
    await flow.fill(BATTERY, second)

    result = await flow.choose("inverter")
    assert filled(result)["name"] == "Inverter 1"
    result = await flow.fill(INVERTER)
    assert result["step_id"] == "inverters"
    await flow.choose("inverter")
    await flow.fill(INVERTER, name="Shed", channel="flow-i2", mode="reply")
    result = await flow.choose("finish")

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert (entry.title, entry.data, entry.options) == (
        "Bank",
        {"simulated": False},
        {},
    )
    assert [
        (each.subentry_type, each.title, each.data)
        for each in entry.subentries.values()
    ] == [
        (
            "battery",
            "Cellar",
            {
                "interface": "virtual",
                "channel": "flow-b1",
                "bitrate": 500_000,
                "capacity_ah": 280.0,
            },
        ),
        (
            "battery",
            "Garage",
            {
                "interface": "virtual",
                "channel": "flow-b2",
                "bitrate": 500_000,
                "capacity_ah": 280.0,
                "poll_interval": 2.0,
                "timeout": 30.0,
            },
        ),
        (
            "inverter",
            "Roof",
            {
                "interface": "virtual",
                "channel": "flow-i1",
                "bitrate": 250_000,
                "rated_charge": 100.0,
                "rated_discharge": 120.0,
                "profile": "pylontech",
                "mode": "push",
            }
            | INVERTER_DEFAULTS,
        ),
        (
            "inverter",
            "Shed",
            {
                "interface": "virtual",
                "channel": "flow-i2",
                "bitrate": 250_000,
                "rated_charge": 100.0,
                "rated_discharge": 120.0,
                "profile": "pylontech",
                "mode": "reply",
            }
            | INVERTER_DEFAULTS,
        ),
    ]
    config = gateway_config(entry)
    assert config.batteries[1].timeout == 30
    assert config.inverters[1].port == PortConfig(Interface.VIRTUAL, "flow-i2", 250_000)


@pytest.mark.parametrize(("backup", "grace"), [(True, 60.0), (False, 0.0)])
async def test_the_house_s_supply_sets_the_grace(
    hass: HomeAssistant, backup: bool, grace: float
) -> None:
    """A stop of discharge blacks out a house only where no grid takes over."""
    flow = await start(hass)
    await flow.choose("gateway")
    result = await flow.fill(name="", backup=backup)
    assert result["errors"] == {"name": "invalid_name"}
    assert filled(result)["backup"] is backup

    await flow.fill(name="Bank", backup=backup)
    await flow.fill(BATTERY)
    result = await flow.choose("finish")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    config = gateway_config(result["result"])
    assert config.discharge_grace == grace
    assert config.inverters == ()  # only to watch: no inverter is needed


async def test_a_port_cannot_be_taken_twice_within_one_flow(
    hass: HomeAssistant,
) -> None:
    """Neither by another battery nor by an inverter, nor at another bitrate."""
    flow = await start_real(hass, "Bank")
    await flow.fill(BATTERY)
    await flow.choose("battery")
    result = await flow.fill(
        BATTERY, name="Garage", channel=" flow-b1 ", bitrate="250000"
    )
    assert result["errors"] == {"channel": "port_taken"}
    placeholders = result["description_placeholders"]
    assert (placeholders["gateway"], placeholders["device"]) == ("Bank", "Cellar")
    assert filled(result)["name"] == "Garage"
    assert filled(result)["bitrate"] == "250000"
    result = await flow.fill(BATTERY, name="Garage", channel="flow-b2")
    assert result["step_id"] == "batteries"

    await flow.choose("inverter")
    result = await flow.fill(INVERTER, channel="flow-b2")
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["device"] == "Garage"
    result = await flow.fill(INVERTER)
    assert result["step_id"] == "inverters"


async def test_a_port_cannot_be_taken_from_another_gateway(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """The message names the gateway and the device that has it."""
    flow = await start_real(hass)
    result = await flow.fill(BATTERY, channel="old-i")
    assert result["errors"] == {"channel": "port_taken"}
    placeholders = result["description_placeholders"]
    assert (placeholders["gateway"], placeholders["device"]) == (
        "House",
        "Old inverter",
    )
    result = await flow.fill(BATTERY)
    assert result["step_id"] == "batteries"


async def test_two_flows_at_once_do_not_get_the_same_port(
    hass: HomeAssistant,
) -> None:
    """The port was free when it was typed, and is not when the gateway is made."""
    slow, quick = await start_real(hass, "Slow"), await start_real(hass, "Quick")
    await slow.fill(BATTERY)
    await quick.fill(BATTERY)
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
    await again.fill(BATTERY, channel="flow-b2")
    result = await again.choose("finish")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_frontend_gets_what_it_needs(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """As it goes over the wire: fields, sections, what is proposed."""
    assert await async_setup_component(hass, "config", {})
    client = await hass_client()
    url = "/api/config/config_entries/flow"
    result = await (await client.post(url, json={"handler": DOMAIN})).json()
    url = f"{url}/{result['flow_id']}"
    for typed in ({"next_step_id": "gateway"}, {"name": "Bank", "backup": False}):
        result = await (await client.post(url, json=typed)).json()
    typed = {**BATTERY, SECTION_RARE: {"timeout": "nan"}}
    result = await (await client.post(url, json=typed)).json()

    fields = {field["name"]: field for field in result["data_schema"]}
    assert set(fields) == set(BATTERY)
    assert fields["bitrate"]["default"] == "500000"
    assert fields["interface"]["default"] == "socketcan"
    assert fields["capacity_ah"]["description"] == {"suggested_value": 280}
    assert fields["capacity_ah"]["required"]
    rare = fields[SECTION_RARE]
    assert (rare["type"], rare["expanded"]) == ("expandable", True)
    assert [field["required"] for field in rare["schema"]] == [False, False]
    assert result["errors"] == {SECTION_RARE: "invalid_timeout"}


# Ports that cannot be had ---------------------------------------------------


@pytest.mark.parametrize("fault", list(PortFault))
@pytest.mark.parametrize(
    ("kind", "typed"), [("battery", BATTERY), ("inverter", INVERTER)]
)
async def test_each_fault_of_a_port_is_told_and_mended(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    fault: PortFault,
    kind: str,
    typed: dict[str, Any],
) -> None:
    """The faults are made up: no machine has all of them. The recovery is real."""
    flow = await add(hass, bank, kind)
    with patch(
        "custom_components.bms_gateway.device_form.probe", return_value=fault
    ) as probe:
        result = await flow.fill(
            typed, interface="socketcan", channel=" can7 ", bitrate="250000"
        )
    probe.assert_awaited_once_with(PortConfig(Interface.SOCKETCAN, "can7", 250_000))
    assert result["errors"] == {"channel": fault.value}
    assert result["description_placeholders"] == {
        "channel": "can7",
        "bitrate": "250000",
    }
    assert filled(result)["channel"] == "can7"
    assert filled(result)["name"] == typed["name"]

    result = await flow.fill(typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.usefixtures("socket_enabled")
async def test_a_link_that_this_machine_lacks_is_refused(hass: HomeAssistant) -> None:
    """For real: there is no such link, and on some machines no CAN at all."""
    flow = await start_real(hass)
    result = await flow.fill(BATTERY, interface="socketcan", channel="nolink0")
    assert result["errors"]["channel"] in {
        PortFault.NO_SUCH_CHANNEL,
        PortFault.NOT_SUPPORTED,
    }
    result = await flow.fill(BATTERY)
    assert result["step_id"] == "batteries"


async def test_a_port_taken_while_it_is_tried_is_refused(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Trying takes time, in which another flow may finish."""

    async def probe_slowly(_: PortConfig) -> None:
        other = await start_real(hass, "Quick")
        with patch(
            "custom_components.bms_gateway.device_form.probe", return_value=None
        ):
            await other.fill(BATTERY)
            await other.choose("finish")

    flow = await add(hass, bank, "battery")
    with patch(
        "custom_components.bms_gateway.device_form.probe", side_effect=probe_slowly
    ):
        result = await flow.fill(BATTERY)
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["gateway"] == "Quick"
    result = await flow.fill(BATTERY, channel="flow-b2")
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Bad answers ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key", "wrong"),
    [
        ("battery", "name", " "),
        ("battery", "channel", " "),
        ("battery", "capacity_ah", 0),
        ("battery", "capacity_ah", -1),
        ("battery", "capacity_ah", 100_001),
        ("battery", "capacity_ah", NAN),
        ("battery", "capacity_ah", "inf"),
        ("battery", "poll_interval", 0),
        ("battery", "timeout", 2.9),
        ("battery", "timeout", NAN),
        ("inverter", "name", ""),
        ("inverter", "channel", ""),
        ("inverter", "rated_charge", 0),
        ("inverter", "rated_charge", 10_001),
        ("inverter", "rated_discharge", NAN),
        ("inverter", "min_gap", -0.1),
        ("inverter", "min_gap", NAN),
        ("inverter", "prompt_interval", 0.4),
        ("inverter", "current_factor", 11),
        ("inverter", "current_offset", -1001),
        ("inverter", "timeout", 4.9),
        ("inverter", "timeout", NAN),
        ("inverter", "reaction_time", -0.1),
        ("inverter", "reaction_time", 121),
    ],
)
async def test_each_bad_answer_is_told_and_mended(
    hass: HomeAssistant, bank: MockConfigEntry, kind: str, key: str, wrong: Any
) -> None:
    """What was typed stays; an error in the folded section unfolds it."""
    typed = BATTERY if kind == "battery" else INVERTER
    rare = key not in typed
    bad = {SECTION_RARE: {key: wrong}} if rare else {key: wrong}
    flow = await add(hass, bank, kind)
    assert not is_open(flow.result)
    result = await flow.fill(typed, bad, bitrate="125000")

    field = SECTION_RARE if rare else key
    theirs = "inverter_timeout" if (kind, key) == ("inverter", "timeout") else key
    assert result["errors"] == {field: f"invalid_{theirs}"}
    assert is_open(result) is rare
    shown = filled(result)
    assert shown["bitrate"] == "125000"
    text = key in {"name", "channel"}
    assert shown[key] == ("" if text else pytest.approx(float(wrong), nan_ok=True))

    result = await flow.fill(typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_all_that_is_wrong_is_told_at_once(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Nobody likes to be told one thing after the other."""
    flow = await add(hass, bank, "battery")
    result = await flow.fill(
        BATTERY,
        name="",
        channel="old-b",
        capacity_ah=0,
        **{SECTION_RARE: {"timeout": 0}},
    )
    assert result["errors"] == {
        "name": "invalid_name",
        "channel": "port_taken",
        "capacity_ah": "invalid_capacity_ah",
        SECTION_RARE: "invalid_timeout",
    }
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_what_a_form_cannot_send_is_refused(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """An interface that does not exist, a bitrate nobody offers, a text as number."""
    flow = await add(hass, bank, "battery")
    for wrong in ({"interface": "pigeon"}, {"bitrate": "1"}, {"capacity_ah": "much"}):
        with pytest.raises(InvalidData):
            await flow.fill(BATTERY, wrong)
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Batteries and inverters of a gateway that is there -------------------------


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
    assert filled(flow.result) == {"name": proposed}
    result = await flow.fill(typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    added = bank.get_subentries_of_type(kind)[-1]
    assert added.title == typed["name"]
    assert added.data["channel"] == typed["channel"]
    assert "name" not in added.data


async def test_a_battery_is_changed(hass: HomeAssistant, bank: MockConfigEntry) -> None:
    """The form shows what is stored; what is cleared is gone; the id stays."""
    before = subentry(bank, "battery")
    hass.config_entries.async_update_subentry(
        bank, before, data={**before.data, "timeout": 30.0, "learnt_elsewhere": 1}
    )
    flow = await change(hass, bank, "battery")
    assert filled(flow.result) == {
        "name": "Old battery",
        "interface": "virtual",
        "channel": "old-b",
        "bitrate": "500000",
        "capacity_ah": 100.0,
        "timeout": 30.0,
    }
    result = await flow.fill(BATTERY, channel="old-i")
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["device"] == "Old inverter"

    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    after = subentry(bank, "battery")
    assert after.subentry_id == before.subentry_id
    assert after.title == "Cellar"
    assert after.data == {
        "interface": "virtual",
        "channel": "flow-b1",
        "bitrate": 500_000,
        "capacity_ah": 280.0,
        "learnt_elsewhere": 1,
    }


async def test_an_inverter_is_changed(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Its own port is not taken by anybody else."""
    flow = await change(hass, bank, "inverter")
    rare = INVERTER_DEFAULTS | {"current_factor": 0.5, "exact_dlc": True}
    result = await flow.fill(INVERTER, channel="old-i", **{SECTION_RARE: rare})
    assert result["reason"] == "reconfigure_successful"
    [config] = gateway_config(bank).inverters
    assert config.port.channel == "old-i"
    assert (config.current_factor, config.exact_dlc) == (0.5, True)


async def test_a_lost_port_does_not_prevent_other_changes(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """A limit must be lowerable while the adapter is unplugged; a new port is tried."""
    flow = await change(hass, bank, "inverter")
    lower = dict(INVERTER, channel="old-i", bitrate="500000", rated_charge=10)
    with patch(
        "custom_components.bms_gateway.device_form.probe",
        return_value=PortFault.NO_SUCH_CHANNEL,
    ):
        result = await flow.fill(lower, bitrate="250000")
        assert result["errors"] == {"channel": "no_such_channel"}
        result = await flow.fill(lower)
    assert result["reason"] == "reconfigure_successful"
    assert subentry(bank, "inverter").data["rated_charge"] == 10


async def test_a_port_that_is_stored_twice_is_told(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """However that came: changing one of the two says so."""
    before = subentry(bank, "inverter")
    hass.config_entries.async_update_subentry(
        bank, before, data={**before.data, "channel": "old-b"}
    )
    flow = await change(hass, bank, "inverter")
    result = await flow.fill(INVERTER, channel="old-b")
    assert result["errors"] == {"channel": "port_taken"}
    assert result["description_placeholders"]["device"] == "Old battery"
    result = await flow.fill(INVERTER)
    assert result["reason"] == "reconfigure_successful"


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

    manager = hass.config_entries.subentries
    context = SubentryFlowContext(
        source=SOURCE_RECONFIGURE, subentry_id=third.subentry_id
    )
    handler = (entry.entry_id, "battery")
    again = Flow(manager, await manager.async_init(handler, context=context))
    result = await again.fill(typed, capacity_ah=60)
    assert result["reason"] == "reconfigure_successful"
    changed = entry.subentries[third.subentry_id]
    assert changed.data == {**third.data, "capacity_ah": 60.0}


# The gateway itself ---------------------------------------------------------


async def test_a_gateway_is_renamed(hass: HomeAssistant, bank: MockConfigEntry) -> None:
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


async def test_options_are_changed(hass: HomeAssistant, bank: MockConfigEntry) -> None:
    """The form shows what holds; an emptied total is no total; others' options stay."""
    hass.config_entries.async_update_entry(
        bank, options={"total_charge": 90.0, "discharge_grace": 0.0, "elsewhere": 1}
    )
    flow = await start_options(hass, bank)
    assert not is_open(flow.result)
    assert filled(flow.result) == {"total_charge": 90.0, "discharge_grace": 0.0}

    result = await flow.fill(
        OPTIONS,
        strategy="sum",
        charge_loss_policy="stop",
        total_discharge=80,
        **{SECTION_RARE: {"start_timeout": 20, "block_at_end": True}},
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert bank.options == OPTION_DEFAULTS | {
        "strategy": "sum",
        "charge_loss_policy": "stop",
        "discharge_loss_policy": "block",
        "discharge_grace": 60.0,
        "total_discharge": 80.0,
        "start_timeout": 20.0,
        "block_at_end": True,
        "elsewhere": 1,
    }
    config = gateway_config(bank)
    assert config.strategy is Strategy.SUM
    assert config.charge_loss_policy is LossPolicy.STOP
    assert config.total_charge is None
    assert config.total_discharge == 80


async def test_options_left_alone_change_nothing(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Submitting what is proposed is what holds without options."""
    before = gateway_config(bank)
    flow = await start_options(hass, bank)
    await flow.fill(OPTIONS)
    assert gateway_config(bank) == before
    assert bank.options["update_interval"] == 30


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("discharge_grace", -1),
        ("discharge_grace", 1801),
        ("discharge_grace", NAN),
        ("total_charge", 0),
        ("total_charge", NAN),
        ("total_discharge", 100_001),
        ("start_timeout", 0),
        ("current_factor", 0),
        ("current_factor", NAN),
        ("current_offset", 1001),
        ("update_interval", 0),
        ("mqtt_interval", 0),
        ("mqtt_interval", NAN),
        ("mqtt_prefix", "home/#"),
        ("mqtt_prefix", "home/"),
        ("mqtt_state_topic", "home/+/bms"),
        ("mqtt_state_topic", "/bms"),
    ],
)
async def test_each_bad_option_is_told_and_mended(
    hass: HomeAssistant, bank: MockConfigEntry, key: str, wrong: float | str
) -> None:
    """Nothing is stored before all of it is right."""
    mqtt = key.startswith("mqtt")
    rare = key in OPTION_DEFAULTS and not mqtt
    place = SECTION_MQTT if mqtt else SECTION_RARE if rare else key
    bad = {key: wrong} if place == key else {place: {key: wrong}}
    flow = await start_options(hass, bank)
    result = await flow.fill(OPTIONS, bad, strategy="sum")
    assert result["errors"] == {place: f"invalid_{key}"}
    assert is_open(result) is rare
    assert is_open(result, SECTION_MQTT) is mqtt
    assert filled(result)["strategy"] == "sum"
    assert bank.options == {}

    result = await flow.fill(OPTIONS, strategy="sum")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert bank.options["strategy"] == "sum"
