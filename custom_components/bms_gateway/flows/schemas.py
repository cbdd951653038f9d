"""The forms of every flow as tables: fields, ranges and sections."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    FileSelector,
    FileSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from ..config_entry import CONF_BITRATE, CONF_BRING_UP, CONF_CHANNEL, CONF_INTERFACE
from ..const import (
    CONF_UPDATE_INTERVAL,
    DEFAULT_UPDATE_INTERVAL,
    SUBENTRY_BATTERY,
    SUBENTRY_INVERTER,
)
from ..current_sensors import CONF_CURRENT_SENSOR
from ..engine.config import (
    DEFAULT_BITRATE,
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    LossPolicy,
    Profile,
    SendMode,
    Strategy,
)
from ..mqtt.settings import (
    CONF_MQTT_COMMANDS,
    CONF_MQTT_ENABLED,
    CONF_MQTT_INTERVAL,
    CONF_MQTT_PREFIX,
    CONF_MQTT_STATE_TOPIC,
    MQTT_DEFAULTS,
    may_be_topic,
)
from .forms import Field, Form

CONF_BACKUP: Final = "backup"
"""The question whether the inverters supply the house when the grid is off."""
WITH_GRID: Final = {"discharge_grace": 0.0}
"""Seconds; where the grid supplies the house, a stop of discharge does no harm."""

CONF_CONNECTION: Final = "connection"
CONF_FILE: Final = "file"
CONF_GATEWAY: Final = "gateway"
CONF_REPORTED: Final = "reported_current"
CONF_STRATEGY: Final = "strategy"
NEW: Final = "new"
"""The choice of a new gateway."""


class Choice(StrEnum):
    """The choices below the connections of this machine."""

    MANUAL = "manual"
    RESCAN = "rescan"
    SKIP = "skip"


BITRATES: Final = (125_000, 250_000, 500_000, 1_000_000)
"""bit/s; the bitrates of CAN equipment of any kind."""


class Reported(StrEnum):
    """The current that each of several inverters of the daemon is sent."""

    SHARE = "share"
    """Its own part, as of the limit."""
    FILE = "file"
    """By I-SCALING, which is the whole bank's current unless it was changed."""


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
    # Without min and max: the selector would reject input in English, with a text of
    # its own
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step="any")
    if unit:
        config["unit_of_measurement"] = unit
    return Field(
        key=key,
        selector=NumberSelector(config),
        valid=lambda value: lowest <= value <= highest,  # false for NaN
        own_error=error,
    )


def _choice(key: str, options: type[StrEnum]) -> Field:
    config = SelectSelectorConfig(options=list(options), translation_key=key)
    return Field(key=key, selector=SelectSelector(config), show=str)


def _listed(key: str, labels: Mapping[str, str]) -> Field:
    config = SelectSelectorConfig(
        options=[
            SelectOptionDict(value=value, label=label)
            for value, label in labels.items()
        ],
        mode=SelectSelectorMode.LIST,
    )
    return Field(key=key, selector=SelectSelector(config))


def _yes_no(key: str) -> Field:
    return Field(key=key, selector=BooleanSelector())


def _current_sensor(key: str) -> Field:
    config = EntitySelectorConfig(
        filter={"domain": "sensor", "device_class": SensorDeviceClass.CURRENT}
    )
    return Field(key=key, selector=EntitySelector(config))


_NAME: Final = _text(CONF_NAME)
_PORT_USE: Final = (
    Field(
        key=CONF_BITRATE,
        selector=SelectSelector(
            SelectSelectorConfig(
                options=[str(bitrate) for bitrate in BITRATES],
                translation_key=CONF_BITRATE,
            )
        ),
        clean=int,
        show=str,
    ),
    _yes_no(CONF_BRING_UP),
)
USE_KEYS: Final = tuple(field.key for field in _PORT_USE)
"""The fields about the use of a connection, asked for every one."""
_PORT_DEFAULTS: Final = {
    CONF_INTERFACE: Interface.SOCKETCAN,
    CONF_CHANNEL: None,
    CONF_BITRATE: DEFAULT_BITRATE,
    CONF_BRING_UP: True,
}

