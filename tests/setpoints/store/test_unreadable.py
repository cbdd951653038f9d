"""Which files are read: an unreadable one allows nothing."""

from dataclasses import asdict, replace
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.setpoints.store import NOTHING_ALLOWED
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .stored import ASKED, TEMPORARY_LIMIT, load, make_folder, open_store, write

EMPTY = {
    "charge_current": None,
    "discharge_current": None,
    "charge_voltage": None,
    "charging_allowed": True,
    "discharging_allowed": True,
}
NOTHING = AllSetpoints(bank=NOTHING_ALLOWED, inverters={"i1": NOTHING_ALLOWED})


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
