"""A broker that is lost, refuses messages, or is old."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.bms_gateway.engine.model import Status
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ...bench import Bench
from ..mock_client import LINGERS
from .messages import EVERYTHING, STATE, STATUS, Look, connection, on, running, topics

pytestmark = LINGERS


async def test_lost_broker_delays_nothing(
    hass: HomeAssistant, bench: Bench, sent: Look, mqtt_mock: MqttMockHAClient
) -> None:
    """When it is back, the state of that time is published."""
    await running(bench)
    await connection(hass, mqtt_mock, False)
    sent()
    await bench.send_telegrams("b1", ccl=20.0)
    await bench.receives("i1", 20.0, 50.0)
    await bench.tick(31)
    assert sent() == []
    await connection(hass, mqtt_mock, True)
    messages = sent()
    assert set(topics(messages)) == {STATUS, *EVERYTHING}
    assert on(STATE, messages)[0]["i_lim_charge"] == 20


async def test_publishing_error_is_logged_once(
    bench: Bench,
    sent: Look,
    mqtt_mock: MqttMockHAClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And once when it is over; the gateway continues."""
    await running(bench)
    mqtt_mock.async_publish.side_effect = HomeAssistantError("no")
    for _ in range(3):
        await bench.tick(11)
    assert caplog.text.count("Cannot publish over MQTT: no") == 1
    fault = ServiceValidationError("no", translation_key="another")
    mqtt_mock.async_publish.side_effect = fault
    await bench.tick(31)
    assert caplog.text.count("Cannot publish over MQTT") == 1
    mqtt_mock.async_publish.side_effect = None
    for _ in range(2):
        await bench.tick(11)
    assert caplog.text.count("Publishing over MQTT works again") == 1
    assert bench.snapshot.status is Status.RUNNING


async def test_old_broker_gets_no_expiry(
    hass: HomeAssistant,
    bench: Bench,
    sent: Look,
    mqtt_mock: MqttMockHAClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """MQTT 3.1.1 has none: tried once per connection, without a log entry."""
    fault = ServiceValidationError(
        translation_domain="mqtt",
        translation_key="mqtt_message_expiry_interval_not_supported",
    )

    async def publish(
        *_: Any, message_expiry_interval: int | None = None, **__: Any
    ) -> None:
        if message_expiry_interval is not None:
            raise fault

    mqtt_mock.async_publish.side_effect = publish
    await running(bench, mqtt_interval=3600.0)
    assert [m[3] for m in sent() if m[0] == STATUS][:2] == [90, None]
    await bench.tick(31)
    assert [message[2:] for message in sent() if message[0] == STATUS] == [(True, None)]
    await connection(hass, mqtt_mock, True)
    assert [m[3] for m in sent() if m[0] == STATUS] == [90, None]
    assert "Cannot publish" not in caplog.text
