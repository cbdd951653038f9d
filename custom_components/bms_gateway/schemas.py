"""The forms of every flow as tables: fields, ranges, and what stands in a section."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast

import voluptuous as vol

from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    Selector,
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
from .mqtt.settings import (
    CONF_MQTT_COMMANDS,
    CONF_MQTT_ENABLED,
    CONF_MQTT_INTERVAL,
    CONF_MQTT_PREFIX,
    CONF_MQTT_STATE_TOPIC,
    MQTT_DEFAULTS,
    may_be_topic,
)

if TYPE_CHECKING:
    import probatio

CONF_BACKUP: Final = "backup"
"""The question whether the inverters supply the house when the grid is off."""

SECTION_RARE: Final = "rare"
SECTION_MQTT: Final = "mqtt"

BITRATES: Final = (125_000, 250_000, 500_000, 1_000_000)
"""bit/s; what CAN equipment of any kind is set to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question of a form; a bad answer is the error `invalid_<key>`."""

    key: str
    selector: Selector[Any]
    clean: Callable[[Any], Any] = lambda typed: typed
    """From what was typed to what is stored."""
    show: Callable[[Any], Any] = lambda stored: stored
    """From what is stored to what the selector takes."""
    valid: Callable[[Any], bool] = lambda _: True

    def marker(
        self, defaults: Mapping[str, Any], values: Mapping[str, Any]
    ) -> vol.Marker:
        """Return its schema key; a field whose default is None may stay empty."""
        description = None
        if self.key in values:
            description = {"suggested_value": self.show(values[self.key])}
        default = defaults.get(self.key, MISSING)
        if default is MISSING:
            return vol.Required(self.key, description=description)
        if default is None:
            return vol.Optional(self.key, description=description)
        shown = self.show(default)
        return vol.Required(self.key, default=shown, description=description)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of one step; those of a section are folded up at first."""

    fields: tuple[Field, ...]
    rare: tuple[Field, ...] = ()
    mqtt: tuple[Field, ...] = ()
    defaults: Mapping[str, Any]

    @property
    def sections(self) -> dict[str, tuple[Field, ...]]:
        """Return the fields of each section that the step has."""
        sections = {SECTION_RARE: self.rare, SECTION_MQTT: self.mqtt}
        return {name: inside for name, inside in sections.items() if inside}

    def without(self, keys: Iterable[str]) -> Form:
        """Return the form without some of its fields."""
        left = tuple(field for field in self.fields if field.key not in keys)
        return replace(self, fields=left)

    def read(self, typed: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return what would be stored of what was typed, right or wrong, flat."""
        if typed is None:
            return {}
        flat = dict(typed)
        for name in self.sections:
            flat |= typed.get(name, {})
        return {
            field.key: field.clean(flat[field.key])
            for field in self._all
            if field.key in flat
        }

    def errors(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong with what `read` returned.

        A wrong field of a section is told at that: Home Assistant's frontend shows
        no error inside a section.
        """
        places = {
            field.key: name
            for name, inside in self.sections.items()
            for field in inside
        }
        return {
            places.get(field.key, field.key): f"invalid_{field.key}"
            for field in self._all
            if field.key in values and not field.valid(values[field.key])
        }

    def schema(
        self, values: Mapping[str, Any], errors: Iterable[str] = ()
    ) -> probatio.Schema:
        """Return the schema filled with `values`; a section with an error is open."""
        shown: dict[vol.Marker, Any] = self._questions(self.fields, values)
        for name, inside in self.sections.items():
            shown[vol.Required(name)] = section(
                _schema(self._questions(inside, values)),
                {"collapsed": name not in errors},
            )
        return _schema(shown)

    def merge(
        self, stored: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return `stored` with the form's answers: a field left empty is removed."""
        asked = {field.key for field in self._all}
        return {k: v for k, v in stored.items() if k not in asked} | dict(values)

    @property
    def _all(self) -> tuple[Field, ...]:
        return (*self.fields, *self.rare, *self.mqtt)

    def _questions(
        self, asked: Iterable[Field], values: Mapping[str, Any]
    ) -> dict[vol.Marker, Any]:
        return {field.marker(self.defaults, values): field.selector for field in asked}


def _schema(questions: dict[vol.Marker, Any]) -> probatio.Schema:
    # Home Assistant serves probatio under the name voluptuous; mypy sees the latter
    return cast("probatio.Schema", vol.Schema(questions))


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


def _number(key: str, unit: str, lowest: float, highest: float) -> Field:
    # Without min and max: the selector would refuse in English, in words of its own
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step="any")
    if unit:
        config["unit_of_measurement"] = unit
    return Field(
        key=key,
        selector=NumberSelector(config),
        valid=lambda value: lowest <= value <= highest,  # neither holds for NaN
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
