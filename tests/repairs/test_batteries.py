"""Repairs of batteries: losses, gaps, voltages, polling, and a rating above theirs."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bms_gateway import repairs
from custom_components.bms_gateway.const import DOMAIN
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from ..bench import Bench, telegram


async def go_on(bench: Bench, seconds: float, volts: dict[str, float]) -> None:
    """Advance the time while batteries send, and process everything at the end."""
    for _ in range(round(seconds / 2)):
        bench.ahead += 2
        for each, voltage in volts.items():
            await bench.send_telegrams(each, voltage=voltage)
    await bench.tick(61)


async def test_flapping_battery_makes_one_repair(
    hass: HomeAssistant, bench: Bench
) -> None:
    """It reports the loss first, then the losses."""
    updates = async_capture_events(hass, ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED)
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    for loss in range(1, 7):
        for _ in range(6):
            await bench.move(2)
            await bench.send_telegrams("b2")
        await bench.shows("sensor", "b1_state", "lost")
        issue_key = "battery_losses" if loss > 3 else "battery_lost"
        assert bench.issues() == {"battery_b1": issue_key}
        for _ in range(4):
            await bench.send_telegrams("b1", "b2")
        await bench.shows("sensor", "b1_state", "online")
        assert bench.issues() == {"battery_b1": issue_key}
    assert [each.data["action"] for each in updates].count("create") == 1


async def test_battery_with_many_short_gaps_is_a_repair(bench: Bench) -> None:
    """With their number, although it is never lost for long."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2")
    for _ in range(7):
        for _ in range(2):
            await bench.move(2)
            await bench.send_telegrams("b2")
        assert bench.issues() != {"battery_b1": "battery_gaps"}
        for _ in range(10):
            await bench.move(1)
            await bench.send_telegrams("b1", "b2")
        await bench.shows("sensor", "b1_state", "online")
    assert bench.issues() == {"battery_b1": "battery_gaps"}


async def test_voltage_difference_is_a_repair(bench: Bench) -> None:
    """After a minute; gone when the voltages agree."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", voltage=52.0)
    await bench.online("b2", voltage=54.0)
    await go_on(bench, 20, {"b1": 52.0, "b2": 54.0})
    assert bench.issues() == {}
    await go_on(bench, 50, {"b1": 52.0, "b2": 54.0})
    assert bench.issues() == {"batteries_apart_gw": "batteries_apart"}
    await go_on(bench, 5, {"b1": 53.0, "b2": 53.4})
    assert bench.issues() == {}


async def test_inverter_rated_above_the_batteries_is_a_repair(bench: Bench) -> None:
    """Once the batteries were in normal ranges for long; gone when corrected."""
    bench.battery("b1").inverter("i1", rated_charge=150.0)
    await bench.start()
    await bench.online("b1")
    # Real time is added to it: a busy machine must not reach the ten minutes
    await go_on(bench, 400, {"b1": 52.0})
    assert bench.issues() == {}
    await go_on(bench, 210, {"b1": 52.0})
    assert bench.issues() == {"rating_too_high_i1": "rating_too_high"}
    subentry = bench.entry.subentries["i1"]
    bench.hass.config_entries.async_update_subentry(
        bench.entry, subentry, data={**subentry.data, "rated_charge": 100.0}
    )
    await bench.hass.async_block_till_done()
    assert bench.issues() == {}


@pytest.mark.parametrize("key", ["battery_not_polled", "battery_not_polled_replug"])
async def test_silent_battery_can_be_polled(bench: Bench, key: str) -> None:
    """The gateway polls it from then on, and its other settings stay."""
    assert await async_setup_component(bench.hass, REPAIRS, {})
    await bench.battery("b1", timeout=20.0).inverter("i1").start()
    bench.ahead += 16
    await bench.tick(61)
    assert bench.issues()["battery_b1"] == "battery_not_polled"
    about: dict[str, Any] = {"key": key, "entry_id": "gw", "device_id": "b1"}
    dialog: Any = await repairs.async_create_fix_flow(bench.hass, "any", about)
    dialog.hass = bench.hass
    form = await dialog.async_step_confirm()
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    assert bench.entry.subentries["b1"].data.get("poll_interval") is None
    done = await dialog.async_step_confirm({})
    assert done["type"] == "create_entry"
    await bench.hass.async_block_till_done()
    assert bench.entry.subentries["b1"].data["poll_interval"] == 1.0
    assert bench.entry.subentries["b1"].data["timeout"] == 20.0
    await bench.until(lambda: 0x305 in {m.arbitration_id for m in bench.received("b1")})
    await bench.tick(61)
    assert bench.issues()["battery_b1"] == "battery_not_received"
    await bench.online("b1")
    await bench.tick(61)
    assert "battery_b1" not in bench.issues()


async def test_battery_of_another_voltage_is_a_repair(bench: Bench) -> None:
    """It sends, so no user checks its cable; it does not count."""
    await bench.battery("b1", nominal_voltage="48").inverter("i1").start()
    bench.ahead += 16
    bench.send("b1", telegram(cvl=29.2, voltage=26.4))
    await bench.until(lambda: bench.snapshot.batteries["b1"].apparent_nominal == 24)
    await bench.tick(61)
    assert bench.issues()["battery_b1"] == "battery_wrong_voltage"
    issue = ir.async_get(bench.hass).async_get_issue(DOMAIN, "battery_b1")
    assert issue
    assert issue.translation_placeholders
    assert issue.translation_placeholders["nominal"] == "48"
    assert issue.translation_placeholders["apparent"] == "24"
    assert issue.translation_placeholders["values"] == "CVL 29.2 V (40–65 V)"


async def test_contradicted_protocol_is_a_repair_that_may_be_ignored(
    hass: HomeAssistant, bench: Bench
) -> None:
    """A stack with `PN` that is set to Deye's: after a minute, until that is cleared."""
    await bench.battery("b1", dialect="deye").inverter("i1").start()
    await bench.online("b1", current=10.0)
    await bench.shows("sensor", "b1_dialect", "deye")
    assert bench.snapshot.batteries["b1"].readings.current == -10.0
    assert bench.issues() == {}
    await go_on(bench, 64, {"b1": 52.0})
    assert bench.issues() == {"dialect_b1": "dialect_contradicted"}
    ir.async_ignore_issue(hass, DOMAIN, "dialect_b1", ignore=True)
    await go_on(bench, 4, {"b1": 52.0})
    issue = ir.async_get(hass).async_get_issue(DOMAIN, "dialect_b1")
    assert issue is not None
    assert issue.dismissed_version is not None
    [subentry] = bench.entry.get_subentries_of_type("battery")
    data = {key: value for key, value in subentry.data.items() if key != "dialect"}
    hass.config_entries.async_update_subentry(bench.entry, subentry, data=data)
    await bench.send_telegrams("b1", current=10.0)
    await bench.until(lambda: bench.snapshot.batteries["b1"].readings.current == 10.0)
    assert bench.snapshot.batteries["b1"].contradicting is None
