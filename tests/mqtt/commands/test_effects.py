"""What commands do: they call the actions, in order, for the device they name."""

import json

import pytest
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.mqtt.payload import Report
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse

from ...bench import Bench
from ..mock_client import LINGERS
from .listening import CLEAR, LIMIT, Answers, command, device_id, listening, mocked


@LINGERS
async def test_limit_calls_the_action(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """Its fields are passed on, for this gateway, with the owner mqtt."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    fields = {"charge_current": 20, "discharge_power": 500.5, "duration": 600}
    await command(hass, LIMIT, json.dumps(fields))
    [call] = calls
    gateway = {"device_id": device_id(hass, "gw"), "owner": "mqtt"}
    assert call.data == fields | gateway
    assert answers() == [
        {"command": "limit", "accepted": True, "fields": fields, "temporary_limits": []}
    ]


@LINGERS
async def test_clear_ends_a_limit(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """One owner's, in one direction."""
    await listening(bench)
    calls = mocked(hass, "clear_limit")
    await command(hass, CLEAR, '{"owner": "evcc", "direction": "charge"}')
    [call] = calls
    assert call.data == {
        "device_id": device_id(hass, "gw"),
        "owner": "evcc",
        "direction": "charge",
    }
    [answer] = answers()
    assert (answer["command"], answer["accepted"]) == ("clear", True)


@LINGERS
@pytest.mark.parametrize("by_topic", [True, False])
async def test_inverter_is_named_by_topic_or_device_id(
    hass: HomeAssistant, bench: Bench, answers: Answers, by_topic: bool
) -> None:
    """The action gets the registry id."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    wanted = "my_i2" if by_topic else device_id(hass, "i2")
    await command(hass, LIMIT, json.dumps({"device_id": wanted, "charge_current": 5}))
    assert [call.data["device_id"] for call in calls] == [device_id(hass, "i2")]


@LINGERS
async def test_gateway_may_be_named(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """As in the action."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    gateway = device_id(hass, "gw")
    await command(hass, LIMIT, json.dumps({"device_id": gateway, "charge_current": 5}))
    assert [call.data["device_id"] for call in calls] == [gateway]


@LINGERS
async def test_commands_are_executed_in_order(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """However long an earlier one takes."""
    await listening(bench)
    obeyed: list[float] = []

    async def slow(call: ServiceCall) -> None:
        for _ in range(int(call.data["charge_current"])):
            await hass.async_add_executor_job(int)
        obeyed.append(call.data["charge_current"])

    hass.services.async_register(
        DOMAIN, "limit_current", slow, supports_response=SupportsResponse.OPTIONAL
    )
    for amps in (5, 1, 0):
        limit = {"charge_current": amps, "owner": f"o{amps}"}
        async_fire_mqtt_message(hass, LIMIT, json.dumps(limit))
    await hass.async_block_till_done()
    assert obeyed == [5, 1, 0]


@LINGERS
async def test_inverters_are_sent_the_limit_until_it_ends(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """By the real actions, from the message to the wire."""
    await bench.battery("b1").inverter("i1").start(options={"mqtt_commands": True})
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    await command(hass, LIMIT, '{"charge_current": 20, "discharge_current": 10}')
    await bench.receives("i1", 20.0, 10.0)
    [answer] = answers()
    assert answer["accepted"]
    assert {
        (each["direction"], each["current"]) for each in answer["temporary_limits"]
    } == {
        ("charge", 20),
        ("discharge", 10),
    }
    assert {each["owner"] for each in answer["temporary_limits"]} == {"mqtt"}
    state = Report(bench.snapshot, bench.runtime.config, 0.0).state()
    assert state["charge_limited_by"] == "temporary_limit"
    await command(hass, CLEAR, '{"direction": "charge"}')
    [answer] = answers()
    assert [each["direction"] for each in answer["temporary_limits"]] == ["discharge"]
    await bench.until(
        lambda: all(
            temporary_limit.direction == "discharge"
            for temporary_limit in bench.runtime.setpoint_manager.setpoints.temporary_limits
        )
    )
