"""Setpoints on disk: what cannot be read allows nothing."""

from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.setpoints import (
    AllSetpoints,
    Lease,
    Setpoints,
)
from custom_components.bms_gateway.store import NOTHING_ALLOWED, SetpointStore
from homeassistant.core import HomeAssistant

ASKED = AllSetpoints(
    bank=Setpoints(charge_current=50.0, charge_voltage=54.0),
    inverters={"i1": Setpoints(discharge_current=0.0, charging_allowed=False)},
    out_of_service=frozenset({"b1"}),
)
EMPTY = {
    "charge_current": None,
    "discharge_current": None,
    "charge_voltage": None,
    "charging_allowed": True,
    "discharging_allowed": True,
}
NOTHING = AllSetpoints(bank=NOTHING_ALLOWED, inverters={"i1": NOTHING_ALLOWED})


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Let stores write real files: a damaged one is what this is about."""
    return {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Write them where each test is alone."""
    return hass_tmp_config_dir


@pytest.fixture
def path(hass: HomeAssistant) -> Path:
    """Return the file of the gateway that is stored."""
    path = Path(hass.config.path(".storage", f"{DOMAIN}.e1.setpoints"))
    path.parent.mkdir(exist_ok=True)
    return path


def write(path: Path, damaged: bytes) -> None:
    """Put something where setpoints are looked for."""
    path.write_bytes(damaged)


def make_folder(path: Path) -> None:
    """Put a folder where setpoints are looked for."""
    path.mkdir()


def files(path: Path) -> list[str]:
    """Return what stands where setpoints are looked for."""
    return [found.name for found in path.parent.glob(f"{path.name}*")]


async def load(hass: HomeAssistant) -> tuple[AllSetpoints, bool]:
    """Return what a new start reads, and whether a person chose it."""
    store = SetpointStore(hass, "e1")
    return await store.async_load(["i1"]), store.confirmed


async def test_nothing_stored_is_no_limit(hass: HomeAssistant) -> None:
    """A new gateway has no setpoints."""
    assert await load(hass) == (AllSetpoints(), True)


async def test_what_was_saved_is_loaded(hass: HomeAssistant, path: Path) -> None:
    """At once, without waiting for a delayed write."""
    await SetpointStore(hass, "e1").async_save(ASKED)
    assert await load(hass) == (ASKED, True)


def content(**changes: Any) -> str:
    """Return a file like those that are saved."""
    data = {"confirmed": True, "bank": EMPTY, "inverters": {}, "out_of_service": []}
    data |= changes
    return json.dumps({"version": 1, "minor_version": 1, "key": "k", "data": data})


def bank(**changes: Any) -> str:
    """Return a file with setpoints of the bank."""
    return content(bank=EMPTY | changes)


@pytest.mark.parametrize(
    ("whole", "asked"),
    [
        (content(), AllSetpoints()),
        (content(inverters={"i2": EMPTY}), AllSetpoints(inverters={"i2": Setpoints()})),
        (bank(charge_current=50), AllSetpoints(bank=Setpoints(charge_current=50.0))),
    ],
)
async def test_a_whole_file_is_taken_as_it_is(
    hass: HomeAssistant, path: Path, whole: str, asked: AllSetpoints
) -> None:
    """Those below differ from such a one in one thing only."""
    write(path, whole.encode())
    assert await load(hass) == (asked, True)


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        "{}",
        "[]",
        "null",
        '"text"',
        "7",
        "\x00\x00\x00",
        '{"version": 1}',
        '{"version": 1, "minor_version": 1, "key": "k", "data": null}',
        '{"version": 1, "minor_version": 1, "key": "k", "data": []}',
        '{"version": 99, "minor_version": 1, "key": "k", "data": {}}',
        '{"version": 1, "minor_version": 1, "key": "k", "data": {}}',
        content(bank=None),
        content(bank={}),
        content(inverters=[]),
        content(inverters={"i1": 5}),
        content(confirmed="yes"),
        content(out_of_service="b1"),
        content(out_of_service=[1]),
        bank(charging_allowed=0),
        bank(discharging_allowed=None),
        bank(charge_current="50"),
        bank(charge_current=True),
        bank(charge_current=-1.0),
        bank(charge_current=[]),
        bank(discharge_current=-0.1),
        bank(charge_voltage={}),
        bank(charge_current=1.0).replace("1.0", "NaN"),
        bank(charge_current=1.0).replace("1.0", "Infinity"),
        bank(charge_current=1.0).replace("1.0", "1e999"),
    ],
)
async def test_what_cannot_be_read_allows_nothing(
    hass: HomeAssistant, path: Path, damaged: str
) -> None:
    """0 A everywhere, over the next start as well, until a person confirms."""
    write(path, damaged.encode())

    assert await load(hass) == (NOTHING, False)
    assert await load(hass) == (NOTHING, False)

    store = SetpointStore(hass, "e1")
    await store.async_load(["i1"])
    await store.async_confirm(ASKED)
    assert await load(hass) == (ASKED, True)


async def test_bytes_that_are_no_text_allow_nothing(
    hass: HomeAssistant, path: Path
) -> None:
    """What a broken disk returns need not even be UTF-8."""
    write(path, b"\xff\xfe\x00\x80")
    assert await load(hass) == (NOTHING, False)


async def test_a_folder_in_its_place_allows_nothing(
    hass: HomeAssistant, path: Path
) -> None:
    """Whatever stands there is something that cannot be read."""
    make_folder(path)
    assert await load(hass) == (NOTHING, False)


async def test_a_corrupt_file_put_aside_is_not_a_new_gateway(
    hass: HomeAssistant, path: Path
) -> None:
    """Home Assistant renames it; a crash before the zeros were written changes nothing."""
    write(path.with_name(f"{path.name}.corrupt.2026-11-22T10:00:00"), b"{")
    assert await load(hass) == (NOTHING, False)


async def test_a_confirmed_store_stays_so_beside_an_old_corrupt_file(
    hass: HomeAssistant, path: Path
) -> None:
    """The file that was put aside stays there for ever."""
    write(path.with_name(f"{path.name}.corrupt.2026-11-22T10:00:00"), b"{")
    await SetpointStore(hass, "e1").async_confirm(ASKED)
    assert await load(hass) == (ASKED, True)


async def test_what_is_no_more_is_forgotten(hass: HomeAssistant) -> None:
    """Its setpoints go; the others stay."""
    store = SetpointStore(hass, "e1")
    await store.async_save(ASKED)
    await store.async_keep_only({"i1", "b1"})
    assert await load(hass) == (ASKED, True)
    await store.async_keep_only({"b1"})
    assert await load(hass) == (replace(ASKED, inverters={}), True)
    leases = [
        Lease(device_id=device, direction=Direction.CHARGE, owner="me", amps=1.0)
        for device in (None, "i1")
    ]
    await store.async_save(replace(ASKED, leases=tuple(leases)))
    await store.async_keep_only(set())
    assert store.setpoints == AllSetpoints(bank=ASKED.bank, leases=(leases[0],))


async def test_a_removed_gateway_leaves_nothing(
    hass: HomeAssistant, path: Path
) -> None:
    """Its file goes with it."""
    store = SetpointStore(hass, "e1")
    await store.async_save(ASKED)
    await store.async_remove()
    assert files(path) == []
