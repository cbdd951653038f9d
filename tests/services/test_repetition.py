"""Calls that are repeated, or clear what is clear: they succeed and change nothing."""

from collections.abc import Mapping
import json
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.model import Direction
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component

from ..bench import Bench
from .calls import KEY, clear, device, limit, ready, temporary_limits


@pytest.mark.parametrize("data", [{"until_cleared": True}, {"duration": 600}])
async def test_repeated_call_succeeds(
    bench: Bench, hass_storage: dict[str, Any], data: dict[str, Any]
) -> None:
    """An automation sets a state, not a change."""
    await ready(bench)
    asked: dict[str, Any] = {"charge_current": 20, "discharge_power": 0, **data}
    clock = bench.clock()
    with patch.object(Gateway, "now", PropertyMock(return_value=clock)):
        first = await limit(bench, **asked)
        before, written = temporary_limits(bench), json.dumps(hass_storage[KEY])
        with patch.object(bench.runtime.setpoint_manager, "async_set") as taken:
            assert await limit(bench, **asked) == first
        assert not taken.called
    assert temporary_limits(bench) == before
    assert json.dumps(hass_storage[KEY]) == written


async def test_repeated_direction_keeps_the_other(bench: Bench) -> None:
    """The new one of a call is applied, although the other is unchanged."""
    await ready(bench)
    await limit(bench, charge_current=20, until_cleared=True)
    await limit(bench, charge_current=20, discharge_current=9, until_cleared=True)
    assert {(each.direction, each.amps) for each in temporary_limits(bench)} == {
        (Direction.CHARGE, 20.0),
        (Direction.DISCHARGE, 9.0),
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"owner": "Ann"},
        {"owner": "Bob", "direction": "discharge"},
        {"direction": "discharge"},
    ],
)
async def test_clearing_twice_succeeds(bench: Bench, data: Mapping[str, Any]) -> None:
    """It changes nothing, and returns the active limits."""
    await ready(bench)
    if data:
        await limit(bench, charge_current=20, owner="Bob")
    before = temporary_limits(bench)
    with patch.object(bench.runtime.setpoint_manager, "async_set") as taken:
        answer = await clear(bench, **data)
    assert not taken.called
    assert [each["owner"] for each in answer["temporary_limits"]] == ["Bob"] * bool(
        data
    )
    for refused in (clear(bench, "b1"), clear(bench, owner=" ")):
        with pytest.raises(ServiceValidationError):
            await refused
    assert temporary_limits(bench) == before


async def test_automation_continues_after_an_error(
    hass: HomeAssistant, bench: Bench
) -> None:
    """An earlier call does not end it."""
    await ready(bench)
    target = {"device_id": device(bench, "gw"), "owner": "tariff"}
    clears = {"action": f"{DOMAIN}.clear_limit", "data": target}
    holds = {
        "action": f"{DOMAIN}.limit_current",
        "data": target | {"discharge_current": -0.2, "until_cleared": True},
    }
    automation = {
        "triggers": [{"trigger": "event", "event_type": "go"}],
        "actions": [clears, holds, holds, clears, clears, holds, {"event": "reached"}],
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    reached = async_capture_events(hass, "reached")
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    assert len(reached) == 1
    [temporary_limit] = temporary_limits(bench)
    assert (temporary_limit.owner, temporary_limit.amps) == ("tariff", 0.0)
