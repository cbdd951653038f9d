"""The setpoint store: an unreadable one allows nothing."""

import asyncio
from dataclasses import asdict, replace
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from custom_components.bms_gateway.setpoints.serialization import (
    HOUR,
    Change,
    StoredData,
    dump,
    parse,
)
from custom_components.bms_gateway.setpoints.store import NOTHING_ALLOWED, SetpointStore
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.util import dt as dt_util

from ..engine.wires import MovedClock
from ..test_verified_store import counted

TEMPORARY_LIMIT = TemporaryLimit(
    device_id="i1", direction=Direction.CHARGE, owner="Ann", amps=5.0, until=90.0
)
ASKED = AllSetpoints(
    bank=Setpoints(charge_current=50.0, charge_voltage=54.0),
    inverters={"i1": Setpoints(discharge_current=0.0, charging_allowed=False)},
    temporary_limits=(
        TEMPORARY_LIMIT,
        TemporaryLimit(
            device_id=None, direction=Direction.DISCHARGE, owner="", watts=1, by="u1"
        ),
    ),
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
    """Write real files: this is about a damaged one."""
    return {}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Write them where each test is alone."""
    return hass_tmp_config_dir


@pytest.fixture
def path(hass: HomeAssistant) -> Path:
    """Return the file of the stored gateway."""
    path = Path(hass.config.path(".storage", f"{DOMAIN}.e1.setpoints"))
    path.parent.mkdir(exist_ok=True)
    return path


def write(path: Path, damaged: bytes) -> None:
    """Put content in place of the setpoints."""
    path.write_bytes(damaged)


def make_folder(path: Path) -> None:
    """Put a folder in place of the setpoints."""
    path.mkdir()


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


def files(path: Path) -> list[str]:
    """Return the files in place of the setpoints."""
    return [found.name for found in path.parent.glob(f"{path.name}*")]


async def open_store(hass: HomeAssistant) -> SetpointStore:
    """Return the store as a new start reads it."""
    store = SetpointStore(hass, "e1")
    await store.async_load(["i1"])
    return store


async def load(hass: HomeAssistant) -> tuple[AllSetpoints, bool]:
    """Return what a new start reads, and whether the user chose it."""
    store = await open_store(hass)
    return store.setpoints, store.confirmed


async def save(hass: HomeAssistant, setpoints: AllSetpoints, by: str = "Ann") -> None:
    """Store setpoints with a requester."""
    store = await open_store(hass)
    store.take(setpoints, by)
    await store.async_write()


async def test_nothing_stored_means_no_limit(hass: HomeAssistant) -> None:
    """A new gateway has no setpoints, and has learned nothing."""
    assert await load(hass) == (AllSetpoints(), True)
    assert (await open_store(hass)).learned == {}


async def test_saved_setpoints_are_loaded(hass: HomeAssistant, path: Path) -> None:
    """At once, without waiting for a delayed write."""
    await save(hass, ASKED)
    assert await load(hass) == (ASKED, True)


def content(**changes: Any) -> str:
    """Return a file like those that are saved."""
    data = {
        "confirmed": True,
        "bank": EMPTY,
        "inverters": {},
        "temporary_limits": [],
        "out_of_service": [],
        "changes": [],
        "current_shares": {},
    }
    data |= changes
    return json.dumps({"version": 1, "minor_version": 1, "key": "k", "data": data})


def bank(**changes: Any) -> str:
    """Return a file with setpoints of the bank."""
    return content(bank=EMPTY | changes)


def temporary_limit(**changes: Any) -> str:
    """Return a file with a limit of 5 A that has 90 s left."""
    one = {
        "device_id": "i1",
        "direction": "charge",
        "owner": "Ann",
        "amps": 5.0,
        "watts": None,
        "until": 90.0,
    }
    return content(temporary_limits=[one | changes])


def change(**changes: Any) -> str:
    """Return a file with one record of who set what."""
    one = {"device_id": None, "field": "charge_current", "by": "Ann", "hours": 1.0}
    return content(changes=[one | changes])


@pytest.mark.parametrize(
    ("whole", "asked"),
    [
        (content(), AllSetpoints()),
        (content(inverters={"i2": EMPTY}), AllSetpoints(inverters={"i2": Setpoints()})),
        (bank(charge_current=50), AllSetpoints(bank=Setpoints(charge_current=50.0))),
        (temporary_limit(), AllSetpoints(temporary_limits=(TEMPORARY_LIMIT,))),
        (
            temporary_limit(until=None),
            AllSetpoints(temporary_limits=(replace(TEMPORARY_LIMIT, until=None),)),
        ),
        (temporary_limit(by=None), AllSetpoints(temporary_limits=(TEMPORARY_LIMIT,))),
        (
            temporary_limit(by="u1"),
            AllSetpoints(temporary_limits=(replace(TEMPORARY_LIMIT, by="u1"),)),
        ),
        (
            temporary_limit(device_id=None),
            AllSetpoints(temporary_limits=(replace(TEMPORARY_LIMIT, device_id=None),)),
        ),
        (
            temporary_limit(amps=None, watts=7),
            AllSetpoints(
                temporary_limits=(replace(TEMPORARY_LIMIT, amps=None, watts=7.0),)
            ),
        ),
        (change(), AllSetpoints()),
        (content(current_shares={"b1": 0.5, "b2": 1}), AllSetpoints()),
    ],
)
async def test_valid_file_is_loaded_unchanged(
    hass: HomeAssistant, path: Path, whole: str, asked: AllSetpoints
) -> None:
    """The invalid ones below differ from it in one thing only."""
    write(path, whole.encode())
    assert await load(hass) == (asked, True)


async def test_file_with_too_many_owners_keeps_the_lowest_limits(
    hass: HomeAssistant, path: Path
) -> None:
    """It allows no more than before."""
    many = [replace(TEMPORARY_LIMIT, owner=f"o{n}", amps=100.0 - n) for n in range(90)]
    write(path, content(temporary_limits=[asdict(each) for each in many]).encode())
    asked, confirmed = await load(hass)
    assert confirmed
    assert {each.amps for each in asked.temporary_limits} == {
        11.0 + n for n in range(16)
    }


def nan(whole: str) -> str:
    """Return a file whose 5.0, 90.0 or 1.0 is not a number."""
    for number in "5.0", "90.0", "1.0":
        whole = whole.replace(number, "NaN")
    return whole


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
        content(temporary_limits=None),
        content(temporary_limits={}),
        content(temporary_limits=["temporary limit"]),
        content(changes=None),
        content(changes=[{}]),
        content(current_shares=[]),
        bank(charging_allowed=0),
        bank(discharging_allowed=None),
        bank(charge_current="50"),
        bank(charge_current=True),
        bank(charge_current=-1.0),
        bank(charge_current=[]),
        bank(discharge_current=-0.1),
        bank(charge_voltage={}),
        bank(charge_voltage=1e11),
        bank(charge_current=10**30),
        bank(charge_current=1.0).replace("1.0", "NaN"),
        bank(charge_current=1.0).replace("1.0", "Infinity"),
        bank(charge_current=1.0).replace("1.0", "1e999"),
        temporary_limit(amps=None),
        temporary_limit(watts=7.0),
        temporary_limit(amps=-5.0),
        temporary_limit(amps="5"),
        temporary_limit(amps=1e300),
        temporary_limit(amps=None, watts=1e300),
        temporary_limit(until=-0.1),
        temporary_limit(until="90"),
        temporary_limit(until=1e12),
        temporary_limit(until=1e300),
        temporary_limit(until=True),
        temporary_limit(direction="sideways"),
        temporary_limit(direction=None),
        temporary_limit(owner=None),
        temporary_limit(device_id=7),
        temporary_limit(by=7),
        nan(temporary_limit()),
        temporary_limit().replace("90.0", "Infinity"),
        change(field="charge"),
        change(by=None),
        change(hours="one"),
        change(hours=-1),
        change(hours=25),
        change(hours=None),
        change(device_id=7),
        nan(change()),
    ],
)
async def test_unreadable_file_allows_nothing(
    hass: HomeAssistant, path: Path, damaged: str
) -> None:
    """0 A everywhere, over the next start as well, until the user confirms."""
    write(path, damaged.encode())

    assert await load(hass) == (NOTHING, False)
    assert await load(hass) == (NOTHING, False)

    store = await open_store(hass)
    store.confirm(ASKED, "Ann")
    await store.async_write()
    assert await load(hass) == (ASKED, True)


@pytest.mark.parametrize("odd", [0, 0.0, 1e-300, -0.1, 1.1, 1e300, True, None, "0.5"])
async def test_invalid_share_is_learned_anew(
    hass: HomeAssistant, path: Path, odd: object
) -> None:
    """No user chose it: the others stay, and so do the setpoints."""
    write(
        path,
        content(
            bank=asdict(ASKED.bank), current_shares={"b1": odd, "b2": 0.5}
        ).encode(),
    )
    store = await open_store(hass)
    assert (store.setpoints.bank, store.confirmed) == (ASKED.bank, True)
    assert store.learned == {"b2": 0.5}


async def test_undecodable_bytes_allow_nothing(hass: HomeAssistant, path: Path) -> None:
    """A broken disk need not even return UTF-8."""
    write(path, b"\xff\xfe\x00\x80")
    assert await load(hass) == (NOTHING, False)


async def test_folder_in_place_of_the_file_allows_nothing(
    hass: HomeAssistant, path: Path
) -> None:
    """Something that cannot be read was stored there."""
    make_folder(path)
    assert await load(hass) == (NOTHING, False)


async def test_unconfirmed_setpoints_allow_nothing(
    hass: HomeAssistant, path: Path
) -> None:
    """Any content is accepted or rejected."""
    write(path, content(confirmed=False).encode())
    assert await load(hass) == (NOTHING, False)


@pytest.mark.usefixtures("freezer")
async def test_corrupt_file_that_cannot_be_renamed_allows_nothing(
    hass: HomeAssistant, path: Path
) -> None:
    """The disk may be unwritable; the gateway starts all the same."""
    write(path, b"{")
    corrupt = f"{path.name}.corrupt.{dt_util.utcnow().isoformat()}"
    make_folder(path.with_name(corrupt))
    assert await load(hass) == (NOTHING, False)


async def test_renamed_corrupt_file_is_not_a_new_gateway(
    hass: HomeAssistant, path: Path
) -> None:
    """Home Assistant renames it; a crash before the zeros are written changes nothing."""
    write(path.with_name(f"{path.name}.corrupt.2026-11-22T10:00:00"), b"{")
    assert await load(hass) == (NOTHING, False)


async def test_confirmed_store_stays_confirmed_next_to_a_corrupt_file(
    hass: HomeAssistant, path: Path
) -> None:
    """The renamed file stays there for ever."""
    write(path.with_name(f"{path.name}.corrupt.2026-11-22T10:00:00"), b"{")
    store = await open_store(hass)
    store.confirm(ASKED, "Ann")
    await store.async_write()
    assert await load(hass) == (ASKED, True)


async def test_temporary_limits_resume_after_a_restart(hass: HomeAssistant) -> None:
    """The remaining time is stored, not the end: no clock outlives a restart."""
    store = await open_store(hass)
    store.take(AllSetpoints(temporary_limits=(TEMPORARY_LIMIT,)), "Ann")
    assert store.start(lambda: 1000.0).temporary_limits[0].until == 1090.0
    clock = 1030.0
    store.start(lambda: clock)
    store.take(
        AllSetpoints(temporary_limits=(replace(TEMPORARY_LIMIT, until=1090.0),)), "Ann"
    )
    await store.async_save_periodically({})
    again = await open_store(hass)
    assert again.setpoints.temporary_limits[0].until == 60.0
    assert again.start(lambda: 5.0).temporary_limits[0].until == 65.0

    # Ended limits are not kept, and one that ends right now has ended
    clock = 1090.0
    await store.async_save_periodically({})
    assert (await open_store(hass)).setpoints == AllSetpoints()


async def test_learned_shares_are_kept(hass: HomeAssistant) -> None:
    """A share that float arithmetic made slightly more than 1 is 1."""
    await (await open_store(hass)).async_save_periodically(
        {
            "b1": 0.3,
            "b2": 1.0000000000000002,
            "b3": float("nan"),
            "b4": -0.1,
            "b5": 0.0,
        }
    )
    assert (await open_store(hass)).learned == {"b1": 0.3, "b2": 1.0}


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


async def test_requester_and_start_are_kept(hass: HomeAssistant) -> None:
    """Of each setpoint by itself; not of temporary limits and the service state."""
    store, clock = await open_store(hass), 1000.0
    store.start(lambda: clock)
    store.take(replace(ASKED, temporary_limits=()), "Ann")
    clock += HOUR
    both = {"i1": Setpoints(discharge_current=0.0), "i2": Setpoints(charge_current=0.0)}
    store.take(replace(ASKED, inverters=both), "automation")
    assert store.changes == {
        (None, "charge_current"): Change("Ann", 1000.0),
        (None, "charge_voltage"): Change("Ann", 1000.0),
        ("i1", "discharge_current"): Change("Ann", 1000.0),
        ("i1", "charging_allowed"): Change("automation", 1000.0 + HOUR),
        ("i2", "charge_current"): Change("automation", 1000.0 + HOUR),
    }


async def test_duration_of_a_stop_continues_over_restarts(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """In whole hours of running time, up to a day; others are not counted."""
    key = (None, "charge_current")
    stopped = AllSetpoints(bank=Setpoints(charge_current=0.0, discharge_current=5.0))
    store, clock = await open_store(hass), MovedClock()
    store.start(clock)
    store.take(stopped, "Ann")
    for runs_for, hours in (0.9, 0), (1.0, 1), (2.5, 3), (0.4, 3), (19, 22), (100, 24):
        clock.now += runs_for * HOUR
        await store.async_save_periodically({})
        store = await open_store(hass)
        assert store.changes[key] == Change("Ann", -hours * HOUR)
        assert store.changes[None, "discharge_current"].since == 0.0
        clock.now = 7.0
        store.start(clock)
    # Set anew, it stops the direction from then on
    store.take(AllSetpoints(), "Bob")
    store.take(stopped, "Bob")
    assert store.changes[key] == Change("Bob", 7.0)


async def test_setpoint_that_stops_a_direction_costs_a_write_an_hour(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a day, then no more."""
    store, clock = await open_store(hass), MovedClock()
    store.start(clock)
    store.take(AllSetpoints(bank=Setpoints(charging_allowed=False)), "Ann")
    await store.async_save_periodically({})
    writes = counted(monkeypatch)
    for _ in range(36 * 60):
        clock.now += 60.0
        await store.async_save_periodically({})
    assert len(writes) == 24


async def test_confirmed_zeros_belong_to_the_confirming_user(
    hass: HomeAssistant, path: Path
) -> None:
    """Until then they had no owner."""
    write(path, b"{")
    store = await open_store(hass)
    assert store.changes == {}
    store.confirm(store.setpoints, "repair")
    assert {each.by for each in store.changes.values()} == {"repair"}
    assert len(store.changes) == 4


async def test_removed_devices_are_dropped(hass: HomeAssistant) -> None:
    """Their setpoints, limits and shares go; the others stay."""
    store = await open_store(hass)
    store.take(ASKED, "Ann")
    await store.async_save_periodically({"b1": 0.5, "b2": 0.5})
    assert not store.keep_only({"i1", "b1"})
    assert store.setpoints == ASKED
    assert store.keep_only({"b1"})
    left = replace(ASKED, inverters={}, temporary_limits=ASKED.temporary_limits[1:])
    assert store.setpoints == left
    assert {device for device, _ in store.changes} == {None}
    assert store.learned == {"b1": 0.5}
    assert store.keep_only(set())
    assert store.setpoints == replace(left, out_of_service=frozenset())


async def test_removed_gateway_leaves_no_file(hass: HomeAssistant, path: Path) -> None:
    """Its file goes with it."""
    await save(hass, ASKED)
    assert files(path)
    await (await open_store(hass)).async_remove()
    assert files(path) == []


def test_stored_data_survives_json() -> None:
    """Field by field."""
    kept = StoredData(
        setpoints=ASKED,
        changes={("i1", "discharge_current"): Change("Ann", -5 * HOUR)},
        learned={"b1": 0.5},
        confirmed=False,
    )
    assert parse(json.loads(json.dumps(dump(kept)))) == kept
