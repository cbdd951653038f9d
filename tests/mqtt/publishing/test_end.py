"""The end of a gateway: only that it is offline is published."""

import asyncio
from typing import Any
from unittest.mock import patch

from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant

from ...bench import Bench
from ..mock_client import LINGERS
from .messages import STATE, STATUS, Look, connection, on, running, topics

pytestmark = LINGERS


async def test_only_offline_is_published_after_unload(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Retained, and for good."""
    await running(bench)
    sent()
    assert await hass.config_entries.async_unload("gw")
    await hass.async_block_till_done()
    [(topic, payload, retain, expiry)] = sent()
    assert topic == STATUS
    assert (payload["status"], payload["reason"]) == ("offline", "stopped")
    assert (retain, expiry) == (True, None)
    await bench.tick(61)
    assert sent() == []


async def test_offline_is_published_at_the_end_of_home_assistant(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """Once, with its own reason."""
    await running(bench)
    sent()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    [(topic, payload, retain, _)] = sent()
    assert (topic, retain) == (STATUS, True)
    assert (payload["status"], payload["reason"]) == (
        "offline",
        "home_assistant_stopped",
    )


async def test_reload_publishes_offline_and_online(
    hass: HomeAssistant, bench: Bench, sent: Look
) -> None:
    """And publishes once, not twice."""
    await running(bench)
    sent()
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    assert [status["status"] for status in on(STATUS, sent())][:2] == [
        "offline",
        "online",
    ]
    await bench.tick(11)
    assert topics(sent()).count(STATE) == 1


async def test_stuck_broker_does_not_hold_up_the_end(
    hass: HomeAssistant, bench: Bench, mqtt_mock: MqttMockHAClient
) -> None:
    """The gateway is silent on CAN at once; MQTT gets 2 s for its last message."""
    await running(bench)

    async def wait(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    mqtt_mock.async_publish.side_effect = wait
    with patch("custom_components.bms_gateway.mqtt.publisher.LAST_MESSAGE_TIME", 0.01):
        assert await hass.config_entries.async_unload("gw")


async def test_gateway_without_a_broker_ends(
    hass: HomeAssistant, bench: Bench, sent: Look, mqtt_mock: MqttMockHAClient
) -> None:
    """Without a message."""
    await running(bench)
    await connection(hass, mqtt_mock, False)
    sent()
    assert await hass.config_entries.async_unload("gw")
    await connection(hass, mqtt_mock, True)
    assert sent() == []
