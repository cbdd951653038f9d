"""Repairs of setpoints that forbid charging or discharging, and were forgotten."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ..bench import Bench
from ..test_number import ask


@pytest.mark.parametrize(
    ("setpoint", "stopped"),
    [
        ("charging_allowed", Setpoints(charging_allowed=False)),
        ("charge_current", Setpoints(charge_current=0.0)),
    ],
)
async def test_forgotten_setpoint_is_a_repair(
    hass: HomeAssistant,
    bench: Bench,
    hass_storage: dict[str, Any],
    setpoint: str,
    stopped: Setpoints,
) -> None:
    """It names the requester, also after a restart; gone once charging is allowed."""
    key = f"{DOMAIN}.gw.setpoints"
    await bench.battery("b1").inverter("i1").start()
    await bench.runtime.setpoint_manager.async_set(AllSetpoints(bank=stopped), "Ann")
    assert bench.issues() == {}
    assert await hass.config_entries.async_unload("gw")
    hass_storage[key]["data"]["changes"][0]["hours"] = 24
    await bench.setup()
    issue_id = f"forgotten_gw_{setpoint}"
    assert bench.issues() == {issue_id: "charging_forgotten"}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders == {"name": "Bank", "by": "Ann"}
    await bench.runtime.setpoint_manager.async_set(AllSetpoints(), "Bob")
    assert bench.issues() == {}


@pytest.mark.parametrize("days", [-14, -1, 1, 14, 20_000])
async def test_clock_jump_makes_no_setpoint_forgotten(bench: Bench, days: int) -> None:
    """Many small computers start in the past, until they have found a time server."""
    await bench.battery("b1").inverter("i1").start()
    wrong = dt_util.utcnow() - timedelta(days=days)
    with patch("homeassistant.util.dt.utcnow", lambda tz=None: wrong):
        await ask(bench, "gw_charge_current_setpoint", 0.0)
    await bench.tick(61)
    assert bench.issues() == {}


async def test_setpoint_is_forgotten_after_a_day_of_running(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Over restarts, at any wall clock time; the time between does not count."""
    await bench.inverter("i1").start()
    await ask(bench, "i1_charge_current_setpoint", 0.0)
    for hours in 10, 13:
        bench.ahead += hours * 3600
        await bench.tick(61)
        assert await hass.config_entries.async_unload("gw")
        bench.ahead += 1000 * 3600
        await bench.setup()
        await bench.tick(61)
        assert bench.issues() == {}
    bench.ahead += 3600
    await bench.tick(61)
    assert bench.issues() == {"forgotten_i1_charge_current": "charging_forgotten"}


async def test_ignored_repair_stays_until_the_gateway_is_removed(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """A reload does not bring it back."""
    await bench.battery("b1").inverter("i1").start()
    stopped = AllSetpoints(bank=Setpoints(charge_current=0.0))
    await bench.runtime.setpoint_manager.async_set(stopped, "Ann")
    assert await hass.config_entries.async_unload("gw")
    hass_storage[f"{DOMAIN}.gw.setpoints"]["data"]["changes"][0]["hours"] = 24
    await bench.setup()
    issue_id = "forgotten_gw_charge_current"
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.dismissed_version is not None
    await hass.config_entries.async_remove("gw")
    assert bench.issues() == {}
