"""The forms of every flow as tables: fields, ranges and sections."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    FileSelector,
    FileSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
)

from ...config_entry import (
    BY_PRESET,
    CONF_BITRATE,
    CONF_BRING_UP,
    CONF_CHANNEL,
    CONF_INTERFACE,
    CONF_MAKE,
    CONF_NOMINAL,
)
from ...const import (
    CONF_UPDATE_INTERVAL,
    DEFAULT_UPDATE_INTERVAL,
    SUBENTRY_BATTERY,
    SUBENTRY_INVERTER,
)
from ...current_sensors import CONF_CURRENT_SENSOR
from ...engine.config import (
    DEFAULT_BITRATE,
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    LossPolicy,
    Strategy,
)
from ...engine.model import Dialect
from ...engine.model.nominal_voltage import NOMINAL_VOLTAGES
from ...engine.presets import FrameLength, Make, SendMode
from ...mqtt.settings import (
    CONF_MQTT_COMMANDS,
    CONF_MQTT_ENABLED,
    CONF_MQTT_INTERVAL,
    CONF_MQTT_PREFIX,
    CONF_MQTT_STATE_TOPIC,
    MQTT_DEFAULTS,
    may_be_topic,
)
from .fields import (
    Number,
    RequiredChoice,
    Text,
    choice,
    current_sensor,
    listed,
    optional_choice,
    voltage_choice,
)
from .form import SECTION_MQTT, SECTION_RARE, Fields, Form, make_form

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
    """Return the defaults of the engine, as they are stored."""
    return {
        field.name: getattr(field.default, "value", field.default)  # of an enum
        for model in models
        for field in fields(model)
        if field.default is not MISSING
    }


def _of_an_inverter() -> dict[str, Any]:
    """Return the defaults of an inverter: none for its make, which would be a guess.

    What is left empty is as its make needs it.
    """
    defaults = _defaults(InverterConfig) | dict.fromkeys(
        (*BY_PRESET, CONF_CURRENT_SENSOR)
    )
    del defaults[CONF_MAKE]
    return defaults


_NAME: Final = Text(bool)
_DIALECTS: Final = tuple(each for each in Dialect if each is not Dialect.UNKNOWN)
_PORT_USE: Final[Fields] = {
    SECTION_RARE: {
        CONF_BITRATE: SelectSelector(
            SelectSelectorConfig(
                options=[str(bitrate) for bitrate in BITRATES],
                translation_key=CONF_BITRATE,
            )
        ),
        CONF_BRING_UP: BooleanSelector(),
    }
}
"""The fields about the use of a connection, asked for every one."""
_PORT_DEFAULTS: Final = {
    CONF_INTERFACE: Interface.SOCKETCAN.value,
    CONF_CHANNEL: None,
    CONF_BITRATE: str(DEFAULT_BITRATE),
    CONF_BRING_UP: True,
}

MANUAL_FORM: Final = make_form(
    {
        CONF_INTERFACE: choice(CONF_INTERFACE, Interface),
        CONF_CHANNEL: Text(),
        **_PORT_USE,
    },
    _PORT_DEFAULTS,
)


def connection_form(labels: Mapping[str, str]) -> Form:
    """Return the form with the connections of this machine to choose from."""
    return make_form({CONF_CONNECTION: listed(labels), **_PORT_USE}, _PORT_DEFAULTS)


def gateway_choice(names: Mapping[str, str]) -> Form:
    """Return the form with the gateways to choose from."""
    return make_form({CONF_GATEWAY: listed(names)}, {})


NAME_FORM: Final = make_form({CONF_NAME: _NAME}, {})

GATEWAY_FORM: Final = make_form(
    {CONF_NAME: _NAME, CONF_BACKUP: BooleanSelector()}, {CONF_BACKUP: True}
)

# Not every system knows the type of a .toml file
_TOML: Final = FileSelector(FileSelectorConfig(accept=".toml,text/*"))
UPLOAD_FORM: Final = make_form({CONF_FILE: _TOML}, {})


def daemon_import_form(*, several: bool) -> Form:
    """Return the questions next to the daemon's file; `several` inverters or not."""
    reported = {CONF_REPORTED: choice(CONF_REPORTED, Reported)} if several else {}
    return make_form(
        {
            CONF_NAME: _NAME,
            CONF_STRATEGY: choice(CONF_STRATEGY, Strategy),
            **reported,
            CONF_BACKUP: BooleanSelector(),
            CONF_BRING_UP: BooleanSelector(),
        },
        {
            CONF_STRATEGY: Strategy.SHARE.value,
            CONF_REPORTED: Reported.SHARE.value,
            CONF_BACKUP: True,
            CONF_BRING_UP: True,
        },
    )


