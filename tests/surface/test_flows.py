"""Dialogs: steps, fields and choices, and what they store in the config entry."""

from pathlib import Path
import tempfile
from typing import Any, Final

from aiohttp import FormData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlowContext,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from ..connected import Machine, link, usb_device
from ..flows.import_daemon.files import FILE
from ..form_user import BATTERY, INVERTER, Flow, add, change, plug_in, start
from .outline import key_and_type, outline
from .snapshot import check
from .steps import Recorded, recorded

OPTIONS: Final[dict[str, Any]] = {
    "strategy": "share",
    "charge_loss_policy": "block",
    "discharge_loss_policy": "block",
    "discharge_grace": 60,
    "total_charge": 100,
    "total_discharge": 100,
    "advanced": {},
    "mqtt": {"mqtt_prefix": "home/bank", "mqtt_state_topic": "tele/bms/state"},
}


def written(entry: ConfigEntry) -> dict[str, Any]:
    """Return the keys and types of what is stored of a gateway."""
    found = {
        "version": f"{entry.version}.{entry.minor_version}",
        "data": outline(entry.data, key_and_type),
        "options": outline(entry.options, key_and_type),
    }
    for kind in sorted({each.subentry_type for each in entry.subentries.values()}):
        subentries = [dict(each.data) for each in entry.get_subentries_of_type(kind)]
        found[kind] = outline(subentries, key_and_type)
    return found


async def set_up(flow: Recorded) -> ConfigEntry:
    """Go through the first set-up with a battery and an inverter."""
    await flow.choose("gateway")
    await flow.fill(name="Bank", backup=False)
    await flow.reach("flow-b1")
    await flow.fill(BATTERY, advanced={"poll_interval": 2, "timeout": 30})
    await flow.choose("add_inverter")
    await flow.reach("flow-i1")
    await flow.fill(INVERTER)
    result = await flow.choose("finish")
    created: ConfigEntry = result["result"]
    return created


async def uploaded(client: ClientSessionGenerator) -> str:
    """Upload a file of the daemon as a browser does; return its id."""
    form = FormData()
    form.add_field("file", FILE.encode(), filename="bms_config.toml")
    answer = await (await client()).post("/api/file_upload", data=form)
    return str((await answer.json())["file_id"])


@pytest.mark.usefixtures("socket_enabled")
async def test_steps_of_the_first_setup_match_the_snapshot(
    hass: HomeAssistant,
    machine: Machine,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By hand, simulated, and by the daemon's file; and a gateway's other dialogs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert await async_setup_component(hass, DOMAIN, {})  # before the server starts
    machine.links = [link("can_in_1", "can_in_1")]
    flows: dict[str, list[Any]] = {}
    entries = {}

    def watch(kind: str, flow: Flow) -> Recorded:
        return Recorded(flows.setdefault(kind, []), flow)

    bank = await set_up(watch("config", await start(hass)))
    entries["by hand"] = written(bank)

    flow = watch("config", await start(hass))
    await flow.choose("simulated")
    entries["simulated"] = written((await flow.fill(name="Demo"))["result"])

    flow = watch("config", await start(hass))
    await flow.choose("import_daemon")
    await flow.fill(file=await uploaded(hass_client))
    result = await flow.fill(name="Cellar", reported_current="file")
    entries["daemon"] = written(result["result"])

    flow = watch("config", await plug_in(hass, usb_device("/dev/ttyACM0")))
    await flow.fill(gateway=bank.entry_id)
    flow.close()

    context = ConfigFlowContext(source=SOURCE_RECONFIGURE, entry_id=bank.entry_id)
    manager = hass.config_entries.flow
    result = await manager.async_init(DOMAIN, context=context)
    await watch("config", Flow(manager, result)).fill(name="House")

    options = hass.config_entries.options
    flow = watch("options", Flow(options, await options.async_init(bank.entry_id)))
    await flow.fill(OPTIONS)
    entries["options"] = {"options": outline(bank.options, key_and_type)}
    await machine.end()
    check("entries", entries)
    check("flows", {kind: recorded(steps) for kind, steps in flows.items()})


async def test_steps_of_devices_match_the_snapshot(
    hass: HomeAssistant, machine: Machine, bank: MockConfigEntry
) -> None:
    """Added to a gateway, and changed."""
    flows: dict[str, list[Any]] = {}
    for kind, typed in ("battery", BATTERY), ("inverter", INVERTER):
        flow = Recorded(flows.setdefault(kind, []), await add(hass, bank, kind))
        await flow.reach("flow-1" + kind)
        await flow.fill(typed)
        flow = Recorded(flows[kind], await change(hass, bank, kind))
        await flow.choose(kind)
        await flow.fill(typed)
    check("subentries", {kind: recorded(steps) for kind, steps in flows.items()})
