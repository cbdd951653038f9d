"""A user at a flow, with checks that everything is explained."""

from collections.abc import Iterator
import json
from pathlib import Path
import string
from typing import Any, Final

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.flows.forms.form import SECTION_RARE
from homeassistant.components.usb import USBDevice, usb_service_info_from_device
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USB,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlowContext,
    ConfigSubentry,
    SubentryFlowContext,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section

type Result = Any
"""The result of a flow; its types differ between the kinds of flow."""

FOLDER: Final = (
    Path(__file__).parent.parent / "custom_components" / DOMAIN / "translations"
)
TEXTS: Final[list[dict[str, Any]]] = [
    json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")
]

BATTERY: Final[dict[str, Any]] = {
    "name": "Cellar",
    "capacity_ah": 280,
    SECTION_RARE: {},
}
INVERTER: Final[dict[str, Any]] = {
    "name": "Roof",
    "rated_charge": 100,
    "rated_discharge": 120,
    "make": "other_pylontech",
    SECTION_RARE: {},
}
INVERTER_DEFAULTS: Final[dict[str, Any]] = {
    "current_offset": 0.0,
    "reaction_time": 10.0,
    "stop_by_soc": False,
}
"""The stored values of the rare fields that were not touched."""
RATED: Final[dict[str, Any]] = {
    "rated_charge": 50.0,
    "rated_discharge": 60.0,
    "make": "other_pylontech",
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


def add_bank(hass: HomeAssistant) -> MockConfigEntry:
    """Add a gateway with a battery and an inverter, not running."""
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


def subentry(entry: ConfigEntry, kind: str) -> ConfigSubentry:
    """Return an entry's only subentry of a kind."""
    [found] = entry.get_subentries_of_type(kind)
    return found


# Checks of texts ---------------------------------------------------------------


def texts_of(result: Result) -> Iterator[dict[str, Any]]:
    """Yield the texts of a flow, in each language."""
    for texts in TEXTS:
        if isinstance(result["handler"], tuple):
            yield texts["config_subentries"][result["handler"][1]]
        elif result["handler"] == DOMAIN:
            yield texts["config"]
        else:
            yield texts["options"]


def assert_filled(text: str, result: Result) -> None:
    """Check that every placeholder of a text is filled."""
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    assert names <= set(result["description_placeholders"] or {}), text


def assert_texts(result: Result) -> None:
    """Check that everything that is shown has its texts, in each language."""
    for texts in texts_of(result):
        match result["type"]:
            case FlowResultType.ABORT:
                if result.get("translation_domain") is None:
                    assert_filled(texts["abort"][result["reason"]], result)
            case FlowResultType.SHOW_PROGRESS:
                assert_filled(texts["progress"][result["progress_action"]], result)
            case FlowResultType.MENU:
                step = texts["step"][result["step_id"]]
                assert_filled(step["title"] + step.get("description", ""), result)
                assert set(result["menu_options"]) <= set(step["menu_options"])
            case FlowResultType.FORM:
                _assert_form(texts, result)


def _assert_form(texts: dict[str, Any], result: Result) -> None:
    step = texts["step"][result["step_id"]]
    assert_filled(step["title"] + step.get("description", ""), result)
    shown = {str(key) for key in result["data_schema"].schema}
    assert shown <= set(step["data"]) | set(step.get("sections", {}))
    for field, error in (result["errors"] or {}).items():
        assert field in shown  # otherwise the frontend would show nothing
        assert_filled(texts["error"][error], result)


def filled(result: Result) -> dict[str, Any]:
    """Return the values of the fields of a form."""
    values: dict[str, Any] = {}
    for key, field in result["data_schema"].schema.items():
        fields = field.schema.schema if isinstance(field, section) else {key: field}
        for each in fields:
            if each.description:
                values[str(each)] = each.description["suggested_value"]
    return values


def offered(result: Result) -> dict[str, str]:
    """Return the choices of a form with a list, with their labels."""
    [(_, selector)] = list(result["data_schema"].schema.items())[:1]
    return {each["value"]: each["label"] for each in selector.config["options"]}


def is_open(result: Result, name: str = SECTION_RARE) -> bool:
    """Return whether a section is expanded."""
    collapsed: bool = result["data_schema"].schema[name].options["collapsed"]
    return not collapsed


class Flow:
    """A user at one flow."""

    def __init__(self, manager: Any, result: Result) -> None:
        """Show the first step."""
        self._manager = manager
        self.result: Result = result
        assert_texts(result)

    async def fill(self, *forms: dict[str, Any], **fields: Any) -> Result:
        """Submit a form, and wait for the scan."""
        typed: dict[str, Any] = {}
        for form in (*forms, fields):
            typed |= form
        await self.submit(typed)
        return await self.follow()

    async def choose(self, option: str) -> Result:
        """Choose from a menu."""
        assert self.result["type"] is FlowResultType.MENU
        assert option in self.result["menu_options"]
        return await self.fill(next_step_id=option)

    async def enter(self, channel: str, **use: Any) -> Result:
        """Enter a connection by hand."""
        await self.fill(connection="manual")
        return await self.fill({"interface": "virtual", "channel": channel}, use)

    async def reach(self, channel: str, **use: Any) -> Result:
        """Enter one without traffic, and continue all the same."""
        result = await self.enter(channel, **use)
        [kind] = {"battery", "inverter"} & set(result["menu_options"])
        return await self.choose(kind)

    async def submit(self, typed: dict[str, Any] | None = None) -> Result:
        """Submit input, and return the immediate result."""
        flow_id = self.result["flow_id"]
        typed = None if typed is None else self._folded(typed)
        self.result = await self._manager.async_configure(flow_id, typed)
        if self.result["type"] is not FlowResultType.CREATE_ENTRY:
            assert_texts(self.result)
        return self.result

    def _folded(self, typed: dict[str, Any]) -> dict[str, Any]:
        """Return the input with the values of the collapsed section inside it."""
        shown = self.result.get("data_schema")
        if shown is None or SECTION_RARE not in map(str, shown.schema):
            return typed
        inside = set(map(str, shown.schema[SECTION_RARE].schema.schema))
        rare = {key: typed[key] for key in inside & set(typed)}
        rest = {key: value for key, value in typed.items() if key not in inside}
        return {**rest, SECTION_RARE: {**rare, **rest.get(SECTION_RARE, {})}}

    async def follow(self) -> Result:
        """Wait until no progress is pending, and return the step."""
        await self._manager.hass.async_block_till_done()
        if self.result["type"] is FlowResultType.SHOW_PROGRESS:
            await self.submit()
        return self.result

    def close(self) -> None:
        """Close the dialog."""
        self._manager.async_abort(self.result["flow_id"])


async def start(hass: HomeAssistant) -> Flow:
    """Start the first setup."""
    manager = hass.config_entries.flow
    context = ConfigFlowContext(source=SOURCE_USER)
    return Flow(manager, await manager.async_init(DOMAIN, context=context))


async def start_real(hass: HomeAssistant, name: str = "Bank") -> Flow:
    """Continue to the first battery's connection."""
    flow = await start(hass)
    await flow.choose("gateway")
    await flow.fill(name=name, backup=True)
    return flow


async def add(hass: HomeAssistant, entry: ConfigEntry, kind: str) -> Flow:
    """Start adding a battery or an inverter."""
    manager = hass.config_entries.subentries
    context = SubentryFlowContext(source=SOURCE_USER)
    handler = (entry.entry_id, kind)
    return Flow(manager, await manager.async_init(handler, context=context))


async def change(hass: HomeAssistant, entry: ConfigEntry, kind: str) -> Flow:
    """Start changing the last battery or inverter."""
    manager = hass.config_entries.subentries
    context = SubentryFlowContext(
        source=SOURCE_RECONFIGURE,
        subentry_id=entry.get_subentries_of_type(kind)[-1].subentry_id,
    )
    handler = (entry.entry_id, kind)
    return Flow(manager, await manager.async_init(handler, context=context))


async def plug_in(hass: HomeAssistant, adapter: USBDevice) -> Flow:
    """Start with a newly plugged-in adapter."""
    manager = hass.config_entries.flow
    context = ConfigFlowContext(source=SOURCE_USB)
    result = await manager.async_init(
        DOMAIN, context=context, data=usb_service_info_from_device(adapter)
    )
    return Flow(manager, result)
