"""Floods of commands: the newest of each owner counts, and nothing is held up."""

import asyncio
import json

import pytest
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from custom_components.bms_gateway.mqtt import commands
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_dumps

from ...bench import Bench, telegram
from ..mock_client import LINGERS
from .listening import (
    CLEAR,
    LIMIT,
    Answers,
    Slow,
    command,
    device_id,
    errors,
    listening,
    mocked,
)


@LINGERS
async def test_newest_command_of_each_owner_survives_a_flood(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """All are answered, few are executed, by one task."""
    await listening(bench)
    slow = Slow(hass)
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 1, "owner": "first"}')
    await slow.called.wait()
    tasks = len(asyncio.all_tasks())
    for n in range(1000):
        fields = {"charge_current": 1 + n % 50, "owner": f"o{n % 5}"}
        async_fire_mqtt_message(hass, LIMIT, json.dumps(fields))
    for n in range(5):
        fields = {"charge_current": n, "owner": f"o{n}"}
        async_fire_mqtt_message(hass, LIMIT, json.dumps(fields))
    assert len(asyncio.all_tasks()) <= tasks + 1
    slow.go_on.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(slow.data) == 6
    assert slow.last == {"first": 1, **{f"o{n}": n for n in range(5)}}
    received = answers()
    unanswered = sum(each.get("unanswered", 0) for each in received)
    assert len(received) + unanswered == 1006
    assert errors(received) == {None: 6, "replaced": 1000 - unanswered}


@LINGERS
async def test_few_commands_of_a_slow_flood_are_executed(
    hass: HomeAssistant,
    bench: Bench,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home Assistant reads a message per loop turn; more must be read first."""
    monkeypatch.setattr(commands, "PAUSE", 1e6)
    await listening(bench)
    calls = mocked(hass, "limit_current")
    for n in range(300):
        async_fire_mqtt_message(hass, LIMIT, f'{{"charge_current": {n % 40}}}')
        await asyncio.sleep(0)
    assert [call.data["charge_current"] for call in calls] == [0]
    [worker] = [e for e in asyncio.all_tasks() if "MQTT commands" in e.get_name()]
    worker.cancel()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert errors(answers()) == {None: 1, "replaced": 298}
    # The next message finds the worker idle, and the newest is executed
    monkeypatch.undo()
    await command(hass, LIMIT, '{"charge_current": 3, "owner": "other"}')
    assert [call.data["charge_current"] for call in calls] == [0, 299 % 40, 3]


@LINGERS
async def test_first_of_too_many_owners_are_executed(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """The others are answered with busy; afterwards it accepts commands as before."""
    await listening(bench)
    slow = Slow(hass)
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 1, "owner": "first"}')
    await slow.called.wait()
    for n in range(200):
        fields = {"charge_current": 30, "owner": f"o{n}"}
        async_fire_mqtt_message(hass, LIMIT, json.dumps(fields))
    # The newest of a waiting owner counts although the queue is full
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 0, "owner": "o7"}')
    slow.go_on.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(slow.data) == 33
    assert slow.last == {"first": 1} | {f"o{n}": 30 for n in range(32)} | {"o7": 0}
    received = answers()
    assert errors(received) == {None: 33, "busy": 168, "replaced": 1}
    [busy, *_] = [each for each in received if each.get("error") == "busy"]
    assert (busy["accepted"], busy["fields"]["owner"]) == (False, "o32")
    await command(hass, LIMIT, '{"charge_current": 1, "owner": "late"}')
    assert slow.last["late"] == 1


@LINGERS
async def test_invalid_command_replaces_nothing(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """The owner's older command, which lowers, is executed."""
    await listening(bench)
    slow = Slow(hass)
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 1, "owner": "first"}')
    await slow.called.wait()
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 0, "owner": "EMS"}')
    for wrong in (
        {"charge_current": -50},
        {"charge_current": "0"},
        {"charge_current": 5, "charge_power": 5},
        {"charge_current": 5, "duration": 0},
        {"charge_current": 5, "device_id": "my_b1"},
        {"charge_current": 5, "duration": "soon"},
    ):
        async_fire_mqtt_message(hass, LIMIT, json.dumps({"owner": "EMS"} | wrong))
    # A device has several names, and an owner may have spaces around it
    later = {"charge_current": 5, "owner": " EMS ", "device_id": device_id(hass, "gw")}
    async_fire_mqtt_message(hass, LIMIT, json.dumps(later))
    async_fire_mqtt_message(hass, LIMIT, json.dumps(later | {"charge_current": 3}))
    slow.go_on.set()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [each["charge_current"] for each in slow.data] == [1, 3]
    assert errors(answers()) == {
        None: 2,
        "replaced": 2,
        "refused": 4,
        "invalid_value": 1,
        "unknown_device": 1,
    }


@LINGERS
async def test_engine_keeps_running_during_a_flood(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """By the real actions: a battery's data reaches the inverter between commands."""
    await bench.battery("b1").inverter("i1").start(options={"mqtt_commands": True})
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    for n in range(500):
        fields = {"charge_current": 20 + n % 20, "owner": f"o{n % 14}"}
        async_fire_mqtt_message(hass, LIMIT, json.dumps(fields))
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 15, "owner": "o3"}')
    bench.send("b1", telegram(dcl=10.0))
    await bench.receives("i1", 15.0, 10.0)
    await hass.async_block_till_done(wait_background_tasks=True)
    received = answers()
    unanswered = sum(each.get("unanswered", 0) for each in received)
    assert len(received) + unanswered == 501
    assert all(len(json_dumps(each).encode()) <= 1024 for each in received)
    held = {
        each.owner: each.amps
        for each in bench.runtime.setpoint_manager.setpoints.temporary_limits
    }
    newest = {f"o{n % 14}": 20.0 + n % 20 for n in range(500)} | {"o3": 15.0}
    assert held == newest


@LINGERS
async def test_failing_command_holds_up_no_other(
    hass: HomeAssistant,
    bench: Bench,
    answers: Answers,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is answered, and logged as our own error."""
    await listening(bench)
    mocked(hass, "limit_current", raise_exception=RuntimeError("what is that"))
    cleared = mocked(hass, "clear_limit")
    async_fire_mqtt_message(hass, LIMIT, '{"charge_current": 1}')
    await command(hass, CLEAR, "{}")
    assert errors(answers()) == {"failed": 1, None: 1}
    assert len(cleared) == 1
    assert "A command over MQTT failed" in caplog.text
    caplog.clear()
