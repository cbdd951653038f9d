"""Fixtures of the tests of publishing."""

import json

import pytest
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from .messages import Look, Message


@pytest.fixture
def sent(mqtt_mock: MqttMockHAClient) -> Look:
    """Return the messages published since the last call."""

    def look() -> list[Message]:
        found = [
            (
                call.args[0],
                json.loads(call.args[1]),
                call.args[3],
                call.kwargs["message_expiry_interval"],
            )
            for call in mqtt_mock.async_publish.call_args_list
        ]
        mqtt_mock.async_publish.reset_mock()
        return found

    return look
