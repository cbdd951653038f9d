"""Commands over MQTT: effects, rejections, and answers."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_mqtt_message,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
import voluptuous as vol

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.mqtt import commands
from custom_components.bms_gateway.mqtt.parsing import RejectedCommand, read_command
from custom_components.bms_gateway.mqtt.payload import Report
from homeassistant.components.mqtt.models import ReceiveMessage
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.json import json_dumps

from ..bench import Bench, telegram

# Home Assistant's mock of an MQTT client leaves a timer behind
LINGERS = pytest.mark.parametrize("expected_lingering_timers", [True])

LIMIT = "bms_gateway/bank/set/limit"
CLEAR = "bms_gateway/bank/set/clear"
RESULT = "bms_gateway/bank/set/result"
STATUS = "bms_gateway/bank/status"

type Answers = Callable[[], list[dict[str, Any]]]


def message(payload: bytes, *, retain: bool = False) -> ReceiveMessage:
    """Return a message as Home Assistant passes it on."""
    return ReceiveMessage(LIMIT, payload, 0, retain, LIMIT, 0.0)


@pytest.fixture
def answers(mqtt_mock: MqttMockHAClient) -> Answers:
    """Return the answers since the last call; none is retained."""

    def look() -> list[dict[str, Any]]:
        calls = [
            call
            for call in mqtt_mock.async_publish.call_args_list
            if call.args[0] == RESULT
        ]
        mqtt_mock.async_publish.reset_mock()
        assert not any(call.args[3] for call in calls)
        return [json.loads(call.args[1]) for call in calls]

    return look


async def listening(bench: Bench, **options: Any) -> Bench:
    """Start a gateway with two inverters that accepts commands."""
    bench.battery("b1").inverter("i1").inverter("i2")
    return await bench.start(options={"mqtt_commands": True} | options)


def device_id(hass: HomeAssistant, key: str) -> str:
    """Return a device id of the registry."""
    return dr.async_get_device_id_by_identifier(
        hass, (DOMAIN, key), config_entry_id="gw"
    )


async def command(
    hass: HomeAssistant, topic: str, payload: str | bytes, *, retain: bool = False
) -> None:
    """Send a command and wait until it was executed or rejected."""
    async_fire_mqtt_message(hass, topic, payload, retain=retain)
    await hass.async_block_till_done(wait_background_tasks=True)


def mocked(hass: HomeAssistant, action: str, **how: Any) -> list[ServiceCall]:
    """Replace an action; return its calls."""
    return async_mock_service(
        hass,
        DOMAIN,
        action,
        response={"temporary_limits": []},
        supports_response=SupportsResponse.OPTIONAL,
        **how,
    )


# Effects -----------------------------------------------------------------------


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


@LINGERS
@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (LIMIT, "{}"),
        (LIMIT, '{"charge_current": -1.1}'),
        (LIMIT, '{"charge_current": 5, "discharge_power": -1000}'),
        (LIMIT, '{"charge_current": 5, "owner": "a\\u202eb"}'),
        (LIMIT, '{"charge_current": 1, "charge_power": 1}'),
        (LIMIT, '{"charge_current": 1, "duration": 1e300}'),
        (LIMIT, '{"charge_current": 1, "duration": 0}'),
        (LIMIT, '{"charge_current": 1, "duration": "soon"}'),
        (LIMIT, '{"charge_current": 1, "duration": {"fortnights": 1}}'),
        (LIMIT, '{"charge_current": 1, "duration": 60, "until_cleared": true}'),
        (CLEAR, '{"owner": "a\\nb"}'),
        (CLEAR, '{"direction": "up"}'),
    ],
)
async def test_invalid_values_are_rejected_by_the_real_actions(
    hass: HomeAssistant, bench: Bench, answers: Answers, topic: str, payload: str
) -> None:
    """And answered; nothing changes."""
    await listening(bench)
    before = bench.runtime.setpoint_manager.setpoints
    await command(hass, topic, payload)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "refused")
    assert answer["message"]
    assert bench.runtime.setpoint_manager.setpoints == before


# Rejections -------------------------------------------------------------------------


@LINGERS
@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "not_json"),
        (b"20", "not_an_object"),
        (b"[]", "not_an_object"),
        (b'{"charge_current": 20', "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"charge_current": NaN}', "not_json"),
        (b'{"charge_current": 1e999}', "not_json"),
        (b'{"charge_current": Infinity}', "not_json"),
        (b'{"charge_current": "NaN"}', "invalid_value"),
        (b'{"charge_current": "20"}', "invalid_value"),
        (b'{"charge_current": true}', "invalid_value"),
        (b'{"discharge_power": null}', "invalid_value"),
        (b'{"duration": {"minutes": "nan"}}', "invalid_value"),
        (b'{"duration": []}', "invalid_value"),
        (b'{"duration": true}', "invalid_value"),
        (b'{"until_cleared": 1}', "invalid_value"),
        (b'{"charge_current": 5}' + b" " * 4096, "too_long"),
        (b"[" * 4000, "not_json"),
        (b"x" * 1_000_000, "too_long"),
        (b'{"owner": " "}', "invalid_value"),
        (b'{"current": 20}', "unknown_key"),
        (b'{"direction": "charge"}', "unknown_key"),
        (b'{"device_id": "my_b1", "charge_current": 5}', "unknown_device"),
        (b'{"device_id": "elsewhere", "charge_current": 5}', "unknown_device"),
    ],
)
async def test_invalid_command_is_rejected(
    hass: HomeAssistant, bench: Bench, answers: Answers, payload: bytes, error: str
) -> None:
    """With a reason; nothing is called."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    await command(hass, LIMIT, payload)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, error)
    assert answer["message"]
    assert calls == []


