"""Parses a command: accepts any bytes, returns only valid fields."""

from collections.abc import Callable, Mapping
import math
from typing import TYPE_CHECKING, Any, Final

from homeassistant.util.json import JSON_DECODE_EXCEPTIONS, json_loads

if TYPE_CHECKING:
    from homeassistant.components.mqtt.models import ReceiveMessage

MAX_PAYLOAD: Final = 4096
"""Bytes; several times the longest useful command."""

type Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def _is_duration(value: Any) -> bool:
    """Return whether it is a text, seconds, or numbers by unit, of any range."""
    if isinstance(value, dict):
        return bool(value) and all(map(_is_number, value.values()))
    return _is_text(value) or _is_number(value)


_KEYS: Final[Mapping[str, Mapping[str, Check]]] = {
    "limit": {
        "device_id": _is_text,
        "charge_current": _is_number,
        "discharge_current": _is_number,
        "charge_power": _is_number,
        "discharge_power": _is_number,
        "duration": _is_duration,
        "until_cleared": lambda value: isinstance(value, bool),
        "owner": _is_text,
    },
    "clear": {"device_id": _is_text, "owner": _is_text, "direction": _is_text},
}


class RejectedCommand(Exception):
    """A command without effect. `code` is for programs, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        """Store the code and the text."""
        super().__init__(text)
        self.code = code


def read_command(command: str, message: ReceiveMessage) -> dict[str, Any]:
    """Return the fields of a command as they came.

    Raises RejectedCommand for a retained one, for one that is too long, and for
    anything but an object of known keys and usable values. The action checks ranges and
    combinations.
    """
    if message.retain:
        raise RejectedCommand("retained", "Retained: it would come again and again")
    if len(message.payload) > MAX_PAYLOAD:
        raise RejectedCommand("too_long", f"More than {MAX_PAYLOAD} bytes")
    try:
        fields = json_loads(message.payload)
    except JSON_DECODE_EXCEPTIONS as err:
        raise RejectedCommand("not_json", f"Not JSON: {err}") from err
    if not isinstance(fields, dict):
        raise RejectedCommand("not_an_object", "Not a JSON object")
    checks = _KEYS[command]
    for key, value in fields.items():
        if key not in checks:
            raise RejectedCommand("unknown_key", f"Unknown key: {key}")
        if not checks[key](value):
            raise RejectedCommand("invalid_value", f"Not a value for {key}: {value!r}")
    return fields
