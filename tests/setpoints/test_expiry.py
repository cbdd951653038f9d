"""What is written when: at once where a restart would allow more, never the same twice."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.setpoints import (
    AllSetpoints,
    Setpoints,
    TemporaryLimit,
)
from custom_components.bms_gateway.setpoints import manager
from custom_components.bms_gateway.setpoints.expiry import (
    CLOCK_DRIFT,
    GATHERED_FOR,
    Due,
    due,
)
from custom_components.bms_gateway.setpoints.serialization import HOUR, Change, Kept
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.storage import Store

from ..bench import Bench
from ..test_number import ask
from ..test_switch import turn

KEY = f"{DOMAIN}.gw.setpoints"
NUMBER = "gw_charge_current_setpoint"

TEMPORARY_LIMIT = TemporaryLimit(
    device_id=None, direction=Direction.CHARGE, owner="Ann", amps=5.0, until=3600.0
)
BANK = Setpoints(charge_current=20.0, charge_voltage=54.0, discharging_allowed=False)
ASKED = AllSetpoints(
    bank=BANK,
    inverters={"i1": Setpoints(discharge_current=10.0)},
    temporary_limits=(TEMPORARY_LIMIT,),
    out_of_service=frozenset({"b1"}),
)
ON_DISK = Kept(
    setpoints=ASKED,
    changes={(None, "charge_current"): Change("Ann", 0.0)},
    learnt={"b1": 0.5},
)


def bank(**changes: Any) -> AllSetpoints:
    """Return the setpoints with others of the bank."""
    return replace(ASKED, bank=replace(BANK, **changes))


def inverter(**changes: Any) -> AllSetpoints:
    """Return the setpoints with others of the inverter."""
    return replace(ASKED, inverters={"i1": Setpoints(**changes)})


def temporary_limit(**changes: Any) -> AllSetpoints:
    """Return the setpoints with a lease that differs in something."""
    return replace(ASKED, temporary_limits=(replace(TEMPORARY_LIMIT, **changes),))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (ASKED, Due.NEVER),
        # A number or switch of any device
        (bank(charge_current=19.9), Due.AT_ONCE),
        (bank(charge_current=20.1), Due.SOON),
        (bank(charge_current=None), Due.SOON),
        (bank(discharge_current=500.0), Due.AT_ONCE),
        (bank(charge_voltage=53.9), Due.AT_ONCE),
        (bank(charge_voltage=None), Due.SOON),
        (bank(charging_allowed=False), Due.AT_ONCE),
        (bank(discharging_allowed=True), Due.SOON),
        (bank(charge_current=19.9, discharging_allowed=True), Due.AT_ONCE),
        (inverter(discharge_current=9.0), Due.AT_ONCE),
        (inverter(discharge_current=11.0), Due.SOON),
        (inverter(discharge_current=10.0, charge_current=0.0), Due.AT_ONCE),
        (replace(ASKED, inverters={}), Due.SOON),
        (
            replace(ASKED, inverters={**ASKED.inverters, "i2": Setpoints()}),
            Due.NEVER,
        ),
        (
            replace(ASKED, inverters={**ASKED.inverters, "i2": BANK}),
            Due.AT_ONCE,
        ),
        # What takes part
        (replace(ASKED, out_of_service=frozenset()), Due.AT_ONCE),
        (replace(ASKED, out_of_service=frozenset({"b1", "i1"})), Due.AT_ONCE),
        # A temporary limit: lower, longer, another one
        (temporary_limit(amps=4.9), Due.AT_ONCE),
        (temporary_limit(amps=5.1), Due.SOON),
        (temporary_limit(amps=None, watts=1.0), Due.AT_ONCE),
        (temporary_limit(until=3601.0), Due.AT_ONCE),
        (temporary_limit(until=None), Due.AT_ONCE),
        (temporary_limit(direction=Direction.DISCHARGE), Due.AT_ONCE),
        (temporary_limit(owner="Bob"), Due.AT_ONCE),
        (temporary_limit(device_id="i1"), Due.AT_ONCE),
        (replace(ASKED, temporary_limits=()), Due.SOON),
        # The same again, and what time makes of it
        (temporary_limit(until=3599.0), Due.NEVER),
        (temporary_limit(until=1800.0), Due.NEVER),
        (temporary_limit(until=1799.0), Due.IN_TIME),
        (temporary_limit(until=1.0), Due.IN_TIME),
    ],
)
def test_what_a_restart_may_not_undo_is_written_at_once(
    asked: AllSetpoints, expected: Due
) -> None:
    """All else soon, or with what moves by itself."""
    assert due(ON_DISK, replace(ON_DISK, setpoints=asked)) is expected


def test_what_is_left_of_a_short_lease_costs_no_write() -> None:
    """A restart lets it last a minute longer at the most."""
    held = replace(ON_DISK, setpoints=temporary_limit(until=90.0))
    for left, expected in (90.0 - CLOCK_DRIFT, Due.NEVER), (29.0, Due.IN_TIME):
        now = replace(ON_DISK, setpoints=temporary_limit(until=left))
        assert due(held, now) is expected


def test_a_lease_in_watts_is_compared_in_watts() -> None:
    """Both kinds are as low or not by themselves."""
    held = replace(ON_DISK, setpoints=temporary_limit(amps=None, watts=500.0))
    for watts, expected in (499.0, Due.AT_ONCE), (500.0, Due.NEVER), (501.0, Due.SOON):
        now = replace(ON_DISK, setpoints=temporary_limit(amps=None, watts=watts))
        assert due(held, now) is expected
    assert due(held, ON_DISK) is Due.AT_ONCE


def test_one_that_lasts_until_cleared_holds_for_as_long_as_any() -> None:
    """So that one with an end may take its place later."""
    held = replace(ON_DISK, setpoints=temporary_limit(until=None))
    assert due(held, held) is Due.NEVER
    assert due(held, ON_DISK) is Due.SOON


def test_who_made_a_limit_is_kept() -> None:
    """A crash gives nobody back what an administrator has taken over."""
    held = replace(ON_DISK, setpoints=temporary_limit(by="bob"))
    assert due(held, ON_DISK) is Due.SOON
    assert due(ON_DISK, held) is Due.SOON


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"confirmed": False}, Due.AT_ONCE),
        ({"changes": {}}, Due.SOON),
        ({"changes": {(None, "charge_current"): Change("Bob", 0.0)}}, Due.SOON),
        ({"changes": {(None, "charge_current"): Change("Ann", -HOUR)}}, Due.IN_TIME),
        ({"learnt": {"b1": 0.6}}, Due.IN_TIME),
    ],
)
def test_what_else_is_kept(changes: dict[str, Any], expected: Due) -> None:
    """Who set what is asked, too; the rest moves by itself."""
    assert due(ON_DISK, replace(ON_DISK, **changes)) is expected


def test_what_a_crash_may_undo_is_on_disk_within_seconds() -> None:
    """Nobody waits longer before pulling a plug."""
    assert GATHERED_FOR == 5.0


def test_what_nobody_knows_is_replaced_at_once() -> None:
    """It may allow more."""
    assert due(None, ON_DISK) is Due.AT_ONCE


# In a running gateway ---------------------------------------------------------


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the setpoints of the bank each time that they are written."""
    found: list[Any] = []
    save = Store.async_save

    async def count(self: Store[Any], data: Any) -> None:
        if self.key == KEY:
            found.append(data["bank"]["charge_current"])
        await save(self, data)

    monkeypatch.setattr(Store, "async_save", count)
    return found


