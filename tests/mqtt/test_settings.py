"""Topics of each gateway, battery and inverter."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    Interface,
    PortConfig,
)
from custom_components.bms_gateway.mqtt.settings import (
    MAX_TOPIC_LENGTH,
    may_be_topic,
    mqtt_settings,
    topic_ids,
)
from homeassistant.core import HomeAssistant


def add(hass: HomeAssistant, title: str, **options: Any) -> MockConfigEntry:
    """Add a gateway that is not running."""
    entry = MockConfigEntry(domain=DOMAIN, title=title, options=options)
    entry.add_to_hass(hass)
    return entry


def batteries(*names: str) -> list[BatteryConfig]:
    """Return batteries whose ids are numbers."""
    port = PortConfig(Interface.VIRTUAL, "x")
    return [
        BatteryConfig(id=str(place), name=name, port=port, capacity_ah=100)
        for place, name in enumerate(names)
    ]


def test_without_options_the_defaults_apply(hass: HomeAssistant) -> None:
    """It publishes under its name, every 10 s, and accepts no commands."""
    settings = mqtt_settings(hass, add(hass, "Großer Keller"))
    assert settings.enabled
    assert settings.prefix == "bms_gateway/grosser_keller"
    assert settings.state_topics == ("bms_gateway/grosser_keller/state",)
    assert settings.status_topic == "bms_gateway/grosser_keller/status"
    assert settings.interval == 10
    assert not settings.commands


def test_daemon_topic_is_a_second_topic(hass: HomeAssistant) -> None:
    """Its readers keep working; the topics below the prefix stay complete."""
    settings = mqtt_settings(
        hass, add(hass, "A", mqtt_state_topic="tele/bms/state", mqtt_prefix="home/bank")
    )
    assert settings.state_topics == ("home/bank/state", "tele/bms/state")


def test_equal_topics_are_published_once(hass: HomeAssistant) -> None:
    """No reader gets everything twice."""
    settings = mqtt_settings(
        hass, add(hass, "A", mqtt_state_topic="bms_gateway/a/state")
    )
    assert settings.state_topics == ("bms_gateway/a/state",)


def test_empty_fields_are_defaults(hass: HomeAssistant) -> None:
    """A browser may send an empty text for a cleared field."""
    settings = mqtt_settings(hass, add(hass, "A", mqtt_prefix="", mqtt_state_topic=""))
    assert settings.prefix == "bms_gateway/a"
    assert settings.state_topics == ("bms_gateway/a/state",)


@pytest.mark.parametrize(
    ("options", "prefix", "state_topic"),
    [
        ({}, "bms_gateway/bank_2", None),
        ({"mqtt_prefix": "p"}, "p_2", None),
        ({"mqtt_state_topic": "s"}, "bms_gateway/bank_2", "s_2"),
    ],
)
def test_gateways_do_not_share_topics(
    hass: HomeAssistant, options: dict[str, Any], prefix: str, state_topic: str | None
) -> None:
    """Two states on one topic would read as a bank that jumps."""
    first, second = (add(hass, "Bank", **options) for _ in range(2))
    before = mqtt_settings(hass, first)
    assert before.prefix == prefix.removesuffix("_2")
    settings = mqtt_settings(hass, second)
    assert settings.prefix == prefix
    assert settings.state_topic == state_topic
    assert not set(settings.state_topics) & set(before.state_topics)


def test_taken_number_is_skipped() -> None:
    """With any names of batteries."""
    ids = topic_ids(batteries("Cellar", "cellar 2", "Cellar", "Cellar"))
    assert list(ids.values()) == ["cellar", "cellar_2", "cellar_3", "cellar_4"]
    assert list(ids) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "topic",
    ["", "bms", "tele/bms/state", "a//b", "Haus/Keller 1", "x" * MAX_TOPIC_LENGTH],
)
def test_valid_topics_are_accepted(topic: str) -> None:
    """Empty is the default."""
    assert may_be_topic(topic)


@pytest.mark.parametrize(
    "topic",
    ["#", "a/#", "a/+/b", "$SYS/x", "/a", "a/", "a\0b", "a\nb", "x" * 201],
)
def test_invalid_topics_are_rejected(topic: str) -> None:
    """A broker would close the connection of the whole Home Assistant."""
    assert not may_be_topic(topic)
