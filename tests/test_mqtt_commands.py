"""Commands over MQTT: what they do, what is refused, and that each is answered."""

import asyncio
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
from custom_components.bms_gateway.mqtt.commands import Refused, read_command
from custom_components.bms_gateway.mqtt.payload import Report
from homeassistant.components.mqtt.models import ReceiveMessage
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr

from .bench import Bench

# Home Assistant's mock of an MQTT client leaves a timer behind
LINGERS = pytest.mark.parametrize("expected_lingering_timers", [True])

LIMIT = "bms_gateway/bank/set/limit"
CLEAR = "bms_gateway/bank/set/clear"
RESULT = "bms_gateway/bank/set/result"
STATUS = "bms_gateway/bank/status"

type Answers = Callable[[], list[dict[str, Any]]]


def message(payload: bytes, *, retain: bool = False) -> ReceiveMessage:
    """Return a message as Home Assistant hands it over."""
    return ReceiveMessage(LIMIT, payload, 0, retain, LIMIT, 0.0)


@pytest.fixture
def answers(mqtt_mock: MqttMockHAClient) -> Answers:
    """Return the answers since the last look; none is retained."""

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
    """Start a gateway with two inverters that takes commands."""
    bench.battery("b1").inverter("i1").inverter("i2")
    return await bench.start(options={"mqtt_commands": True} | options)


def device_id(hass: HomeAssistant, key: str) -> str:
    """Return an id of the registry."""
    return dr.async_get_device_id_by_identifier(
        hass, (DOMAIN, key), config_entry_id="gw"
    )


async def say(
    hass: HomeAssistant, topic: str, payload: str | bytes, *, retain: bool = False
) -> None:
    """Send a command and wait until it was obeyed or refused."""
    async_fire_mqtt_message(hass, topic, payload, retain=retain)
    await hass.async_block_till_done(wait_background_tasks=True)


def mocked(hass: HomeAssistant, action: str, **how: Any) -> list[ServiceCall]:
    """Put another action in its place; return its calls."""
    return async_mock_service(
        hass,
        DOMAIN,
        action,
        response={"leases": []},
        supports_response=SupportsResponse.OPTIONAL,
        **how,
    )


# What they do -----------------------------------------------------------------


@LINGERS
async def test_a_limit_is_the_action_s(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """Its fields go on as they are, for this gateway, in the name of mqtt."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    fields = {"charge_current": 20, "discharge_power": 500.5, "duration": 600}
    await say(hass, LIMIT, json.dumps(fields))
    [call] = calls
    gateway = {"device_id": device_id(hass, "gw"), "owner": "mqtt"}
    assert call.data == fields | gateway
    assert answers() == [
        {"command": "limit", "accepted": True, "fields": fields, "leases": []}
    ]


@LINGERS
async def test_a_limit_ends(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """One owner's, in one direction."""
    await listening(bench)
    calls = mocked(hass, "clear_limit")
    await say(hass, CLEAR, '{"owner": "evcc", "direction": "charge"}')
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
async def test_an_inverter_is_named_as_in_topics_or_in_the_registry(
    hass: HomeAssistant, bench: Bench, answers: Answers, by_topic: bool
) -> None:
    """The registry's id is what the action takes."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    wanted = "my_i2" if by_topic else device_id(hass, "i2")
    await say(hass, LIMIT, json.dumps({"device_id": wanted, "charge_current": 5}))
    assert [call.data["device_id"] for call in calls] == [device_id(hass, "i2")]


@LINGERS
async def test_the_gateway_may_be_named(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """As in the action."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    gateway = device_id(hass, "gw")
    await say(hass, LIMIT, json.dumps({"device_id": gateway, "charge_current": 5}))
    assert [call.data["device_id"] for call in calls] == [gateway]


@LINGERS
async def test_commands_are_obeyed_in_their_order(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """The last one holds, however long an earlier one takes."""
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
        async_fire_mqtt_message(hass, LIMIT, f'{{"charge_current": {amps}}}')
    await hass.async_block_till_done()
    assert obeyed == [5, 1, 0]


@LINGERS
async def test_the_inverters_are_told_until_the_limit_ends(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """By the real actions, from the message to the wire."""
    await bench.battery("b1").inverter("i1").start(options={"mqtt_commands": True})
    await bench.online("b1")
    await bench.told("i1", 50.0, 50.0)
    await say(hass, LIMIT, '{"charge_current": 20, "discharge_current": 10}')
    await bench.told("i1", 20.0, 10.0)
    [answer] = answers()
    assert answer["accepted"]
    assert {(each["direction"], each["current"]) for each in answer["leases"]} == {
        ("charge", 20),
        ("discharge", 10),
    }
    assert {each["owner"] for each in answer["leases"]} == {"mqtt"}
    state = Report(bench.snapshot, bench.coordinator.config, 0.0).state()
    assert state["charge_limited_by"] == "lease"
    await say(hass, CLEAR, '{"direction": "charge"}')
    [answer] = answers()
    assert [each["direction"] for each in answer["leases"]] == ["discharge"]
    await bench.until(
        lambda: all(
            lease.direction == "discharge"
            for lease in bench.coordinator.keeper.setpoints.leases
        )
    )


@LINGERS
@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (LIMIT, "{}"),
        (LIMIT, '{"charge_current": -1}'),
        (LIMIT, '{"charge_current": 1e9}'),
        (LIMIT, '{"charge_current": 1, "charge_power": 1}'),
        (LIMIT, '{"charge_current": 1, "duration": 1e300}'),
        (LIMIT, '{"charge_current": 1, "duration": 0}'),
        (LIMIT, '{"charge_current": 1, "duration": "soon"}'),
        (LIMIT, '{"charge_current": 1, "duration": {"fortnights": 1}}'),
        (LIMIT, '{"charge_current": 1, "duration": 60, "until_cleared": true}'),
        (CLEAR, "{}"),
        (CLEAR, '{"direction": "up"}'),
    ],
)
async def test_what_makes_no_sense_is_refused_by_the_real_actions(
    hass: HomeAssistant, bench: Bench, answers: Answers, topic: str, payload: str
) -> None:
    """And answered; nothing is changed."""
    await listening(bench)
    before = bench.coordinator.keeper.setpoints
    await say(hass, topic, payload)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "refused")
    assert answer["message"]
    assert bench.coordinator.keeper.setpoints == before


