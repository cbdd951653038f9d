"""The forms of every flow as tables: fields, ranges, and what stands in a section."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)

from .const import (
    CONF_UPDATE_INTERVAL,
    DEFAULT_UPDATE_INTERVAL,
    SUBENTRY_BATTERY,
    SUBENTRY_INVERTER,
)
from .engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    LossPolicy,
    PortConfig,
    Profile,
    SendMode,
    Strategy,
)
from .entry import CONF_BITRATE, CONF_CHANNEL, CONF_INTERFACE
from .form import Field, Form
from .mqtt.settings import (
    CONF_MQTT_COMMANDS,
    CONF_MQTT_ENABLED,
    CONF_MQTT_INTERVAL,
    CONF_MQTT_PREFIX,
    CONF_MQTT_STATE_TOPIC,
    MQTT_DEFAULTS,
    may_be_topic,
)

CONF_BACKUP: Final = "backup"
"""The question whether the inverters supply the house when the grid is off."""

BITRATES: Final = (125_000, 250_000, 500_000, 1_000_000)
"""bit/s; what CAN equipment of any kind is set to."""


def _defaults(*models: type) -> dict[str, Any]:
    return {
        field.name: field.default
        for model in models
        for field in fields(model)
        if field.default is not MISSING
    }


def _text(key: str) -> Field:
    return Field(key=key, selector=TextSelector(), clean=str.strip, valid=bool)


def _topic(key: str) -> Field:
    return Field(key=key, selector=TextSelector(), clean=str.strip, valid=may_be_topic)


def _number(
    key: str, unit: str, lowest: float, highest: float, error: str | None = None
) -> Field:
    # Without min and max: the selector would refuse in English, in words of its own
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step="any")
    if unit:
        config["unit_of_measurement"] = unit
    return Field(
        key=key,
        selector=NumberSelector(config),
        valid=lambda value: lowest <= value <= highest,  # neither holds for NaN
        own_error=error,
    )


def _choice(key: str, options: type[StrEnum]) -> Field:
    config = SelectSelectorConfig(options=list(options), translation_key=key)
    return Field(key=key, selector=SelectSelector(config), show=str)


def _yes_no(key: str) -> Field:
    return Field(key=key, selector=BooleanSelector())


_BITRATE = Field(
    key=CONF_BITRATE,
    selector=SelectSelector(
        SelectSelectorConfig(
            options=[str(bitrate) for bitrate in BITRATES],
            translation_key=CONF_BITRATE,
        )
    ),
    clean=int,
    show=str,
)
_NAME: Final = _text(CONF_NAME)
_PORT: Final = (_choice(CONF_INTERFACE, Interface), _text(CONF_CHANNEL), _BITRATE)
_PORT_DEFAULTS: Final = {
    **_defaults(PortConfig),
    CONF_INTERFACE: Interface.SOCKETCAN,
}

PORT_KEYS: Final = frozenset(field.key for field in _PORT)

NAME_FORM: Final = Form(fields=(_NAME,), defaults={})

GATEWAY_FORM: Final = Form(
    fields=(_NAME, _yes_no(CONF_BACKUP)), defaults={CONF_BACKUP: True}
)

DEVICE_FORMS: Final[Mapping[str, Form]] = {
    SUBENTRY_BATTERY: Form(
        fields=(_NAME, *_PORT, _number("capacity_ah", "Ah", 0.1, 100_000)),
        rare=(
            _number("poll_interval", "s", 0.5, 60),
            _number("timeout", "s", 3, 300),
        ),
        defaults=_PORT_DEFAULTS | _defaults(BatteryConfig),
    ),
    SUBENTRY_INVERTER: Form(
        fields=(
            _NAME,
            *_PORT,
            _number("rated_charge", "A", 1, 10_000),
            _number("rated_discharge", "A", 1, 10_000),
            _choice("profile", Profile),
            _choice("mode", SendMode),
        ),
        rare=(
            _number("min_gap", "s", 0, 10),
            _number("prompt_interval", "s", 0.5, 60),
            _number("current_factor", "", -10, 10),
            _number("current_offset", "A", -1000, 1000),
            _number("timeout", "s", 5, 3600, "invalid_inverter_timeout"),
            _number("reaction_time", "s", 0, 120),
            _yes_no("exact_dlc"),
        ),
        defaults=_PORT_DEFAULTS | _defaults(InverterConfig),
    ),
}

OPTIONS_FORM: Final = Form(
    fields=(
        _choice("strategy", Strategy),
        _choice("charge_loss_policy", LossPolicy),
        _choice("discharge_loss_policy", LossPolicy),
        _number("discharge_grace", "s", 0, 1800),  # limits: up to 30 min
        _number("total_charge", "A", 1, 100_000),
        _number("total_discharge", "A", 1, 100_000),
    ),
    rare=(
        _number("start_timeout", "s", 1, 600),
        _number("current_factor", "", 0.1, 10),
        _number("current_offset", "A", -1000, 1000),
        _number(CONF_UPDATE_INTERVAL, "s", 1, 3600),
        _yes_no("forward_requests"),
        _yes_no("block_at_end"),
    ),
    mqtt=(
        _yes_no(CONF_MQTT_ENABLED),
        _topic(CONF_MQTT_PREFIX),
        _topic(CONF_MQTT_STATE_TOPIC),
        _number(CONF_MQTT_INTERVAL, "s", 1, 3600),
        _yes_no(CONF_MQTT_COMMANDS),
    ),
    defaults={
        **_defaults(GatewayConfig),
        CONF_UPDATE_INTERVAL: DEFAULT_UPDATE_INTERVAL,
        **MQTT_DEFAULTS,
    },
)
