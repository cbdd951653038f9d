"""The MQTT settings of a gateway, and its topics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import slugify

from ..const import DOMAIN
from ..engine.config import BatteryConfig, InverterConfig

CONF_MQTT_ENABLED: Final = "mqtt_enabled"
CONF_MQTT_PREFIX: Final = "mqtt_prefix"
CONF_MQTT_STATE_TOPIC: Final = "mqtt_state_topic"
CONF_MQTT_INTERVAL: Final = "mqtt_interval"
CONF_MQTT_COMMANDS: Final = "mqtt_commands"

MQTT_DEFAULTS: Final[Mapping[str, Any]] = {
    CONF_MQTT_ENABLED: True,  # as in the daemon; idle without a broker
    CONF_MQTT_PREFIX: None,
    CONF_MQTT_STATE_TOPIC: None,
    CONF_MQTT_INTERVAL: 10.0,  # as in the daemon
    CONF_MQTT_COMMANDS: False,
}

MAX_TOPIC_LENGTH: Final = 200
"""Characters; MQTT allows far more, people do not read longer ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """The MQTT settings of one gateway. `interval` in seconds."""

    enabled: bool
    prefix: str
    state_topic: str | None
    """A second topic for the state, in addition to `<prefix>/state`."""
    interval: float
    commands: bool

    @property
    def state_topics(self) -> tuple[str, ...]:
        """Return every topic with the state."""
        topics = dict.fromkeys((f"{self.prefix}/state", self.state_topic))
        return tuple(topic for topic in topics if topic)

    @property
    def status_topic(self) -> str:
        """Return the topic with the online status."""
        return f"{self.prefix}/status"


def mqtt_settings(hass: HomeAssistant, entry: ConfigEntry) -> MqttSettings:
    """Return the settings of a gateway.

    Of gateways that would share a topic, all but the first get a number after it.
    """
    entries = hass.config_entries.async_entries(DOMAIN)
    place = entries.index(entry)
    options = [_options(each) for each in entries[: place + 1]]
    own = options[-1]
    prefixes = (
        each[CONF_MQTT_PREFIX] or f"{DOMAIN}/{slugify(of.title)}"
        for each, of in zip(options, entries, strict=False)
    )
    topics = (each[CONF_MQTT_STATE_TOPIC] or "" for each in options)
    return MqttSettings(
        enabled=own[CONF_MQTT_ENABLED],
        prefix=_distinct(prefixes)[-1],
        state_topic=_distinct(topics)[-1] if own[CONF_MQTT_STATE_TOPIC] else None,
        interval=own[CONF_MQTT_INTERVAL],
        commands=own[CONF_MQTT_COMMANDS],
    )


def topic_ids(devices: Iterable[BatteryConfig | InverterConfig]) -> dict[str, str]:
    """Return the topic names of batteries (or inverters) by their ids.

    That is the name in lower case; of equal names all but the first get a number.
    """
    all_ = tuple(devices)
    names = _distinct(slugify(device.name) for device in all_)
    return {device.id: name for device, name in zip(all_, names, strict=True)}


def may_be_topic(text: str) -> bool:
    """Return whether a text can be a topic or prefix; empty: the default."""
    return (
        len(text) <= MAX_TOPIC_LENGTH
        and text.isprintable()
        and not text.startswith(("$", "/"))
        and not text.endswith("/")
        and not {"+", "#"} & set(text)
    )


def _options(entry: ConfigEntry) -> Mapping[str, Any]:
    return {**MQTT_DEFAULTS, **entry.options}


def _distinct(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found
