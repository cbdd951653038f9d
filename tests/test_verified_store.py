"""A file counts as saved once it was read back, and as new only if there was none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.verified_store import VerifiedStore
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError

DATA = {"a": 1.5, "b": [True, None]}
WHOLE = b'{"version": 1, "minor_version": 1, "key": "k", "data": {"a": 1}}'


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Write real files: they are what is tested."""
    return {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Write them where each test is alone."""
    return hass_tmp_config_dir


@pytest.fixture
def path(hass: HomeAssistant) -> Path:
    """Return the file that is stored."""
    path = Path(hass.config.path(".storage", f"{DOMAIN}.e1.things"))
    path.parent.mkdir(exist_ok=True)
    return path


@pytest.fixture
def store(hass: HomeAssistant) -> VerifiedStore:
    """Return a store that has read nothing yet."""
    return VerifiedStore(hass, "e1.things")


async def read(hass: HomeAssistant) -> Any:
    """Return what a new start reads."""
    return await VerifiedStore(hass, "e1.things").async_load()


def whole(path: Path) -> None:
    """Put a readable file there."""
    path.write_bytes(WHOLE)


def other(path: Path) -> None:
    """Put a file of another name there."""
    path.with_name(f"{path.name}_2").write_bytes(b"{")


def corrupt(path: Path) -> None:
    """Put half a file there."""
    path.write_bytes(b'{"version": 1, "da')


def folder(path: Path) -> None:
    """Put a folder in its place."""
    path.mkdir()


def link_to_nothing(path: Path) -> None:
    """Put a link there whose target is on a missing disk."""
    path.symlink_to(path.with_name("not mounted") / "file")


def link_to_itself(path: Path) -> None:
    """Put a link to itself there."""
    path.symlink_to(path)


def rename_as_corrupt(path: Path) -> None:
    """Put Home Assistant's renamed corrupt file there."""
    path.with_name(f"{path.name}.corrupt.2026-11-22T10:00:00").write_bytes(b"{")


def link_to_corrupt(path: Path) -> None:
    """Put a renamed link there."""
    corrupt = path.with_name(f"{path.name}.corrupt.2026-11-22T10:00:00")
    corrupt.symlink_to("nothing")


def version_of_the_future(path: Path) -> None:
    """Put the file of a later release there."""
    path.write_bytes(WHOLE.replace(b'"version": 1', b'"version": 99', 1))


@pytest.mark.parametrize(
    "leave",
    [
        corrupt,
        folder,
        link_to_nothing,
        link_to_itself,
        rename_as_corrupt,
        link_to_corrupt,
        version_of_the_future,
    ],
)
async def test_unreadable_file_is_not_new(
    store: VerifiedStore, path: Path, leave: Callable[[Path], None]
) -> None:
    """In each of these cases something is lost."""
    leave(path)
    with pytest.raises(ValueError, match=r"corrupt|cannot be loaded"):
        await store.async_load()
    assert store.on_disk is None


async def test_file_without_permission_is_not_new(
    store: VerifiedStore, path: Path
) -> None:
    """Such as another user's; root may read it all the same."""
    whole(path)
    with (
        patch("homeassistant.util.json.open", side_effect=PermissionError, create=True),
        pytest.raises(ValueError, match="cannot be loaded"),
    ):
        await store.async_load()


async def test_missing_file_is_new(store: VerifiedStore, path: Path) -> None:
    """Also next to a file of another name."""
    other(path)
    assert await store.async_load() is None
    assert store.on_disk == {}


async def test_valid_file_next_to_an_old_corrupt_one_is_read(
    store: VerifiedStore, path: Path
) -> None:
    """The renamed one stays there for ever."""
    whole(path)
    rename_as_corrupt(path)
    assert await store.async_load() == {"a": 1} == store.on_disk


async def test_dangling_link_is_replaced_by_a_save(
    hass: HomeAssistant, store: VerifiedStore, path: Path
) -> None:
    """It can be saved, and is read again."""
    link_to_nothing(path)
    assert await store.async_write(lambda: DATA) == DATA
    assert store.saved
    assert await read(hass) == DATA


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the keys of the files that are written from now on."""
    writes, write = [], Store._async_write_data

    async def count(self: Store[Any], data: dict[str, Any]) -> None:
        writes.append(self.key)
        await write(self, data)

    monkeypatch.setattr(Store, "_async_write_data", count)
    return writes


async def test_unchanged_content_is_not_written_again(
    hass: HomeAssistant,
    store: VerifiedStore,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither what was just written nor what was read at the start."""
    writes = counted(monkeypatch)
    for _ in range(3):
        assert await store.async_write(lambda: DATA) == DATA
    assert len(writes) == 1
    again = VerifiedStore(hass, "e1.things")
    await again.async_load()
    assert await again.async_write(lambda: DATA) == DATA
    assert len(writes) == 1
    await again.async_write(lambda: {"a": 2})
    assert len(writes) == 2


async def full(self: Store[Any], data: dict[str, Any]) -> None:
    """Have no room on the disk."""
    raise WriteError("[Errno 28] No space left on device")


async def forgetful(self: Store[Any], data: dict[str, Any]) -> None:
    """Accept writes, and write nothing."""


@pytest.mark.parametrize("write", [full, forgetful])
async def test_content_that_is_not_read_back_is_not_saved(
    hass: HomeAssistant,
    store: VerifiedStore,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    write: Any,
) -> None:
    """Logged once, repeated at each call, and logged once when it works again."""
    await store.async_write(lambda: {"a": 1})
    with patch.object(Store, "_async_write_data", write):
        for _ in range(3):
            assert await store.async_write(lambda: DATA) is None
            assert not store.saved
    assert caplog.text.count("things cannot be saved") == 1
    assert await read(hass) == {"a": 1}
    # Also the earlier content: it is unknown what the attempts have left
    writes: list[Any] = []
    with patch.object(Store, "async_save", lambda _, data: _noted(writes, data)):
        await store.async_write(lambda: {"a": 1})
    assert writes == [{"a": 1}]
    for _ in range(2):
        assert await store.async_write(lambda: DATA) == DATA
    assert store.saved
    assert caplog.text.count("things can be saved again") == 1
    assert await read(hass) == DATA


async def _noted(writes: list[Any], data: Any) -> None:
    writes.append(data)


async def test_content_is_unknown_during_a_write(
    store: VerifiedStore, path: Path
) -> None:
    """A lower limit must not be compared with the earlier content."""
    await store.async_write(lambda: {"a": 1})
    known: list[Any] = []
    write = Store._async_write_data

    async def look(self: Store[Any], data: dict[str, Any]) -> None:
        known.append(store.on_disk)
        await write(self, data)

    with patch.object(Store, "_async_write_data", look):
        await store.async_write(lambda: DATA)
    assert known == [None]


async def test_write_at_the_end_of_home_assistant(
    hass: HomeAssistant, store: VerifiedStore, path: Path
) -> None:
    """It is not known to be saved, so that later changes are written, too."""
    await store.async_write(lambda: {"a": 1})
    hass.set_state(CoreState.stopping)
    assert await store.async_write(lambda: DATA) is None
    assert store.saved
    assert await store.async_write(lambda: {"a": 1}) is None
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert await read(hass) == {"a": 1}
    hass.set_state(CoreState.running)


async def test_removed_store_leaves_no_file(
    hass: HomeAssistant, store: VerifiedStore, path: Path
) -> None:
    """Nor an error if there was none."""
    await store.async_write(lambda: DATA)
    for _ in range(2):
        await store.async_remove()
        assert await read(hass) is None
