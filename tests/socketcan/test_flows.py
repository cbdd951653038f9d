"""The forms on the kernel's CAN links: found, set up, identified when swapped."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from custom_components.bms_gateway.config_entry import gateway_config
from custom_components.bms_gateway.engine.can import port as port_module
from custom_components.bms_gateway.engine.can.bus import as_message
from custom_components.bms_gateway.engine.can.interface.state import read_link
from custom_components.bms_gateway.engine.can.slcan import codec
from custom_components.bms_gateway.engine.config import Interface
from custom_components.bms_gateway.engine.detection import scan
from custom_components.bms_gateway.engine.detection.link_setup import (
    bring_up_listen_only,
)
from custom_components.bms_gateway.engine.model import BusState
from homeassistant.core import HomeAssistant
from tests.connected import Forms, repeating
from tests.engine.ports import Recorder
from tests.engine.telegrams import telegram
from tests.form_user import BATTERY, INVERTER, offered, start_real, subentry
from tests.waiting import PATIENCE, until

from .adapter import Adapter, plugged
from .conftest import GiveSerial, Link, LinkFactory
from .rights import without_rights

pytestmark = pytest.mark.socketcan

SOCKETCAN = Interface.SOCKETCAN
TELEGRAM = telegram()


@pytest.fixture
async def forms(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Forms]:
    """Return forms that find the kernel's links, and ports that retry often."""
    monkeypatch.setattr(port_module, "FIRST_RETRY", 0.02)
    monkeypatch.setattr(port_module, "LONGEST_RETRY", 0.02)
    monkeypatch.setattr(scan, "LISTEN_ONLY_TIME", 0.1)
    forms = Forms(hass, monkeypatch)
    yield forms
    await forms.end()


def send_telegram(adapter: Adapter) -> None:
    """Send a battery's telegram on the adapter's bus."""
    for frame in TELEGRAM:
        adapter.send(codec.encode(as_message(frame)).decode().strip())


async def test_links_are_listed(
    hass: HomeAssistant, forms: Forms, can_link: LinkFactory
) -> None:
    """With their kind, their state and their bitrate."""
    virtual = can_link()
    with plugged(bitrate=250_000) as adapter, plugged(up=False) as other:
        flow = await start_real(hass)
        found = offered(flow.result)
        names = {f"socketcan:{each.name}" for each in (virtual, adapter, other)}
        assert names <= set(found)
        assert not any(key.endswith(":lo") for key in found)
        assert found[f"socketcan:{virtual.name}"] == f"{virtual.name} · virtual"
        assert found[f"socketcan:{adapter.name}"].endswith(" · 250 kbit/s")
        assert found[f"socketcan:{other.name}"].endswith(" · switched off")


async def test_link_that_is_down_is_set_up_and_scanned(
    hass: HomeAssistant, forms: Forms
) -> None:
    """With the bitrate that was chosen; its battery counts at once."""
    forms.listen(PATIENCE)
    with plugged(up=False) as adapter:
        async with adapter.taking():
            flow = await start_real(hass)
            async with repeating(lambda: send_telegram(adapter)):
                result = await flow.fill(
                    connection=f"socketcan:{adapter.name}", bitrate="250000"
                )
                assert "PYLON" in result["description_placeholders"]["scan_result"]
                link = read_link(adapter.name)
                assert (link.is_up, link.bitrate) == (True, 250_000)
                assert link.state is BusState.ERROR_ACTIVE
                assert [each for each in adapter.received if each[:1] == "t"] == []
                await flow.fill(BATTERY)
                entry = (await flow.choose("finish"))["result"]
                port = gateway_config(entry).batteries[0].port
                assert (port.bitrate, port.bring_up) == (250_000, True)
                gateway = entry.runtime_data.gateway
                key = subentry(entry, "battery").subentry_id
                await until(lambda: gateway.snapshot.batteries[key].online)
            await forms.end()


async def test_link_that_may_not_be_set_up_shows_the_commands(
    hass: HomeAssistant, forms: Forms
) -> None:
    """Without permission or right; the message shows the commands."""

    def listen_without_rights(config: Any) -> Any:
        with without_rights():
            return bring_up_listen_only(config)

    with plugged(up=False) as adapter:
        key = f"socketcan:{adapter.name}"
        async with adapter.taking():
            flow = await start_real(hass)
            result = await flow.fill(connection=key, bring_up=False)
            assert result["errors"] == {"connection": "link_down"}
            with pytest.MonkeyPatch.context() as monkeypatch:
                monkeypatch.setattr(scan, "bring_up_listen_only", listen_without_rights)
                result = await flow.fill(connection=key, bring_up=True)
            assert result["errors"] == {"connection": "no_permission"}
            assert not read_link(adapter.name).is_up
            assert adapter.received == []

            commands_text = result["description_placeholders"]["commands"]
            commands = commands_text.removesuffix(
                " restart-ms 100"
            )  # not with this driver
            for command in commands.split(" && "):
                running = await asyncio.create_subprocess_exec(*command.split()[1:])
                assert await running.wait() == 0
            result = await flow.fill(connection=key, bring_up=False)
            assert result["step_id"] == "scan_result"


async def test_swapped_links_lead_to_the_same_adapters(
    hass: HomeAssistant,
    forms: Forms,
    can_link: LinkFactory,
    serials: GiveSerial,
) -> None:
    """From the form to the frames: no telegram to an inverter on a battery's bus."""
    links = {"battery": can_link(), "inverter": can_link()}
    for serial, link in links.items():
        serials(link.name, serial)
    flow = await start_real(hass)
    for kind, typed in (("battery", BATTERY), ("inverter", INVERTER)):
        await flow.fill(connection=f"socketcan:{links[kind].name}")
        await flow.choose(kind)
        await flow.fill(typed)
        if kind == "battery":
            await flow.choose("add_inverter")
    entry = (await flow.choose("finish"))["result"]
    assert subentry(entry, "battery").data["identity"] == "usb:1d50:606f:battery"
    await plays(links)

    await hass.config_entries.async_unload(entry.entry_id)
    swap(links["battery"], links["inverter"], serials)
    await hass.config_entries.async_setup(entry.entry_id)
    await plays(links)


async def plays(links: dict[str, Link]) -> None:
    """Check that the inverter receives the battery's values, on its bus only."""
    battery = Recorder(links["battery"].name, SOCKETCAN)
    inverter = Recorder(links["inverter"].name, SOCKETCAN)
    async with battery.opened() as port, inverter.opened():

        def send_telegram() -> None:
            for frame in TELEGRAM:
                port.send(frame)

        async with repeating(send_telegram):
            await inverter.until(
                lambda: any(frame.can_id == 0x351 for frame in inverter.frames)
            )
    assert battery.frames == []


def swap(one: Link, other: Link, serials: GiveSerial) -> None:
    """Give each the other's name, as when adapters are found in another order."""
    first, second = one.name, other.name
    one.down()
    other.down()
    one.rename(f"{first}y")
    other.rename(first)
    one.rename(second)
    serials(first, "inverter")
    serials(second, "battery")
    one.up()
    other.up()
