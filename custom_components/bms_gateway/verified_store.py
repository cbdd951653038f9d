"""A file that is read back after each write: what counts as saved is on the disk."""

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
"""What a `Store` raises for a file that is none of its, or on a disk that takes none."""


class VerifiedStore:
    """A file of Home Assistant's storage, written only with what it does not hold yet.

    Who uses it calls `async_write` again, at a fixed interval, as long as `saved` is
    False.
    """

    def __init__(self, hass: HomeAssistant, name: str) -> None:
        """Use the file with this name; ours begin with the domain."""
        self._hass = hass
        self._key = f"{DOMAIN}.{name}"
        self._store = self._open()
        self._writing = asyncio.Lock()
        self.on_disk: Data | None = {}
        """What the file holds; empty: there never was one; None: nobody knows."""
        self.saved = True
        """Whether the last write reached the disk; if not, a restart would lose it."""

    async def async_load(self) -> Data | None:
        """Return the content, None if there never was any.

        Raises ValueError for a file that is or was there and cannot be read.
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
        """Write what `dump` returns unless the file holds that already.

        Returns what the file holds then; None if that is not known.
        """
        # One after the other: what is read back must be what was just written
        async with self._writing:
            if (data := dump()) != self.on_disk:
                # Until it is read back, it may hold the one or the other
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

        Returns None while Home Assistant stops: it is written at the very end then,
        together with all else, when nobody looks any more.
        """
        try:
            await self._store.async_save(data)
            if self._hass.state is CoreState.stopping:
                return None
            return await self._open().async_load() == data
        except _STORE_ERRORS:
            return False


def _was_there(path: Path) -> bool:
    """Return whether the file, or a corrupt one that was put aside, exists.

    A link that leads nowhere is one whose file is missing, not one that never was.
    """
    return os.path.lexists(path) or any(path.parent.glob(f"{path.name}.corrupt.*"))