GATHERED = 50.0
"""Seconds; no machine is so slow that so many pass by themselves in a test here."""


@pytest.fixture
async def running(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Start a gateway at which 20 A are asked for and saved."""
    monkeypatch.setattr(manager, "GATHERED_FOR", GATHERED)
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, NUMBER, 20.0)
    return bench


def stored(hass_storage: dict[str, Any]) -> Any:
    """Return what is on disk of the bank."""
    return hass_storage[KEY]["data"]["bank"]


async def test_the_same_again_is_not_written_again(
    running: Bench, writes: list[Any]
) -> None:
    """Ten minutes of an automation that asks each 10 s."""
    for _ in range(60):
        await ask(running, NUMBER, 20.0)
        await turn(running, "gw_charging_allowed", "on")
        await running.tick(10)
    await running.tick(61)
    assert writes == []


async def test_what_lowers_is_written_at_once(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """Each by itself, before the call returns."""
    for amps in 19.0, 18.5, 0.0:
        await ask(running, NUMBER, amps)
        assert stored(hass_storage)["charge_current"] == amps
    await turn(running, "gw_discharging_allowed", "off")
    assert stored(hass_storage)["discharging_allowed"] is False
    assert writes == [19.0, 18.5, 0.0, 0.0]
    await running.tick(61)
    assert len(writes) == 4


async def test_what_rises_is_gathered(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """It holds at once; a crash meanwhile leaves less."""
    for step in range(60):
        await ask(running, NUMBER, 20.0 + step / 10)
    assert running.coordinator.setpoint_manager.setpoints.bank.charge_current == 25.9
    assert (writes, stored(hass_storage)["charge_current"]) == ([], 20.0)
    await running.tick(GATHERED + 1)
    assert writes == [25.9]
    await running.tick(61)
    assert writes == [25.9]


async def test_gathering_is_not_put_off(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """What goes on changing is written all the same."""
    with patch(
        "custom_components.bms_gateway.setpoints.manager.async_call_later"
    ) as later:
        for step in range(60):
            await ask(running, NUMBER, 21.0 + step / 10)
    [(_, delay, job)] = [call.args for call in later.call_args_list]
    assert delay == GATHERED
    await job.target(None)
    assert writes == [26.9]
    await ask(running, NUMBER, 30.0)
    await running.tick(GATHERED + 1)
    assert writes == [26.9, 30.0]


async def test_what_is_below_the_disk_is_written_with_all_that_was_gathered(
    running: Bench, writes: list[Any]
) -> None:
    """And what lowers only what was not written yet can wait with it."""
    await ask(running, NUMBER, 40.0)
    await ask(running, NUMBER, 30.0)
    assert writes == []
    await ask(running, "gw_discharge_current_setpoint", 40.0)
    assert writes == [30.0]
    await running.tick(GATHERED + 1)
    assert writes == [30.0]


async def test_what_was_taken_back_is_not_written(
    running: Bench, writes: list[Any]
) -> None:
    """Nothing is gathered in the end."""
    for amps in islice(cycle((30.0, 20.0)), 20):
        await ask(running, NUMBER, amps)
    await running.tick(GATHERED + 1)
    await running.tick(61)
    assert writes == []


async def test_what_was_gathered_is_written_at_the_end(
    hass: HomeAssistant,
    running: Bench,
    writes: list[Any],
    hass_storage: dict[str, Any],
) -> None:
    """Of the gateway; and the next one starts with it."""
    await ask(running, NUMBER, 30.0)
    assert await hass.config_entries.async_unload("gw")
    assert writes == [30.0]
    assert stored(hass_storage)["charge_current"] == 30.0
    await running.setup()
    await running.tick(61)
    assert await hass.config_entries.async_unload("gw")
    assert writes == [30.0]


async def test_what_was_gathered_is_written_at_the_end_of_home_assistant(
    hass: HomeAssistant, running: Bench, writes: list[Any]
) -> None:
    """And what is asked while it stops, too."""
    await ask(running, NUMBER, 30.0)
    hass.set_state(CoreState.stopping)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert writes == [30.0]
    await ask(running, NUMBER, 40.0)
    assert writes == [30.0, 40.0]
    hass.set_state(CoreState.running)


def device(bench: Bench) -> str:
    """Return the gateway's device."""
    return dr.async_get_device_id_by_identifier(
        bench.hass, (DOMAIN, "gw"), config_entry_id="gw"
    )


async def limit(bench: Bench, duration: float, amps: float = 5.0) -> None:
    """Limit charging for a time."""
    await bench.hass.services.async_call(
        DOMAIN,
        "limit_current",
        {"device_id": device(bench), "charge_current": amps, "duration": duration},
        blocking=True,
    )


@pytest.mark.parametrize("duration", [30, 60, 90, 3600])
async def test_a_limit_that_is_renewed_is_not_written_again(
    running: Bench, writes: list[Any], duration: float
) -> None:
    """Each 10 s for ten minutes: the disk holds it for as long from a restart."""
    for _ in range(60):
        await limit(running, duration)
        await running.move(10)
    assert len(writes) == 1


async def test_a_longer_or_lower_limit_is_written_at_once(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """A restart would end it too early, or allow more."""

    def on_disk() -> list[tuple[float, Any]]:
        temporary_limits = hass_storage[KEY]["data"]["temporary_limits"]
        return [
            (each["amps"], pytest.approx(each["until"], abs=15))
            for each in temporary_limits
        ]

    for duration, amps in (60, 5.0), (90, 5.0), (90, 4.0):
        await limit(running, duration, amps)
        assert on_disk() == [(amps, duration)]
    assert len(writes) == 3
    await limit(running, 60, 4.5)
    assert len(writes) == 3
    await running.tick(GATHERED + 1)
    assert on_disk() == [(4.5, 60)]
    await running.move(62)
    await running.tick(GATHERED + 1)
    assert on_disk() == []
    assert len(writes) == 5


async def test_a_long_limit_costs_few_writes(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """After a crash it lasts no more than twice what was left, or a minute longer."""
    await limit(running, 4 * 3600)
    for _ in range(239):
        await running.move(60)
        [asked] = running.coordinator.setpoint_manager.setpoints.temporary_limits
        assert asked.until is not None
        left = asked.until - running.clock()
        [temporary_limit] = hass_storage[KEY]["data"]["temporary_limits"]
        assert left <= temporary_limit["until"] <= left + max(left, CLOCK_DRIFT) + 61
    assert len(writes) < 12


async def test_a_setpoint_lowered_while_the_disk_is_written_to(
    running: Bench, hass_storage: dict[str, Any]
) -> None:
    """What is being written allows more: the lower one follows at once."""
    await ask(running, NUMBER, 50.0)
    write: Callable[..., Any] = Store._async_write_data
    lowered = False

    async def lower_meanwhile(self: Store[Any], data: dict[str, Any]) -> None:
        nonlocal lowered
        if self.key == KEY and not lowered:
            lowered = True
            running.hass.async_create_task(ask(running, NUMBER, 30.0))
        await write(self, data)

    with patch.object(Store, "_async_write_data", lower_meanwhile):
        await running.tick(GATHERED + 1)
        await running.hass.async_block_till_done(wait_background_tasks=True)
    assert lowered
    assert stored(hass_storage)["charge_current"] == 30.0
