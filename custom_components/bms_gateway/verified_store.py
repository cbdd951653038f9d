"""A file that is read back after each write: saved means that it is on the disk."""

import asyncio
from collections.abc import Callable
import logging
import os
from pathlib import Path
from typing import Any, Final

from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1

type Data = dict[str, Any]

_STORE_ERRORS: Final = (
    HomeAssistantError,
    KeyError,
    NotImplementedError,
    OSError,
    TypeError,
)
"""Raised by a `Store` for a foreign file, or on a disk that cannot be written."""


class VerifiedStore:
    """A file in Home Assistant's storage, written only when its content changes.

    The caller repeats `async_write` at a fixed interval while `saved` is False.
    """

    def __init__(self, hass: HomeAssistant, name: str) -> None:
        """Use the file with this name, prefixed with the domain."""
        self._hass = hass
        self._key = f"{DOMAIN}.{name}"
        self._store = self._open()
        self._writing = asyncio.Lock()
        self.on_disk: Data | None = {}
        """The content of the file; empty: there never was one; None: unknown."""
        self.saved = True
        """Whether the last write reached the disk; if not, a restart would lose it."""

    async def async_load(self) -> Data | None:
        """Return the content, None if there never was any.

        Raises ValueError for a file that exists, or existed, and cannot be read.
        """
        self.on_disk = None
        was_there = await self._hass.async_add_executor_job(_was_there, self._path)
        try:
            data = await self._store.async_load()
        except _STORE_ERRORS as err:
            raise ValueError("cannot be loaded") from err
        if data is None and was_there:
            raise ValueError("corrupt")
        self.on_disk = {} if data is None else data
        return data

    async def async_write(self, dump: Callable[[], Data]) -> Data | None:
        """Write the result of `dump` unless the file holds it already.

        Returns the content of the file after that; None if it is unknown.
        """
        # One after the other: the content read back must be the one just written
        async with self._writing:
            if (data := dump()) != self.on_disk:
                # Until it is read back, the file may hold either content
                self.on_disk = None
                await self._async_write(data)
            return self.on_disk

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()

    @property
    def _path(self) -> Path:
        return Path(self._store.path)

    def _open(self) -> Store[Data]:
        return Store(self._hass, STORAGE_VERSION, self._key)

    async def _async_write(self, data: Data) -> None:
        is_saved = await self._async_save(data)
        if is_saved is None:
            return
        if is_saved:
            self.on_disk = data
        if is_saved != self.saved:
            if is_saved:
                _LOGGER.info("%s can be saved again", self._path)
            else:
                _LOGGER.error("%s cannot be saved; this is tried again", self._path)
        self.saved = is_saved

    async def _async_save(self, data: Data) -> bool | None:
        """Save and read back: a `Store` that cannot write only logs it.

        Returns None while Home Assistant stops: it then writes at the very end,
        together with everything else, when the result cannot be checked any more.
        """
        try:
            await self._store.async_save(data)
            if self._hass.state is CoreState.stopping:
                return None
            return await self._open().async_load() == data
        except _STORE_ERRORS:
            return False


def _was_there(path: Path) -> bool:
    """Return whether the file, or a corrupt copy that was set aside, exists.

    A dangling link is a file that is missing, not one that never existed.
    """
    return os.path.lexists(path) or any(path.parent.glob(f"{path.name}.corrupt.*"))
