"""Devices with each other's ports: a dialog swaps them."""

from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.setup import async_setup_component

from ..bench import Bench, telegram

REQUEST = (0x305, bytes(8))


async def receive(bench: Bench, id: str, *frames: tuple[int, bytes]) -> None:
    """Send on a port a second later, and wait until it is received."""
    bench.ahead += 1
    enough = bench.snapshot.ports[id].received + len(frames)
    bench.send(id, frames)
    await bench.until(lambda: bench.snapshot.ports[id].received >= enough)


async def open_dialog(bench: Bench, id: str) -> Any:
    """Open the dialog of the repair of a wrong port; return its first step."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.tick(61)
    assert f"wrong_port_{id}" in bench.issues()
    flows = bench.hass.data[REPAIRS]["flow_manager"]
    return await flows.async_init(DOMAIN, context={"issue_id": f"wrong_port_{id}"})


async def choose(bench: Bench, form: Any, other: str) -> Any:
    """Answer the dialog."""
    flows = bench.hass.data[REPAIRS]["flow_manager"]
    return await flows.async_configure(form["flow_id"], {"other": other})


def stored(bench: Bench, *, port: bool) -> dict[str, dict[str, Any]]:
    """Return the stored data of each device: of its port, or everything else."""
    keys = {"interface", "channel", "bitrate"}
    return {
        each.subentry_id: {
            key: value for key, value in each.data.items() if (key in keys) is port
        }
        for each in bench.entry.subentries.values()
    }


@pytest.mark.parametrize(("id", "other"), [("b1", "i1"), ("i1", "b1")])
async def test_ports_can_be_swapped(bench: Bench, id: str, other: str) -> None:
    """By the dialog of either repair; each device keeps everything else, and works."""
    await bench.battery("b1", timeout=20).inverter("i1").start()
    for _ in range(10):
        await receive(bench, "i1", *telegram())
        await receive(bench, "b1", REQUEST)
    form = await open_dialog(bench, id)
    assert bench.issues() == {
        "wrong_port_b1": "inverter_on_battery_port",
        "wrong_port_i1": "battery_on_inverter_port",
    }
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    assert form["description_placeholders"]["name"] == f"My {id}"
    assert form["data_schema"]({}) == {"other": other}
    ports, else_ = stored(bench, port=True), stored(bench, port=False)
    done = await choose(bench, form, other)
    assert done["type"] == "create_entry"
    assert stored(bench, port=True) == {"b1": ports["i1"], "i1": ports["b1"]}
    assert stored(bench, port=False) == else_
    await bench.hass.async_block_till_done()
    await bench.opened("b1", "i1")
    bench.buses |= {"b1": bench.buses["i1"], "i1": bench.buses["b1"]}
    await bench.online("b1")
    for _ in range(20):  # a limit rises slowly after a loss
        bench.ahead += 1
        await bench.send_telegrams("b1")
    await bench.receives("i1", 50.0, 50.0)
    await bench.tick(61)
    assert bench.issues() == {}


async def test_working_device_is_not_proposed(bench: Bench) -> None:
    """The battery that is not received is the one with the wrong port."""
    await bench.battery("b0").battery("b1").inverter("i1").start()
    await bench.online("b0")
    for _ in range(2):
        await receive(bench, "i1", *telegram())
        await bench.send_telegrams("b0")
    assert bench.snapshot.batteries["b0"].online
    form = await open_dialog(bench, "i1")
    assert form["data_schema"]({}) == {"other": "b1"}


async def test_swap_without_a_partner_gets_other_advice(bench: Bench) -> None:
    """The dialog gives other advice."""
    await bench.inverter("i1").start()
    for _ in range(2):
        await receive(bench, "i1", *telegram())
    done = await open_dialog(bench, "i1")
    assert (done["type"], done["reason"]) == ("abort", "no_counterpart")
    assert done["description_placeholders"]["name"] == "My i1"


async def test_swap_needs_a_running_gateway(bench: Bench) -> None:
    """Nothing is stored otherwise."""
    await bench.battery("b1").inverter("i1").start()
    for _ in range(2):
        await receive(bench, "i1", *telegram())
    form = await open_dialog(bench, "i1")
    before = stored(bench, port=True)
    assert await bench.hass.config_entries.async_unload("gw")
    done = await choose(bench, form, "b1")
    assert (done["type"], done["reason"]) == ("abort", "not_loaded")
    assert stored(bench, port=True) == before
