"""Records the frames that a gateway's ports receive and send, off the event loop."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import logging
from pathlib import Path
import time
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later, async_track_time_interval

from ..const import DOMAIN
from ..engine.can.log.candump import link_text
from ..engine.can.log.recording import Recording
from ..engine.config import BatteryConfig, InverterConfig
from ..engine.gateway import Gateway
from ..errors import action_error
from .files import append, create

_LOGGER = logging.getLogger(__name__)

WRITE_INTERVAL: Final = timedelta(seconds=1)
"""The most a crash can lose of a recording; also how many frames go in one write."""


@dataclass(eq=False, slots=True)
class _Run:
    """A recording in progress."""

    recording: Recording
    path: Path
    undo: ExitStack
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Recorder:
    """Records the ports of one gateway, each at most once at a time."""

    def __init__(self, hass: HomeAssistant, gateway: Gateway) -> None:
        """Record nothing yet."""
        self._hass = hass
        self._gateway = gateway
        self._runs: dict[str, _Run] = {}
        # Two calls in a row must not both start
        self._lock = asyncio.Lock()
        self._ended = False

    async def async_record(
        self, device: BatteryConfig | InverterConfig, path: Path, duration: timedelta
    ) -> None:
        """Start recording a device's port to a new file; it ends by itself.

        Raises ServiceValidationError or HomeAssistantError, and records nothing, if the
        port is being recorded, the recorder has ended, or the file cannot be created.
        """
        async with self._lock:
            if self._ended or device.id in self._runs:
                raise action_error("already_recording", name=device.name)
            with ExitStack() as undo:
                recording = self._tapped(device, undo)
                await self._async_create(path)
                run = _Run(recording, path, undo.pop_all())
            self._runs[device.id] = run
            self._set_timers(device.id, run, duration)

    async def async_end(self) -> None:
        """End all recordings for good, with everything received until now."""
        async with self._lock:
            self._ended = True
            for key, run in list(self._runs.items()):
                await self._async_finish(key, run)

    def _tapped(
        self, device: BatteryConfig | InverterConfig, undo: ExitStack
    ) -> Recording:
        gateway, port = self._gateway, device.port
        name = link_text(port.channel, port.interface)
        recording = Recording(name, lambda: gateway.now, time.time)
        undo.callback(gateway.tap(device.id, recording.on_frame))
        undo.callback(gateway.tap(device.id, recording.on_echo, own=True))
        return recording

    async def _async_create(self, path: Path) -> None:
        try:
            await self._hass.async_add_executor_job(create, path)
        except OSError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="log_not_written",
                translation_placeholders={"file": str(path), "error": str(error)},
            ) from error

    def _set_timers(self, key: str, run: _Run, duration: timedelta) -> None:
        async def async_write(_now: datetime) -> None:
            await self._async_write(key, run)

        async def async_finish(_now: datetime) -> None:
            await self._async_finish(key, run)

        run.undo.callback(
            async_track_time_interval(
                self._hass, async_write, WRITE_INTERVAL, cancel_on_shutdown=True
            )
        )
        run.undo.callback(async_call_later(self._hass, duration, async_finish))

    async def _async_write(self, key: str, run: _Run) -> None:
        """Write the frames since the last write; end a recording that cannot go on."""
        async with run.writing:
            # A recording that is full now ends with its present content
            full = run.recording.full
            try:
                if text := run.recording.fetch():
                    await self._hass.async_add_executor_job(append, run.path, text)
            except OSError as error:
                _LOGGER.error("Recording to %s ended: %s", run.path, error)
                self._forget(key, run)
        if full:
            self._forget(key, run)

    async def _async_finish(self, key: str, run: _Run) -> None:
        run.undo.close()
        await self._async_write(key, run)
        self._forget(key, run)

    def _forget(self, key: str, run: _Run) -> None:
        run.undo.close()
        if self._runs.get(key) is run:
            del self._runs[key]
            frames = run.recording.frames
            _LOGGER.info("Recorded %s frames to %s", frames, run.path)