MANUAL_FORM: Final = Form(
    fields=(
        _choice(CONF_INTERFACE, Interface),
        Field(key=CONF_CHANNEL, selector=TextSelector(), clean=str.strip),
    ),
    rare=_PORT_USE,
    defaults=_PORT_DEFAULTS,
)


def connection_form(labels: Mapping[str, str]) -> Form:
    """Return the form with the connections of this machine to choose from."""
    return Form(
        fields=(_listed(CONF_CONNECTION, labels),),
        rare=_PORT_USE,
        defaults=_PORT_DEFAULTS,
    )


def gateway_choice(names: Mapping[str, str]) -> Form:
    """Return the form with the gateways to choose from."""
    field = _listed(CONF_GATEWAY, names)
    return Form(fields=(field,), defaults={})


NAME_FORM: Final = Form(fields=(_NAME,), defaults={})

GATEWAY_FORM: Final = Form(
    fields=(_NAME, _yes_no(CONF_BACKUP)), defaults={CONF_BACKUP: True}
)

UPLOAD_FORM: Final = Form(
    fields=(
        Field(
            key=CONF_FILE,
            # Not every system knows the type of a .toml file
            selector=FileSelector(FileSelectorConfig(accept=".toml,text/*")),
        ),
    ),
    defaults={},
)


def daemon_import_form(*, several: bool) -> Form:
    """Return the questions next to the daemon's file; `several` inverters or not."""
    reported = (_choice(CONF_REPORTED, Reported),) if several else ()
    return Form(
        fields=(
            _NAME,
            _choice(CONF_STRATEGY, Strategy),
            *reported,
            _yes_no(CONF_BACKUP),
            _yes_no(CONF_BRING_UP),
        ),
        defaults={
            CONF_STRATEGY: Strategy.SHARE,
            CONF_REPORTED: Reported.SHARE,
            CONF_BACKUP: True,
            CONF_BRING_UP: True,
        },
    )


DEVICE_FORMS: Final[Mapping[str, Form]] = {
    SUBENTRY_BATTERY: Form(
        fields=(_NAME, _number("capacity_ah", "Ah", 0.1, 100_000)),
        rare=(
            _number("poll_interval", "s", 0.5, 60),
            _number("timeout", "s", 3, 300),
        ),
        defaults=_defaults(BatteryConfig),
    ),
    SUBENTRY_INVERTER: Form(
        fields=(
            _NAME,
            _number("rated_charge", "A", 1, 10_000),
            _number("rated_discharge", "A", 1, 10_000),
            _choice("profile", Profile),
            _choice("mode", SendMode),
        ),
        rare=(
            _number("min_send_interval", "s", 0, 10),
            _number("prompt_interval", "s", 0.5, 60),
            _number("current_factor", "", -10, 10),
            _number("current_offset", "A", -1000, 1000),
            _number("timeout", "s", 5, 3600, "invalid_inverter_timeout"),
            _number("reaction_time", "s", 0, 120),
            _number("no_response_after", "s", 60, 86_400),
            _yes_no("exact_dlc"),
            _current_sensor(CONF_CURRENT_SENSOR),
            _yes_no("stop_by_soc"),
        ),
        defaults=_defaults(InverterConfig) | {CONF_CURRENT_SENSOR: None},
    ),
}

OPTIONS_FORM: Final = Form(
    fields=(
        _choice(CONF_STRATEGY, Strategy),
        _choice("charge_loss_policy", LossPolicy),
        _choice("discharge_loss_policy", LossPolicy),
        _number("discharge_grace", "s", 0, 1800),  # limits: up to 30 min
        _number("total_charge", "A", 1, 100_000),
        _number("total_discharge", "A", 1, 100_000),
    ),
    rare=(
        _number("start_timeout", "s", 1, 600),
        _number("bridge", "s", 0, 60),
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
