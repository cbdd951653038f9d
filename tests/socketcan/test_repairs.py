"""A link that is down is set up from the dialog of its repair."""

from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.can.backend import ready_link
from custom_components.bms_gateway.engine.can.interface.state import Link, read_link
from custom_components.bms_gateway.engine.config import PortConfig
from custom_components.bms_gateway.issues import fixes
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.setup import async_setup_component
from tests.bench import Bench

from .adapter import plugged
from .conftest import LinkFactory
from .rights import without_rights

pytestmark = pytest.mark.socketcan


async def confirmed(bench: Bench, name: str, key: str) -> Any:
    """Run with a battery on a link; confirm the dialog of its issue."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    bench.battery("b1", interface="socketcan", channel=name).inverter("i1")
    await bench.start()
    await bench.until(lambda: bench.issues().get("port_b1") == key)
    flows = bench.hass.data[REPAIRS]["flow_manager"]
    form = await flows.async_init(DOMAIN, context={"issue_id": "port_b1"})
    return await flows.async_configure(form["flow_id"], {})


async def test_link_that_is_down_is_set_up(bench: Bench, can_link: LinkFactory) -> None:
    """It is opened, and set up again when it goes down once more."""
    link = can_link()
    link.down()
    done = await confirmed(bench, link.name, "port_link_down")
    assert done["type"] == "create_entry"
    await bench.opened("b1")
    assert bench.issues() == {}
    link.down()
    await bench.until(lambda: read_link(link.name).is_up)
    await bench.opened("b1")


@pytest.mark.parametrize(
    ("bitrate", "up", "key"),
    [
        (None, False, "port_link_down"),
        (250_000, True, "port_wrong_bitrate"),
    ],
)
async def test_wrong_bitrate_is_corrected(
    bench: Bench, bitrate: int | None, up: bool, key: str
) -> None:
    """A real driver is set to 500 kbit/s."""
    with plugged(bitrate, up=up) as adapter:
        async with adapter.taking():
            done = await confirmed(bench, adapter.name, key)
            assert done["type"] == "create_entry"
            link = read_link(adapter.name)
            assert (link.is_up, link.bitrate) == (True, 500_000)
            await bench.opened("b1")
            assert bench.issues() == {}
            # Before the adapter stops accepting
            assert await bench.hass.config_entries.async_unload("gw")


async def test_link_that_may_not_be_set_up_is_not_changed(
    bench: Bench, can_link: LinkFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the user has brought it up the repair goes."""

    def ready_without_rights(config: PortConfig) -> tuple[PortConfig, Link]:
        with without_rights():
            return ready_link(config)

    monkeypatch.setattr(fixes, "ready_link", ready_without_rights)
    link = can_link()
    link.down()
    done = await confirmed(bench, link.name, "port_link_down")
    assert (done["type"], done["reason"]) == ("abort", "refused")
    assert not read_link(link.name).is_up
    assert "bring_up" not in bench.entry.subentries["b1"].data
    assert bench.issues()["port_b1"] == "port_link_down"
    link.up()
    await bench.opened("b1")
    await bench.until(lambda: bench.issues() == {})