# What is refused ------------------------------------------------------------------


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
        (b'{"until_cleared": 1}', "invalid_value"),
        (b'{"owner": " "}', "invalid_value"),
        (b'{"current": 20}', "unknown_key"),
        (b'{"direction": "charge"}', "unknown_key"),
        (b'{"device_id": "my_b1", "charge_current": 5}', "unknown_device"),
        (b'{"device_id": "elsewhere", "charge_current": 5}', "unknown_device"),
    ],
)
async def test_nonsense_is_refused(
    hass: HomeAssistant, bench: Bench, answers: Answers, payload: bytes, error: str
) -> None:
    """With an answer that says why; nothing is called."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    await say(hass, LIMIT, payload)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, error)
    assert answer["message"]
    assert calls == []


@LINGERS
async def test_retained_commands_are_refused(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """They would come again at every reconnect."""
    await listening(bench)
    calls = mocked(hass, "limit_current")
    await say(hass, LIMIT, '{"charge_current": 20}', retain=True)
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "retained")
    assert calls == []


@LINGERS
async def test_another_gateway_s_device_is_out_of_reach(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """Who may publish here need not be allowed to publish there."""
    await listening(bench)
    other = MockConfigEntry(domain=DOMAIN, title="Other")
    other.add_to_hass(hass)
    theirs = dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id, identifiers={(DOMAIN, other.entry_id)}
    )
    calls = mocked(hass, "limit_current")
    await say(hass, LIMIT, json.dumps({"device_id": theirs.id, "charge_current": 1}))
    assert answers()[0]["error"] == "unknown_device"
    assert calls == []


@LINGERS
@pytest.mark.parametrize(
    "fault",
    [vol.Invalid("what is that"), ServiceValidationError("what is that")],
)
async def test_what_the_action_refuses_is_answered(
    hass: HomeAssistant, bench: Bench, answers: Answers, fault: Exception
) -> None:
    """In its words."""
    await listening(bench)
    mocked(hass, "limit_current", raise_exception=fault)
    await say(hass, LIMIT, '{"charge_current": 20}')
    [answer] = answers()
    assert (answer["accepted"], answer["error"]) == (False, "refused")
    assert answer["message"] == "what is that"
    assert answer["fields"] == {"charge_current": 20}


@given(st.binary())
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    """Whatever is published, nothing else is raised."""
    with suppress(Refused):
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
    except Refused:
        return
    assert read == fields
    assert "x" not in read
    assert type(read.get("charge_current", 0)) in {int, float}
    assert type(read.get("owner", "")) is str
    assert type(read.get("until_cleared", True)) is bool


# When they are taken ------------------------------------------------------------------


@LINGERS
async def test_commands_are_an_option(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """Switched on and off while the gateway runs."""
    await listening(bench, mqtt_commands=False)
    calls = mocked(hass, "limit_current")
    await say(hass, LIMIT, '{"charge_current": 1}')
    hass.config_entries.async_update_entry(bench.entry, options={"mqtt_commands": True})
    await hass.async_block_till_done(wait_background_tasks=True)
    await say(hass, LIMIT, '{"charge_current": 2}')
    hass.config_entries.async_update_entry(bench.entry, options={})
    await hass.async_block_till_done(wait_background_tasks=True)
    await say(hass, LIMIT, '{"charge_current": 3}')
    assert [call.data["charge_current"] for call in calls] == [2]
    assert [answer["fields"] for answer in answers()] == [{"charge_current": 2}]


@LINGERS
async def test_after_unload_none_is_taken(
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
    await say(hass, LIMIT, '{"charge_current": 1}')
    take(message(b'{"charge_current": 1}'))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert calls == []
    assert answers() == []


@LINGERS
async def test_a_command_at_the_very_end_is_not_answered(
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
async def test_a_reload_takes_each_command_once(
    hass: HomeAssistant, bench: Bench, answers: Answers
) -> None:
    """The gateway before it has gone."""
    await listening(bench)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    calls = mocked(hass, "limit_current")
    await say(hass, LIMIT, '{"charge_current": 1}')
    assert len(calls) == len(answers()) == 1
