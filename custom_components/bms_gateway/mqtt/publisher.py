"""Publishes a gateway on an interval, and urgent changes at once."""

import asyncio
from collections.abc import Callable, Iterator
import contextlib
from datetime import datetime, timedelta
from enum import StrEnum
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.json import json_dumps

from ..engine.model import Snapshot, Status
from ..throttle.snapshots import show
from .payload import Report
from .settings import MqttSettings

if TYPE_CHECKING:
    from ..runtime import BmsGatewayConfigEntry
    from .broker import Broker

STATUS_RENEWAL: Final = 30.0
"""Seconds."""
STATUS_EXPIRY: Final = 90
"""Seconds; two renewals may be lost."""
MAX_UNSENT: Final = 100
"""Messages; if this many are pending, the broker is stuck, and more would be stale."""
LAST_MESSAGE_TIME: Final = 2.0
"""Seconds that the last message may take."""


class Offline(StrEnum):
    """The reason why a gateway is offline."""

    STOPPED = "stopped"
    """The gateway was stopped, reloaded or removed."""
    HOME_ASSISTANT_STOPPED = "home_assistant_stopped"
    SWITCHED_OFF = "switched_off"
    """The user switched MQTT off or chose other topics; the gateway may keep running.
    """


class _Message(NamedTuple):
    topic: str
    payload: str
    retain: bool = False
    expiry: int | None = None


class Publisher:
    """Publishes the state of one gateway."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BmsGatewayConfigEntry,
        broker: Broker,
        settings: MqttSettings,
    ) -> None:
        """Publish nothing before `async_start`."""
        self._hass = hass
        self._entry = entry
        self._runtime = entry.runtime_data
        self._broker = broker
        self._settings = settings
        self._published = self._latest = self._runtime.gateway.snapshot
        self._published_status: Status | None = None
        self._pending: asyncio.Handle | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._undo: list[Callable[[], None]] = []

    @callback
    def async_start(self) -> None:
        """Publish everything now if there is a connection, then continue."""
        self._undo = [
            self._runtime.gateway.subscribe(self._on_snapshot),
            self._broker.on_connection(self._publish_all),
            self._every(self._settings.interval, self._publish_state),
            self._every(STATUS_RENEWAL, self._publish_status),
        ]
        self._publish_all()

    async def async_end(self, reason: Offline) -> None:
        """Publish only that the gateway is offline, and stop."""
        while self._undo:
            self._undo.pop()()
        for waiting in (self._pending, *self._sending):
            if waiting:
                waiting.cancel()
        with contextlib.suppress(TimeoutError):  # in that case the last status expires
            async with asyncio.timeout(LAST_MESSAGE_TIME):
                await self._async_send(self._status("offline", reason))

    def _every(self, seconds: float, publish: Callable[[], None]) -> Callable[[], None]:
        @callback
        def tick(_: datetime) -> None:
            publish()

        return async_track_time_interval(
            self._hass,
            tick,
            timedelta(seconds=seconds),
            name=f"{self._entry.title} MQTT",
            cancel_on_shutdown=True,
        )

    @callback
    def _on_snapshot(self, latest: Snapshot) -> None:
        """Process the snapshot in a loop turn of its own, not to hold up the engine."""
        self._latest = latest
        if self._pending is None:
            self._pending = self._hass.loop.call_soon(self._process_snapshot)

    @callback
    def _process_snapshot(self) -> None:
        self._pending = None
        if self._latest.status is not self._published_status:
            self._publish_status()
        if show(self._published, self._latest) != self._published:
            self._publish_state()

    @callback
    def _publish_all(self, connected: bool = True) -> None:
        if connected:
            self._publish_status()
            self._publish_state()

    @callback
    def _publish_status(self) -> None:
        if self._can_send:
            status = self._published_status = self._runtime.gateway.snapshot.status
            self._send(self._status("online", status, STATUS_EXPIRY))

    @callback
    def _publish_state(self) -> None:
        if self._can_send:
            self._published = self._runtime.gateway.snapshot
            for message in self._report(self._published):
                self._send(message)

    @property
    def _can_send(self) -> bool:
        return self._broker.connected and len(self._sending) < MAX_UNSENT

    def _status(self, status: str, reason: str, expiry: int | None = None) -> _Message:
        payload = {"status": status, "reason": reason, "timestamp": time.time()}
        return _Message(
            self._settings.status_topic, json_dumps(payload), retain=True, expiry=expiry
        )

    def _report(self, now: Snapshot) -> Iterator[_Message]:
        settings = self._settings
        report = Report(now, self._runtime.config, time.time())
        state = json_dumps(report.state())
        for topic in settings.state_topics:
            yield _Message(topic, state)
        for topic_id, battery in report.batteries().items():
            yield _Message(
                f"{settings.prefix}/batteries/{topic_id}", json_dumps(battery)
            )
        for topic_id, inverter in report.inverters().items():
            yield _Message(
                f"{settings.prefix}/inverters/{topic_id}", json_dumps(inverter)
            )

    @callback
    def _send(self, message: _Message) -> None:
        """Pass a message to the broker without waiting for it."""
        task = self._entry.async_create_background_task(
            self._hass, self._async_send(message), f"{self._entry.title} MQTT"
        )
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _async_send(self, message: _Message) -> None:
        await self._broker.async_publish(
            message.topic,
            message.payload,
            retain=message.retain,
            expiry=message.expiry,
        )