DEVICE_FORMS: Final[Mapping[str, Form]] = {
    SUBENTRY_BATTERY: make_form(
        {
            CONF_NAME: _NAME,
            "capacity_ah": Number("Ah", 0.1, 100_000),
            SECTION_RARE: {
                "poll_interval": Number("s", 0.5, 60),
                "timeout": Number("s", 3, 300),
                CONF_NOMINAL: voltage_choice(NOMINAL_VOLTAGES),
                "dialect": optional_choice("dialect", _DIALECTS),
            },
        },
        _defaults(BatteryConfig),
    ),
    SUBENTRY_INVERTER: make_form(
        {
            CONF_NAME: _NAME,
            "rated_charge": Number("A", 1, 10_000),
            "rated_discharge": Number("A", 1, 10_000),
            CONF_MAKE: RequiredChoice(CONF_MAKE, Make),
            SECTION_RARE: {
                "mode": optional_choice("mode", SendMode),
                "frame_length": optional_choice("frame_length", FrameLength),
                "min_send_interval": Number("s", 0, 10),
                "prompt_interval": Number("s", 0.5, 60),
                "current_factor": Number("", -10, 10),
                "current_offset": Number("A", -1000, 1000),
                "timeout": Number("s", 5, 3600, "invalid_inverter_timeout"),
                "reaction_time": Number("s", 0, 120),
                "no_response_after": Number("s", 60, 86_400),
                CONF_CURRENT_SENSOR: current_sensor(),
                "stop_by_soc": BooleanSelector(),
            },
        },
        _of_an_inverter(),
    ),
}

OPTIONS_FORM: Final = make_form(
    {
        CONF_STRATEGY: choice(CONF_STRATEGY, Strategy),
        "charge_loss_policy": choice("charge_loss_policy", LossPolicy),
        "discharge_loss_policy": choice("discharge_loss_policy", LossPolicy),
        "discharge_grace": Number("s", 0, 1800),  # limits: up to 30 min
        "total_charge": Number("A", 1, 100_000),
        "total_discharge": Number("A", 1, 100_000),
        SECTION_RARE: {
            "start_timeout": Number("s", 1, 600),
            "bridge": Number("s", 0, 60),
            "current_factor": Number("", 0.1, 10),
            "current_offset": Number("A", -1000, 1000),
            CONF_UPDATE_INTERVAL: Number("s", 1, 3600),
            "forward_requests": BooleanSelector(),
            "block_at_end": BooleanSelector(),
        },
        SECTION_MQTT: {
            CONF_MQTT_ENABLED: BooleanSelector(),
            CONF_MQTT_PREFIX: Text(may_be_topic),
            CONF_MQTT_STATE_TOPIC: Text(may_be_topic),
            CONF_MQTT_INTERVAL: Number("s", 1, 3600),
            CONF_MQTT_COMMANDS: BooleanSelector(),
        },
    },
    {
        **_defaults(GatewayConfig),
        CONF_UPDATE_INTERVAL: DEFAULT_UPDATE_INTERVAL,
        **MQTT_DEFAULTS,
    },
)
