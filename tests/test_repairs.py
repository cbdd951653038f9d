"""Repairs with a dialog, and those that stand beside a running gateway."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .bench import Bench


async def gone(bench: Bench) -> Any:
    """Let an inverter that asked ask no more; return the manager of dialogs."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.battery("b1").inverter("i1").start()
    bench.say("i1", [(0x305, bytes(8))])
    await bench.until(
        lambda: bench.snapshot.inverters["i1"].last_request_at is not None
    )
    bench.ahead += 601
    await bench.tick(61)
    assert bench.issues()["inverter_gone_i1"] == "inverter_gone"
    return bench.hass.data[REPAIRS]["flow_manager"]


async def test_an_inverter_that_is_gone_can_be_taken_out_of_service(
    bench: Bench,
) -> None:
    """By the dialog of its repair; that goes at once."""
    flows = await gone(bench)
    form = await flows.async_init(DOMAIN, context={"issue_id": "inverter_gone_i1"})
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    assert form["description_placeholders"] == {"name": "My i1"}
    assert bench.state("switch", "i1_in_service").state == "on"
    done = await flows.async_configure(form["flow_id"], {})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    assert bench.state("switch", "i1_in_service").state == "off"
    assert "inverter_gone_i1" not in bench.issues()


async def test_an_inverter_that_asks_again(bench: Bench) -> None:
    """Its repair goes by itself."""
    await gone(bench)
    before = bench.snapshot.inverters["i1"].last_request_at
    bench.say("i1", [(0x305, bytes(8))])
    await bench.until(lambda: bench.snapshot.inverters["i1"].last_request_at != before)
    await bench.tick(61)
    assert "inverter_gone_i1" not in bench.issues()


async def test_the_dialog_needs_a_running_gateway(bench: Bench) -> None:
    """There is nobody to tell the answer to."""
    flows = await gone(bench)
    form = await flows.async_init(DOMAIN, context={"issue_id": "inverter_gone_i1"})
    assert await bench.hass.config_entries.async_unload("gw")
    done = await flows.async_configure(form["flow_id"], {})
    assert (done["type"], done["reason"]) == ("abort", "not_loaded")


@pytest.mark.parametrize(
    ("setpoint", "stopped"),
    [
        ("charging_allowed", Setpoints(charging_allowed=False)),
        ("charge_current", Setpoints(charge_current=0.0)),
    ],
)
async def test_a_setpoint_that_is_forgotten(
    hass: HomeAssistant,
    bench: Bench,
    hass_storage: dict[str, Any],
    setpoint: str,
    stopped: Setpoints,
) -> None:
    """It names who set it, also after a restart; it goes once charging is allowed."""
    key = f"{DOMAIN}.gw.setpoints"
    await bench.battery("b1").inverter("i1").start()
    await bench.coordinator.keeper.async_take(AllSetpoints(bank=stopped), "Ann")
    assert bench.issues() == {}
    assert await hass.config_entries.async_unload("gw")
    yesterday = (dt_util.utcnow() - timedelta(days=1)).timestamp()
    hass_storage[key]["data"]["changes"][0]["at"] = yesterday
    await bench.setup()
    issue_id = f"forgotten_gw_{setpoint}"
    assert bench.issues() == {issue_id: "charging_forgotten"}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders == {"name": "Bank", "by": "Ann"}
    await bench.coordinator.keeper.async_take(AllSetpoints(), "Bob")
    assert bench.issues() == {}
