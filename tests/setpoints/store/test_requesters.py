"""Who set each setpoint, and for how long it has stopped a direction."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.setpoints.serialization import HOUR, Change
from homeassistant.core import HomeAssistant

from ...engine.wires import MovedClock
from ...test_verified_store import counted
from .stored import ASKED, open_store, write


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
