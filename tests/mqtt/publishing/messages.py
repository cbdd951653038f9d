"""A running gateway, its connection to the broker, and the messages it publishes."""

from collections.abc import Callable
from typing import Any

from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from homeassistant.components.mqtt.const import MQTT_CONNECTION_STATE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send

from ...bench import Bench

type Message = tuple[str, Any, bool, int | None]
"""Topic, payload, whether it is retained, seconds until it expires."""
type Look = Callable[[], list[Message]]

PREFIX = "bms_gateway/bank"
STATE = f"{PREFIX}/state"
STATUS = f"{PREFIX}/status"
EVERYTHING = {STATE, f"{PREFIX}/batteries/my_b1", f"{PREFIX}/inverters/my_i1"}


def topics(messages: list[Message]) -> list[str]:
    """Return the topics alone."""
    return [message[0] for message in messages]


def on(topic: str, messages: list[Message]) -> list[Any]:
    """Return the payloads on one topic."""
    return [payload for each, payload, *_ in messages if each == topic]


async def running(bench: Bench, **options: Any) -> Bench:
    """Start a gateway with a battery and an inverter that is sent limits."""
    await bench.battery("b1").inverter("i1").start(options=options)
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    await bench.until(lambda: bench.snapshot.inverters["i1"].listening is True)
    return bench


async def connection(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, connected: bool
) -> None:
    """Lose the connection to the broker, or restore it."""
    mqtt_mock.connected = connected
    async_dispatcher_send(hass, MQTT_CONNECTION_STATE, connected)
    await hass.async_block_till_done()
