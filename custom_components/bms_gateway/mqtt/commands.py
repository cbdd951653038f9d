"""Commands over MQTT: they do what the actions do, and each one is answered."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
import logging
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN
from ..engine.config import GatewayConfig
from ..engine.model import Direction
from ..services import (
    ATTR_DIRECTION,
    CLEAR_SCHEMA,
    LIMIT_SCHEMA,
    SERVICE_CLEAR_LIMIT,
    SERVICE_LIMIT_CURRENT,
)
from ..setpoints.requester import MQTT
from ..setpoints.temporary_limits import checked_owner, requested_limits
from .answers import Answers
from .command_queue import Command, CommandQueue
from .parsing import RejectedCommand, read_command
from .settings import MqttSettings, topic_ids

if TYPE_CHECKING:
    from homeassistant.components.mqtt.models import ReceiveMessage

    from ..runtime import BmsGatewayConfigEntry
    from .broker import Broker

_LOGGER = logging.getLogger(__name__)

PAUSE: Final = 0.05
"""Seconds between two commands. Home Assistant reads one message in each turn of its
loop: if commands were executed as fast as they come, all of a flood would be executed,
the last one late."""

ACTIONS: Final[Mapping[str, str]] = {
    "limit": SERVICE_LIMIT_CURRENT,
    "clear": SERVICE_CLEAR_LIMIT,
}
"""By the last part of a command's topic."""


class Commands:
    """Receives the commands for one gateway, and executes them in turn."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BmsGatewayConfigEntry,
        broker: Broker,
        settings: MqttSettings,
    ) -> None:
        """Receive none before `async_start`."""
        self._hass = hass
        self._entry = entry
        self._broker = broker
        self._prefix = f"{settings.prefix}/set"
        self._answers = Answers(hass, entry, broker, f"{self._prefix}/result")
        self._queue = CommandQueue()
        self._working = False
        self._named: tuple[GatewayConfig, Mapping[str, str]] | None = None
        self._ended = False
        self._undo: list[Callable[[], None]] = []
        self._subscribed = False

    @callback
    def async_start(self) -> None:
        """Receive commands as soon as there is a connection, and from then on."""
        self._undo.append(self._broker.on_connection(self._connection_changed))
        self._connection_changed(self._broker.connected)

    @callback
    def async_end(self) -> None:
        """Stop receiving commands."""
        # Not by unsubscribing alone: Home Assistant renews the subscriptions that
        # existed before its MQTT was reloaded
        self._ended = True
        self._queue.clear()
        self._answers.async_end()
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
        for name in ACTIONS:
            topic = f"{self._prefix}/{name}"
            receive = partial(self._receive, name)
            self._undo.append(await self._broker.async_subscribe(topic, receive))

    @callback
    def _receive(self, name: str, message: ReceiveMessage) -> None:
        """Queue a valid command; answer any other at once."""
        if self._ended:
            return
        answer: dict[str, Any] = {"command": name, "accepted": False}
        try:
            answer["fields"] = fields = read_command(name, message)
            replaced = self._queue.add(self._command(name, fields))
        except (RejectedCommand, vol.Invalid, HomeAssistantError) as err:
            self._answers.send(answer | _reason(err))
            return
        newer = RejectedCommand("replaced", "A newer command took its place")
        for each in replaced:
            older = {"command": each.name, "fields": each.fields}
            self._answers.send(answer | older | _reason(newer))
        if not self._working:
            self._working = True
            self._entry.async_create_task(self._hass, self._work(), "MQTT commands")

    async def _work(self) -> None:
        """Execute waiting commands one after the other, yielding between them."""
        try:
            await asyncio.sleep(0)
            while command := self._queue.take():
                await self._execute(command)
                await asyncio.sleep(PAUSE)
        finally:
            self._working = False

    async def _execute(self, command: Command) -> None:
        """Run the action, and answer with the temporary limits that are active then."""
        answer: dict[str, Any] = {"command": command.name, "accepted": True}
        answer["fields"] = command.fields
        try:
            done = await self._hass.services.async_call(
                DOMAIN,
                ACTIONS[command.name],
                dict(command.data),
                blocking=True,
                return_response=True,
            )
        except (vol.Invalid, HomeAssistantError) as err:
            answer |= {"accepted": False} | _reason(err)
        except Exception as err:
            # The next command belongs to another owner
            _LOGGER.exception("A command over MQTT failed")
            answer |= {"accepted": False, "error": "failed", "message": repr(err)}
        else:
            answer |= done or {}
        self._answers.send(answer, command.target[1])

    def _command(self, name: str, fields: Mapping[str, Any]) -> Command:
        """Return a validated command; raise the errors of its action.

        A newer command replaces an older one: an invalid one must not.
        """
        device_id, inverter_id = self._target(fields.get("device_id"))
        data = {"owner": MQTT, **fields, "device_id": device_id}
        owner = checked_owner(data["owner"])
        if name == "limit":
            requested = LIMIT_SCHEMA(data)
            temporary_limits = requested_limits(
                self._entry.runtime_data, inverter_id, requested, owner
            ).temporary_limits
            directions = frozenset(
                temporary_limit.direction for temporary_limit in temporary_limits
            )
        else:
            direction = CLEAR_SCHEMA(data).get(ATTR_DIRECTION)
            directions = frozenset(Direction if direction is None else (direction,))
        return Command(
            name=name,
            fields=fields,
            data=data,
            target=(device_id, owner),
            directions=directions,
        )

    def _target(self, name_or_id: str | None) -> tuple[str, str | None]:
        """Return the registry id of a device, and the inverter's id if it is one.

        An inverter may be named as in topics. Other gateways' devices are out of reach:
        a client that may publish here need not be allowed to publish there.
        """
        entry = self._entry
        for key, name in {entry.entry_id: None, **self._inverters()}.items():
            device_id = dr.async_get_device_id_by_identifier(
                self._hass, (DOMAIN, key), config_entry_id=entry.entry_id
            )
            if name_or_id in {name, device_id}:
                return device_id, None if name is None else key
        raise RejectedCommand(
            "unknown_device", f"No inverter of this gateway: {name_or_id}"
        )

    def _inverters(self) -> Mapping[str, str]:
        """Return the topic names of inverters by id; cached, because it is slow."""
        config = self._entry.runtime_data.config
        if self._named is None or self._named[0] is not config:
            self._named = (config, topic_ids(config.inverters))
        return self._named[1]


def _reason(err: Exception) -> dict[str, str]:
    """Return the reason for an answer why a command is rejected."""
    code = err.code if isinstance(err, RejectedCommand) else "refused"
    return {"error": code, "message": str(err)}
