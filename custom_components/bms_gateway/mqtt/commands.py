"""Commands over MQTT: they do what the actions do, and each one is answered."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
import math
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol

from homeassistant.core import HomeAssistant, ServiceResponse, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.json import json_dumps
from homeassistant.util.json import JSON_DECODE_EXCEPTIONS, json_loads

from ..const import DOMAIN
from ..services import SERVICE_CLEAR_LIMIT, SERVICE_LIMIT_CURRENT
from .settings import MqttSettings, topic_ids

if TYPE_CHECKING:
    from homeassistant.components.mqtt.models import ReceiveMessage

    from ..coordinator import BmsGatewayConfigEntry
    from .broker import Broker

OWNER: Final = "mqtt"
"""Whose limit it is where a command does not say."""

ACTIONS: Final[Mapping[str, str]] = {
    "limit": SERVICE_LIMIT_CURRENT,
    "clear": SERVICE_CLEAR_LIMIT,
}
"""By the last part of a command's topic."""

type Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def _is_duration(value: Any) -> bool:
    """Return whether it is a text, seconds, or numbers by unit; its range is not."""
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


class Refused(Exception):
    """A command that changes nothing. `code` is for programs, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        """Say why."""
        super().__init__(text)
        self.code = code


def read_command(command: str, message: ReceiveMessage) -> dict[str, Any]:
    """Return the fields of a command as they came.

    Raises Refused for a retained one, and for anything but an object of known keys
    and usable values. Ranges and what goes together are the action's business.
    """
    if message.retain:
        raise Refused("retained", "Retained: it would come again and again")
    try:
        fields = json_loads(message.payload)
    except JSON_DECODE_EXCEPTIONS as err:
        raise Refused("not_json", f"Not JSON: {err}") from err
    if not isinstance(fields, dict):
        raise Refused("not_an_object", "Not a JSON object")
    checks = _KEYS[command]
    for key, value in fields.items():
        if key not in checks:
            raise Refused("unknown_key", f"Unknown key: {key}")
        if not checks[key](value):
            raise Refused("invalid_value", f"Not a value for {key}: {value!r}")
    return fields


class Commands:
    """Takes the commands for one gateway."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BmsGatewayConfigEntry,
        broker: Broker,
        settings: MqttSettings,
    ) -> None:
        """Take none before `async_start`."""
        self._hass = hass
        self._entry = entry
        self._broker = broker
        self._prefix = f"{settings.prefix}/set"
        self._in_turn = asyncio.Lock()
        self._ended = False
        self._undo: list[Callable[[], None]] = []
        self._subscribed = False

    @callback
    def async_start(self) -> None:
        """Take commands as soon as there is a connection, and from then on."""
        self._undo.append(self._broker.on_connection(self._connection_changed))
        self._connection_changed(self._broker.connected)

    @callback
    def async_end(self) -> None:
        """Take no more commands."""
        # Not by unsubscribing alone: Home Assistant subscribes anew for those that
        # were there before its MQTT was reloaded
        self._ended = True
        while self._undo:
            self._undo.pop()()

    @callback
    def _connection_changed(self, connected: bool) -> None:
        if connected and not self._subscribed:
            # Once: Home Assistant keeps subscriptions over lost connections
            self._subscribed = True
            self._entry.async_create_background_task(
                self._hass, self._subscribe(), "MQTT subscriptions"
            )

    async def _subscribe(self) -> None:
        for command in ACTIONS:
            topic = f"{self._prefix}/{command}"
            take = partial(self._take, command)
            self._undo.append(await self._broker.async_subscribe(topic, take))

    @callback
    def _take(self, command: str, message: ReceiveMessage) -> None:
        if not self._ended:
            self._entry.async_create_task(
                self._hass, self._obey(command, message), f"MQTT command {command}"
            )

    async def _obey(self, command: str, message: ReceiveMessage) -> None:
        answer: dict[str, Any] = {"command": command, "accepted": False}
        try:
            fields = read_command(command, message)
            answer["fields"] = fields
            async with self._in_turn:
                done = await self._act(command, fields)
        except Refused as refused:
            answer |= {"error": refused.code, "message": str(refused)}
        except (vol.Invalid, HomeAssistantError) as err:
            answer |= {"error": "refused", "message": str(err)}
        else:
            answer |= {"accepted": True, **(done or {})}
        self._tell(answer)

    async def _act(self, command: str, fields: Mapping[str, Any]) -> ServiceResponse:
        """Do what the action does; return the limits that are live then."""
        target = {"device_id": self._device_id(fields.get("device_id"))}
        return await self._hass.services.async_call(
            DOMAIN,
            ACTIONS[command],
            {"owner": OWNER, **fields, **target},
            blocking=True,
            return_response=True,
        )

    def _device_id(self, wanted: str | None) -> str:
        """Return the registry's id of the gateway or of an inverter of it.

        An inverter may be named as in topics. Other gateways' devices are out of
        reach: who may publish here need not be allowed to publish there.
        """
        entry, config = self._entry, self._entry.runtime_data.config
        names = {entry.entry_id: None, **topic_ids(config.inverters)}
        for key, name in names.items():
            device_id = dr.async_get_device_id_by_identifier(
                self._hass, (DOMAIN, key), config_entry_id=entry.entry_id
            )
            if wanted in {name, device_id}:
                return device_id
        raise Refused("unknown_device", f"No inverter of this gateway: {wanted}")

    @callback
    def _tell(self, answer: Mapping[str, Any]) -> None:
        if self._ended:
            return
        self._entry.async_create_background_task(
            self._hass,
            self._broker.async_publish(f"{self._prefix}/result", json_dumps(answer)),
            "MQTT answer",
        )
