"""Fixtures of the tests of commands."""

import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from .listening import RESULT, Answers


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