@LINGERS
async def test_retained_commands_are_rejected(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """They would come again at every reconnect."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    await command(hass, LIMIT, '{"charge_current": 20}', retain=True)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "retained")
    assert calls == []


@LINGERS
async def test_other_gateways_devices_are_out_of_reach(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """A client that may publish here need not be allowed to publish there."""
    await listening(bench)
    other = MockConfigEntry(domain=DOMAIN, title="Other")
    other.add_to_hass(hass)
    theirs = dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id, identifiers={(DOMAIN, other.entry_id)}
    )
    calls = mocked(hass, "limit_current")
    await command(
        hass, LIMIT, json.dumps({"device_id": theirs.id, "charge_current": 1})
    )
    assert answers()[0]["error"] == "unknown_device"
    assert calls == []


@LINGERS
@pytest.mark.parametrize(
    "fault",
    [vol.Invalid("what is that"), ServiceValidationError("what is that")],
)
async def test_rejection_by_the_action_is_answered(
    hass: HomeAssistant, bench: Bench, answers: Answers, fault: Exception
) -> None:
    """In its words."""
    await listening(bench)
    mocked(hass, "limit_current", raise_exception=fault)
    await command(hass, LIMIT, '{"charge_current": 20}')
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "refused")
    assert answer["message"] == "what is that"
    assert answer["fields"] == {"charge_current": 20}


@given(st.binary())
def test_any_bytes_are_parsed_or_rejected(payload: bytes) -> None:
    """Nothing else is raised, whatever is published."""
    with suppress(RejectedCommand):
        assert isinstance(read_command("limit", message(payload)), dict)


@given(
    st.dictionaries(
        st.sampled_from(["charge_current", "duration", "owner", "until_cleared", "x"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.floats(),
            st.text(max_size=5),
            st.lists(st.integers(), max_size=1),
            st.dictionaries(st.text(max_size=5), st.floats(), max_size=1),
        ),
    )
)
def test_only_known_keys_with_usable_values_pass(fields: dict[str, Any]) -> None:
    """Numbers are numbers, texts are texts."""
    try:
        read = read_command("limit", message(json.dumps(fields).encode()))
    except RejectedCommand:
        return
    assert read == fields
    assert "x" not in read
    assert type(read.get("charge_current", 0)) in {int, float}
    assert type(read.get("owner", "")) is str
    assert type(read.get("until_cleared", True)) is bool


# When commands are accepted -----------------------------------------------------------


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


# Floods
# ----------------------------------------------------------------------------------


class Slow:
    """A slow action that records its calls."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Replace the limit action."""
        self.called = asyncio.Event()
        self.go_on = asyncio.Event()
        self.data: list[dict[str, Any]] = []
        hass.services.async_register(
            DOMAIN,
            "limit_current",
            self._execute,
            supports_response=SupportsResponse.ONLY,
        )

    async def _execute(self, call: ServiceCall) -> ServiceResponse:
        self.data.append(dict(call.data))
        self.called.set()
        await self.go_on.wait()
        return {"temporary_limits": []}

    @property
    def last(self) -> dict[str, float]:
        """Return the final value of each owner."""
        return {each["owner"]: each["charge_current"] for each in self.data}


def errors(answers: list[dict[str, Any]]) -> Counter[str | None]:
    """Return the number of answers by error; None: accepted."""
    return Counter(answer.get("error") for answer in answers)


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
async def test_repeated_command_is_accepted(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """And so is clearing twice, and more than the rating."""
    await listening(bench)
    same = '{"charge_power": 6000, "discharge_current": -0.4, "until_cleared": true}'
    for topic, payload in ((CLEAR, "{}"), (LIMIT, same), (LIMIT, same)):
        await command(hass, topic, payload)
    cleared, first, again = answers()
    assert cleared == {
        "command": "clear",
        "accepted": True,
        "fields": {},
        "temporary_limits": [],
    }
    assert first == again
    assert first["accepted"] is True
    assert first["adjusted"] == [
        {"field": "discharge_current", "requested": -0.4, "set": 0.0},
    ]
    await command(hass, LIMIT, '{"charge_power": 6000.1}')
    [answer] = answers()
    assert answer["adjusted"] == [
        {"field": "charge_power", "requested": 6000.1, "set": 6000.0}
    ]


@LINGERS
@pytest.mark.parametrize("letter", ["x", "電"])
async def test_every_answer_is_short(
    hass: HomeAssistant, bench: Bench, answers: Answers, letter: str
) -> None:
    """However many limits are active, and whatever was sent."""
    await listening(bench)
    for n in range(16):
        fields = {"charge_current": 9, "discharge_power": 9, "owner": f"{n:02}"}
        await command(
            hass, LIMIT, json.dumps(fields | {"owner": f"{n:02}{letter * 98}"})
        )
    junk: list[dict[str, Any]] = [
        {"owner": "x" * 3900},
        {"y" * 3000: 1},
        {"duration": {"z" * 3000: 1}},
    ]
    for fields in junk:
        await command(hass, LIMIT, json.dumps({"charge_current": 1} | fields))
    received = answers()
    assert [each["accepted"] for each in received] == [True] * 16 + [False] * 3
    assert all(len(json_dumps(each).encode()) <= 1024 for each in received)
    last = received[15]
    assert len(last["temporary_limits"]) + last["more_temporary_limits"] == 32
    assert last["temporary_limits"][0]["owner"].startswith("15")


@LINGERS
@pytest.mark.parametrize("owner", [{}, {"owner": "  Car "}])
async def test_short_answer_starts_with_the_owners_limit(
    hass: HomeAssistant, bench: Bench, answers: Answers, owner: dict[str, str]
) -> None:
    """Also if the command names no owner, or one with spaces around it."""
    await listening(bench)
    for n in range(15):
        fields = {"charge_current": 20 + n, "owner": f"{n:02}{'x' * 90}"}
        await command(hass, LIMIT, json.dumps(fields))
    await command(hass, LIMIT, json.dumps({"charge_current": 7} | owner))
    last = answers()[-1]
    assert last["more_temporary_limits"] > 0
    assert last["temporary_limits"][0]["owner"] == owner.get("owner", "mqtt").strip()
