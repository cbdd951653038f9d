"""Saving: when it writes, and how it reports and repeats what failed."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.engine.setpoints import AllSetpoints
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant

from .stored import ASKED, TEMPORARY_LIMIT, files, load, make_folder, open_store


def take_folder(path: Path) -> None:
    """Remove such a folder."""
    path.rmdir()


def put_a_file_for_the_folder(path: Path) -> None:
    """Prevent the folder from being created."""
    path.parent.rmdir()
    path.parent.write_bytes(b"")


def delete(path: Path) -> None:
    """Delete the stored file."""
    path.unlink()


async def test_unchanged_data_is_not_written(hass: HomeAssistant, path: Path) -> None:
    """A memory card takes a limited number of writes."""
    store = await open_store(hass)
    await store.async_save_periodically({"b1": 0.3})
    delete(path)
    await store.async_save_periodically({"b1": 0.3})
    assert files(path) == []
    await store.async_save_periodically({"b1": 0.4})
    assert files(path) == [path.name]


async def test_failed_save_is_reported_and_repeated(
    hass: HomeAssistant, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant only logs that a file could not be written."""
    store = await open_store(hass)
    make_folder(path)
    for _ in range(2):
        store.take(ASKED, "Ann")
        await store.async_write()
        assert not store.saved
    assert caplog.text.count("setpoints cannot be saved") == 1
    take_folder(path)
    await store.async_save_periodically({})
    assert store.saved
    assert caplog.text.count("setpoints can be saved again") == 1
    assert await load(hass) == (ASKED, True)


async def test_unserializable_data_is_not_saved(hass: HomeAssistant) -> None:
    """Bytes cannot be stored; the caller has to learn of it."""
    store = await open_store(hass)
    owner: Any = b"Ann"
    store.take(
        replace(ASKED, temporary_limits=(replace(TEMPORARY_LIMIT, owner=owner),)), "Ann"
    )
    await store.async_write()
    assert not store.saved
    store.take(ASKED, "Ann")
    await store.async_write()
    assert store.saved


async def test_folder_that_cannot_be_created_is_a_failed_save(
    hass: HomeAssistant, path: Path
) -> None:
    """For each error of the system."""
    store = await open_store(hass)
    put_a_file_for_the_folder(path)
    await store.async_write()
    assert not store.saved


async def test_two_simultaneous_changes_are_both_saved(hass: HomeAssistant) -> None:
    """The first must not read back what the second wrote."""
    store = await open_store(hass)
    store.take(ASKED, "Ann")
    first = hass.async_create_task(store.async_write())
    store.take(AllSetpoints(), "Ann")
    await asyncio.gather(first, store.async_write())
    assert store.saved
    assert await load(hass) == (AllSetpoints(), True)


async def test_final_write_is_left_to_home_assistant(
    hass: HomeAssistant, path: Path
) -> None:
    """Home Assistant collects writes while it stops."""
    store = await open_store(hass)
    hass.set_state(CoreState.stopping)
    store.take(ASKED, "Ann")
    await store.async_write()
    assert store.saved
    assert files(path) == []
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert await load(hass) == (ASKED, True)
    hass.set_state(CoreState.running)


async def test_failed_save_is_repeated_at_the_end(
    hass: HomeAssistant, path: Path
) -> None:
    """No component is left to learn of the result."""
    store = await open_store(hass)
    make_folder(path)
    store.take(ASKED, "Ann")
    await store.async_write()
    take_folder(path)
    hass.set_state(CoreState.stopping)
    await store.async_save_periodically({})
    assert not store.saved
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert await load(hass) == (ASKED, True)
    hass.set_state(CoreState.running)
