"""When commands are accepted: by option, until the gateway ends, once after a reload."""

import asyncio
import json

from pytest_homeassistant_custom_component.common import async_fire_mqtt_message
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse

from ...bench import Bench
from ..mock_client import LINGERS
from .listening import LIMIT, STATUS, Answers, Slow, command, listening, message, mocked


@LINGERS
async def test_commands_are_an_option(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """Switched on and off while the gateway runs."""
    await listening(bench, mqtt_commands=False)
    calls = mocked(hass, "limit_current")
    await command(hass, LIMIT, '{"charge_current": 1}')
    hass.config_entries.async_update_entry(bench.entry, options={"mqtt_commands": True})
    await hass.async_block_till_done(wait_background_tasks=True)
    await command(hass, LIMIT, '{"charge_current": 2}')
    hass.config_entries.async_update_entry(bench.entry, options={})
    await hass.async_block_till_done(wait_background_tasks=True)
    await command(hass, LIMIT, '{"charge_current": 3}')
    assert [call.data["charge_current"] for call in calls] == [2]
    assert [answer["fields"] for answer in answers()] == [{"charge_current": 2}]


@LINGERS
async def test_no_command_is_accepted_after_unload(
    hass: HomeAssistant, bench: Bench, answers: Answers, mqtt_mock: MqttMockHAClient
) -> None:
    """Not even by a subscription that Home Assistant restored meanwhile."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    [take] = [
        call.args[1]
        for call in mqtt_mock.async_subscribe.call_args_list
        if call.args[0] == LIMIT
    ]
    assert await hass.config_entries.async_unload("gw")
    await command(hass, LIMIT, '{"charge_current": 1}')
    take(message(b'{"charge_current": 1}'))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert calls == []
    assert answers() == []


@LINGERS
async def test_command_at_the_very_end_is_not_answered(
    hass: HomeAssistant, bench: Bench, answers: Answers, mqtt_mock: MqttMockHAClient
) -> None:
    """Nothing follows the message that the gateway is offline."""
    await listening(bench)
    assert mqtt_mock.async_publish.call_args.args[0] != STATUS
    called, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: ServiceCall) -> None:
        called.set()
        await go_on.wait()

    hass.services.async_register(
        DOMAIN, "limit_current", slow, supports_response=SupportsResponse.OPTIONAL
    )
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 1}')
    await called.wait()
    async with asyncio.TaskGroup() as group:
        group.create_task(hass.config_entries.async_unload("gw"))
        while mqtt_mock.async_publish.call_args.args[0] != STATUS:
            await asyncio.sleep(0)
        go_on.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert answers() == []


@LINGERS
async def test_waiting_commands_end_with_the_gateway(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """Only the running command is completed."""
    await listening(bench)
    slow = Slow(hass)
    for n in range(20):
        fields = {"charge_current": n, "owner": f"o{n}"}
        async_fire_mqtt_message(hass, LIMIT, json.dumps(fields))
    await slow.called.wait()
    async with asyncio.TaskGroup() as group:
        group.create_task(hass.config_entries.async_unload("gw"))
        await asyncio.sleep(0)
        slow.go_on.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(slow.data) == 1


@LINGERS
async def test_each_command_is_executed_once_after_a_reload(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """The earlier gateway is gone."""
    await listening(bench)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    calls = mocked(hass, "limit_current")
    await command(hass, LIMIT, '{"charge_current": 1}')
    assert len(calls) == len(answers()) == 1
