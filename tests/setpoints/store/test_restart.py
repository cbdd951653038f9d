"""What is kept over a restart, and what is dropped with its device."""

from dataclasses import replace
import json
from pathlib import Path

from custom_components.bms_gateway.engine.setpoints import AllSetpoints
from custom_components.bms_gateway.setpoints.serialization import (
    HOUR,
    Change,
    StoredData,
    dump,
    parse,
)
from homeassistant.core import HomeAssistant

from .stored import ASKED, TEMPORARY_LIMIT, files, load, open_store


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
