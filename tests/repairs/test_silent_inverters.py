"""Repairs of inverters that are gone: a dialog takes them out of service."""

from typing import Any

import pytest

from custom_components.bms_gateway import repairs
from custom_components.bms_gateway.const import DOMAIN
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.setup import async_setup_component

from ..bench import Bench


async def gone(bench: Bench) -> Any:
    """Stop the requests of an inverter; return the manager of dialogs."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.battery("b1").inverter("i1").start()
    bench.send("i1", [(0x305, bytes(8))])
    await bench.until(
        lambda: bench.snapshot.inverters["i1"].last_request_at is not None
    )
    bench.ahead += 601
    await bench.tick(61)
    assert bench.issues()["inverter_no_requests_i1"] == "inverter_no_requests"
    return bench.hass.data[REPAIRS]["flow_manager"]


async def test_lost_inverter_can_be_taken_out_of_service(
    bench: Bench,
) -> None:
    """By the dialog of its repair, which goes at once."""
    flows = await gone(bench)
    form = await flows.async_init(
        DOMAIN, context={"issue_id": "inverter_no_requests_i1"}
    )
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    assert form["description_placeholders"] == {"name": "My i1", "minutes": "10"}
    assert bench.state("switch", "i1_in_service").state == "on"
    done = await flows.async_configure(form["flow_id"], {})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    assert bench.state("switch", "i1_in_service").state == "off"
    assert "inverter_no_requests_i1" not in bench.issues()


async def test_repair_goes_when_the_inverter_requests_again(bench: Bench) -> None:
    """By itself."""
    await gone(bench)
    before = bench.snapshot.inverters["i1"].last_request_at
    bench.send("i1", [(0x305, bytes(8))])
    await bench.until(lambda: bench.snapshot.inverters["i1"].last_request_at != before)
    await bench.tick(61)
    assert "inverter_no_requests_i1" not in bench.issues()


async def test_dialog_needs_a_running_gateway(bench: Bench) -> None:
    """Nothing can take the answer otherwise."""
    flows = await gone(bench)
    form = await flows.async_init(
        DOMAIN, context={"issue_id": "inverter_no_requests_i1"}
    )
    assert await bench.hass.config_entries.async_unload("gw")
    done = await flows.async_configure(form["flow_id"], {})
    assert (done["type"], done["reason"]) == ("abort", "not_loaded")


async def test_silent_inverter_is_a_repair(bench: Bench) -> None:
    """Where monitored; it can be taken out of service, or is received again."""
    await bench.inverter("i1").inverter("i2", no_response_after=60.0).start()
    await bench.tick(61)
    bench.ahead += 61
    await bench.tick(61)
    assert bench.issues() == {"inverter_not_responding_i2": "inverter_not_responding"}
    bench.send("i2", [(0x306, bytes(8))])
    await bench.until(
        lambda: bench.snapshot.inverters["i2"].last_foreign_frame_at is not None
    )
    await bench.tick(61)
    assert bench.issues() == {}


@pytest.mark.parametrize(
    "key", ["inverter_not_responding", "inverter_not_responding_replug"]
)
async def test_silent_inverter_can_be_taken_out_of_service(
    bench: Bench, key: str
) -> None:
    """The advice to try other steps first does not matter."""
    await bench.battery("b1").inverter("i1").start()
    about: dict[str, Any] = {"key": key, "entry_id": "gw", "device_id": "i1"}
    dialog: Any = await repairs.async_create_fix_flow(bench.hass, "any", about)
    dialog.hass = bench.hass
    done = await dialog.async_step_confirm({})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    assert bench.state("switch", "i1_in_service").state == "off"
