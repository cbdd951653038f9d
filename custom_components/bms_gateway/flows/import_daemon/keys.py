"""The keys of a bms_config.toml: stored names, the daemon's defaults, and checks.

Source: the configuration classes of ul-gh/bms_gateway and its example file.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import voluptuous as vol

from ...const import SUBENTRY_BATTERY, SUBENTRY_INVERTER
from ...engine.presets import SendMode
from ..forms.form import fields_of
from ..forms.schemas import DEVICE_FORMS, OPTIONS_FORM

KINDS: Final = {"[[bmses-in]]": SUBENTRY_BATTERY, "[[bmses-out]]": SUBENTRY_INVERTER}
"""The sections that may occur several times, and what each of them becomes."""


LIMITS: Final = "I-LIM-"
"""The beginning of the names of current limits, in A."""


def normal(name: str) -> str:
    """Return a key in this module's form: `-` and `_` are the same, and so is case.

    The daemon itself is stricter; no two keys can be confused.
    """
    return name.replace("_", "-").upper()


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise vol.Invalid("no_number")
    try:
        return float(value)
    except OverflowError as error:  # TOML integers may be longer than a float holds
        raise vol.Invalid("no_number") from error


def _typed[T](expected: type[T], problem: str) -> Callable[[Any], T]:
    def check(value: Any) -> T:
        if not isinstance(value, expected):
            raise vol.Invalid(problem)
        return value

    return check


_yes_no: Final = _typed(bool, "no_yes_no")
_text: Final = vol.All(_typed(str, "no_text"), str.strip)
_filled: Final = vol.All(_text, vol.Length(min=1, msg="no_text"))


def _mode(value: Any) -> str:
    return (SendMode.REPLY if _yes_no(value) else SendMode.PUSH).value


def _required(name: str, becomes: str) -> vol.Required:
    return vol.Required(name, msg="missing", description=becomes)


def _key(name: str, becomes: str = "", default: Any = vol.UNDEFINED) -> vol.Optional:
    """Return a key that may be missing, with the daemon's default."""
    return vol.Optional(name, default=default, description=becomes)


KEYS: Final[Mapping[str, Mapping[vol.Marker, Callable[[Any], Any]]]] = {
    "": {_key("GATEWAY-ACTIVATED", default=False): _yes_no},
    "[mqtt]": {
        _key("ACTIVATED", "mqtt_enabled", default=True): _yes_no,
        _key("TOPIC", "mqtt_state_topic", "tele/bms/state"): _filled,
        _key("BROKER"): _text,
        _key("PORT"): _number,
        _key("INTERVAL", "mqtt_interval", 10.0): _number,
    },
    "[battery]": {
        _key("I-LIM-CHARGE", "total_charge", 700.0): _number,
        _key("I-LIM-DISCHARGE", "total_discharge", 700.0): _number,
        _key("I-TOT-SCALING", "current_factor", 1.0): _number,
        _key("I-TOT-OFFSET", "current_offset", 0.0): _number,
    },
    "[[bmses-in]]": {
        _required("CAN-IF", "channel"): _filled,
        _key("DESCRIPTION", default=""): _text,
        _required("CAPACITY-AH", "capacity_ah"): _number,
        _key("POLL-INTERVAL", "poll_interval"): _number,
    },
    "[[bmses-out]]": {
        _required("CAN-IF", "channel"): _filled,
        _key("DESCRIPTION", default=""): _text,
        _key("I-LIM-CHARGE", "rated_charge", 300.0): _number,
        _key("I-LIM-DISCHARGE", "rated_discharge", 300.0): _number,
        _key("I-SCALING", "current_factor", 1.0): _number,
        _key("I-OFFSET", "current_offset", 0.0): _number,
        _key("PUSH-MIN-DELAY", "min_send_interval"): _number,
        _key("SEND-SYNC-ACTIVATED", "mode", default=False): _mode,
        _key("SYNC-INTERVAL", "prompt_interval"): _number,
    },
}
"""The keys of each section, with stored names, the daemon's defaults and types."""


def _schema(head: str) -> vol.Schema:
    """Return the schema of a section, with the ranges of the forms' fields."""
    form, flow = OPTIONS_FORM, "options"
    if kind := KINDS.get(head):
        form, flow = DEVICE_FORMS[kind], "config"
    fields = {field.key: field for field in fields_of(form)}

    def in_range(key: vol.Marker, value: Any) -> Any:
        if value == 0 and str(key).startswith(LIMITS):
            raise vol.Invalid("zero")
        field = fields.get(key.description or "")
        if field and (error := field.error(value)):
            raise vol.Invalid(f"{flow}.error.{error}")
        return value

    checks = KEYS[head].items()
    return vol.Schema({k: vol.All(check, partial(in_range, k)) for k, check in checks})


SCHEMAS: Final = {head: _schema(head) for head in KEYS}
