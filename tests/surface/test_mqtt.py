"""MQTT: topics, how they are published, and the keys of payloads, with the daemon's."""

import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from homeassistant.core import HomeAssistant

from ..bench import Bench
from .house import settle, start, use
from .outline import names, outline, without_ids
from .snapshot import check

SET = "bms_gateway/bank/set"


def subscribed(mqtt_mock: MqttMockHAClient) -> set[str]:
    """Return the topics to which Home Assistant has subscribed."""
    return {each.topic for each in mqtt_mock._mock_wraps.subscriptions}


@pytest.mark.parametrize("expected_lingering_timers", [True])  # of the mocked client
async def test_mqtt_topics_and_keys_match_the_snapshot(
    hass: HomeAssistant, bench: Bench, mqtt_mock: MqttMockHAClient
) -> None:
    """From the start to the end, with commands that are accepted and refused."""
    messages: list[Any] = mqtt_mock.async_publish.call_args_list
    others = subscribed(mqtt_mock)
    await start(bench, mqtt_commands=True, mqtt_state_topic="tele/bms/state")
    await settle(bench)
    await use(bench)
    limit = {"charge_current": 100, "duration": 60, "device_id": "my_i1"}
    commands: list[tuple[str, Any]] = [
        ("limit", limit),
        ("limit", {}),
        ("clear", {"device_id": "nobody"}),
        ("clear", {}),
    ]
    for name, fields in commands:
        async_fire_mqtt_message(hass, f"{SET}/{name}", json.dumps(fields))
        await hass.async_block_till_done(wait_background_tasks=True)
    await settle(bench)
    own = subscribed(mqtt_mock) - others
    assert await hass.config_entries.async_unload("gw")

    payloads: dict[str, list[Any]] = {}
    how: dict[str, set[str]] = {}
    for message in messages:
        topic, payload, qos, retain = message.args
        topic = without_ids(topic)
        payloads.setdefault(topic, []).append(json.loads(payload))
        expiry = message.kwargs["message_expiry_interval"]
        how.setdefault(topic, set()).add(f"{qos=} {retain=} {expiry=}")
    same: dict[str, list[str]] = {}
    for topic, each in sorted(payloads.items()):
        same.setdefault(json.dumps(outline(each)), []).append(topic)
    errors = {each["error"] for each in payloads[f"{SET}/result"] if "error" in each}
    check(
        "mqtt",
        {
            "subscribed": names(own),
            "published": {topic: names(each) for topic, each in how.items()},
            "payloads": {", ".join(on): json.loads(each) for each, on in same.items()},
            "errors": names(errors),
        },
    )
