"""When data is written: at once if a restart would allow more, never twice."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from custom_components.bms_gateway.setpoints import manager
from custom_components.bms_gateway.setpoints.serialization import (
    HOUR,
    Change,
    StoredData,
)
from custom_components.bms_gateway.setpoints.urgency import (
    CLOCK_DRIFT,
    WRITE_DELAY,
    Urgency,
    urgency,
)
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
ON_DISK = StoredData(
    setpoints=ASKED,
    changes={(None, "charge_current"): Change("Ann", 0.0)},
    learned={"b1": 0.5},
)


def bank(**changes: Any) -> AllSetpoints:
    """Return the setpoints with others of the bank."""
    return replace(ASKED, bank=replace(BANK, **changes))


def inverter(**changes: Any) -> AllSetpoints:
    """Return the setpoints with others of the inverter."""
    return replace(ASKED, inverters={"i1": Setpoints(**changes)})


def temporary_limit(**changes: Any) -> AllSetpoints:
    """Return the setpoints with a temporary limit that differs in something."""
    return replace(ASKED, temporary_limits=(replace(TEMPORARY_LIMIT, **changes),))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (ASKED, Urgency.NEVER),
        # A number or switch of any device
        (bank(charge_current=19.9), Urgency.AT_ONCE),
        (bank(charge_current=20.1), Urgency.SOON),
        (bank(charge_current=None), Urgency.SOON),
        (bank(discharge_current=500.0), Urgency.AT_ONCE),
        (bank(charge_voltage=53.9), Urgency.AT_ONCE),
        (bank(charge_voltage=None), Urgency.SOON),
        (bank(charging_allowed=False), Urgency.AT_ONCE),
        (bank(discharging_allowed=True), Urgency.SOON),
        (bank(charge_current=19.9, discharging_allowed=True), Urgency.AT_ONCE),
        (inverter(discharge_current=9.0), Urgency.AT_ONCE),
        (inverter(discharge_current=11.0), Urgency.SOON),
        (inverter(discharge_current=10.0, charge_current=0.0), Urgency.AT_ONCE),
        (replace(ASKED, inverters={}), Urgency.SOON),
        (
            replace(ASKED, inverters={**ASKED.inverters, "i2": Setpoints()}),
            Urgency.NEVER,
        ),
        (
            replace(ASKED, inverters={**ASKED.inverters, "i2": BANK}),
            Urgency.AT_ONCE,
        ),
        # The service state
        (replace(ASKED, out_of_service=frozenset()), Urgency.AT_ONCE),
        (replace(ASKED, out_of_service=frozenset({"b1", "i1"})), Urgency.AT_ONCE),
        # A temporary limit: lower, longer, another one
        (temporary_limit(amps=4.9), Urgency.AT_ONCE),
        (temporary_limit(amps=5.1), Urgency.SOON),
        (temporary_limit(amps=None, watts=1.0), Urgency.AT_ONCE),
        (temporary_limit(until=3601.0), Urgency.AT_ONCE),
        (temporary_limit(until=None), Urgency.AT_ONCE),
        (temporary_limit(direction=Direction.DISCHARGE), Urgency.AT_ONCE),
        (temporary_limit(owner="Bob"), Urgency.AT_ONCE),
        (temporary_limit(device_id="i1"), Urgency.AT_ONCE),
        (replace(ASKED, temporary_limits=()), Urgency.SOON),
        # The same again, and with the time that has passed
        (temporary_limit(until=3599.0), Urgency.NEVER),
        (temporary_limit(until=1800.0), Urgency.NEVER),
        (temporary_limit(until=1799.0), Urgency.LATER),
        (temporary_limit(until=1.0), Urgency.LATER),
    ],
)
def test_changes_that_a_restart_must_not_undo_are_written_at_once(
    asked: AllSetpoints, expected: Urgency
) -> None:
    """All others soon, or with running values."""
    assert urgency(ON_DISK, replace(ON_DISK, setpoints=asked)) is expected


def test_remaining_time_of_a_short_limit_costs_no_write() -> None:
    """A restart lets it last a minute longer at the most."""
    held = replace(ON_DISK, setpoints=temporary_limit(until=90.0))
    for left, expected in (90.0 - CLOCK_DRIFT, Urgency.NEVER), (29.0, Urgency.LATER):
        now = replace(ON_DISK, setpoints=temporary_limit(until=left))
        assert urgency(held, now) is expected


def test_limit_in_watts_is_compared_in_watts() -> None:
    """Each unit is compared by itself."""
    held = replace(ON_DISK, setpoints=temporary_limit(amps=None, watts=500.0))
    for watts, expected in (
        (499.0, Urgency.AT_ONCE),
        (500.0, Urgency.NEVER),
        (501.0, Urgency.SOON),
    ):
        now = replace(ON_DISK, setpoints=temporary_limit(amps=None, watts=watts))
        assert urgency(held, now) is expected
    assert urgency(held, ON_DISK) is Urgency.AT_ONCE


def test_unlimited_duration_covers_any_other() -> None:
    """So that one with an end may replace it later."""
    held = replace(ON_DISK, setpoints=temporary_limit(until=None))
    assert urgency(held, held) is Urgency.NEVER
    assert urgency(held, ON_DISK) is Urgency.SOON


def test_user_of_a_limit_is_written() -> None:
    """A crash returns no limit that an administrator has taken over to its former owner."""
    held = replace(ON_DISK, setpoints=temporary_limit(by="bob"))
    assert urgency(held, ON_DISK) is Urgency.SOON
    assert urgency(ON_DISK, held) is Urgency.SOON


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"confirmed": False}, Urgency.AT_ONCE),
        ({"changes": {}}, Urgency.SOON),
        ({"changes": {(None, "charge_current"): Change("Bob", 0.0)}}, Urgency.SOON),
        ({"changes": {(None, "charge_current"): Change("Ann", -HOUR)}}, Urgency.LATER),
        ({"learned": {"b1": 0.6}}, Urgency.LATER),
    ],
)
def test_other_data_is_written(changes: dict[str, Any], expected: Urgency) -> None:
    """The requester too; the rest moves by itself."""
    assert urgency(ON_DISK, replace(ON_DISK, **changes)) is expected


def test_changes_are_on_disk_within_seconds() -> None:
    """No user waits longer before pulling a plug."""
    assert WRITE_DELAY == 5.0


def test_unknown_content_is_replaced_at_once() -> None:
    """It may allow more."""
    assert urgency(None, ON_DISK) is Urgency.AT_ONCE


# In a running gateway ---------------------------------------------------------


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the bank's setpoints of each write."""
    found: list[Any] = []
    save = Store.async_save

    async def count(self: Store[Any], data: Any) -> None:
        if self.key == KEY:
            found.append(data["bank"]["charge_current"])
        await save(self, data)

    monkeypatch.setattr(Store, "async_save", count)
    return found


DELAY = 50.0
"""Seconds; no machine is so slow that this time passes by itself in a test here."""


@pytest.fixture
async def running(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Start a gateway with a saved setpoint of 20 A."""
    monkeypatch.setattr(manager, "WRITE_DELAY", DELAY)
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, NUMBER, 20.0)
    return bench


def stored(hass_storage: dict[str, Any]) -> Any:
    """Return the bank's setpoints on disk."""
    return hass_storage[KEY]["data"]["bank"]


async def test_repeated_setpoint_is_not_written_again(
    running: Bench, writes: list[Any]
) -> None:
    """Ten minutes of an automation that sets it each 10 s."""
    for _ in range(60):
        await ask(running, NUMBER, 20.0)
        await turn(running, "gw_charging_allowed", "on")
        await running.tick(10)
    await running.tick(61)
    assert writes == []


async def test_lower_setpoint_is_written_at_once(
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


async def test_higher_setpoints_are_written_together(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """They apply at once; a crash meanwhile leaves less."""
    for step in range(60):
        await ask(running, NUMBER, 20.0 + step / 10)
    assert running.runtime.setpoint_manager.setpoints.bank.charge_current == 25.9
    assert (writes, stored(hass_storage)["charge_current"]) == ([], 20.0)
    await running.tick(DELAY + 1)
    assert writes == [25.9]
    await running.tick(61)
    assert writes == [25.9]


async def test_delayed_write_is_not_postponed(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """Continuous changes are written all the same."""
    with patch(
        "custom_components.bms_gateway.setpoints.manager.async_call_later"
    ) as later:
        for step in range(60):
            await ask(running, NUMBER, 21.0 + step / 10)
    [(_, delay, job)] = [call.args for call in later.call_args_list]
    assert delay == DELAY
    await job.target(None)
    assert writes == [26.9]
    await ask(running, NUMBER, 30.0)
    await running.tick(DELAY + 1)
    assert writes == [26.9, 30.0]


async def test_setpoint_below_the_stored_one_writes_pending_ones_too(
    running: Bench, writes: list[Any]
) -> None:
    """One that is lower only than pending ones can wait with them."""
    await ask(running, NUMBER, 40.0)
    await ask(running, NUMBER, 30.0)
    assert writes == []
    await ask(running, "gw_discharge_current_setpoint", 40.0)
    assert writes == [30.0]
    await running.tick(DELAY + 1)
    assert writes == [30.0]


async def test_reverted_change_is_not_written(
    running: Bench, writes: list[Any]
) -> None:
    """Nothing is pending in the end."""
    for amps in islice(cycle((30.0, 20.0)), 20):
        await ask(running, NUMBER, amps)
    await running.tick(DELAY + 1)
    await running.tick(61)
    assert writes == []


async def test_pending_changes_are_written_when_the_gateway_stops(
    hass: HomeAssistant,
    running: Bench,
    writes: list[Any],
    hass_storage: dict[str, Any],
) -> None:
    """And the next start uses them."""
    await ask(running, NUMBER, 30.0)
    assert await hass.config_entries.async_unload("gw")
    assert writes == [30.0]
    assert stored(hass_storage)["charge_current"] == 30.0
    await running.setup()
    await running.tick(61)
    assert await hass.config_entries.async_unload("gw")
    assert writes == [30.0]


async def test_pending_changes_are_written_when_home_assistant_stops(
    hass: HomeAssistant, running: Bench, writes: list[Any]
) -> None:
    """And so are changes while it stops."""
    await ask(running, NUMBER, 30.0)
    hass.set_state(CoreState.stopping)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert writes == [30.0]
    await ask(running, NUMBER, 40.0)
    assert writes == [30.0, 40.0]
    hass.set_state(CoreState.running)


async def test_change_is_written_at_once_while_home_assistant_stops(
    hass: HomeAssistant, running: Bench, writes: list[Any]
) -> None:
    """Also one that may be lost in a crash: no timer runs any more."""
    hass.set_state(CoreState.stopping)
    await ask(running, NUMBER, 30.0)
    assert writes == [30.0]
    hass.set_state(CoreState.running)


def device(bench: Bench) -> str:
    """Return the gateway's device."""
    return dr.async_get_device_id_by_identifier(
        bench.hass, (DOMAIN, "gw"), config_entry_id="gw"
    )


async def limit(bench: Bench, duration: float, amps: float = 5.0) -> None:
    """Set a temporary charge limit."""
    await bench.hass.services.async_call(
        DOMAIN,
        "limit_current",
        {"device_id": device(bench), "charge_current": amps, "duration": duration},
        blocking=True,
    )


@pytest.mark.parametrize("duration", [30, 60, 90, 3600])
async def test_renewed_limit_is_not_written_again(
    running: Bench, writes: list[Any], duration: float
) -> None:
    """Each 10 s for ten minutes: the disk holds it for as long from a restart."""
    for _ in range(60):
        await limit(running, duration)
        await running.move(10)
    assert len(writes) == 1


async def test_longer_or_lower_limit_is_written_at_once(
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
    await running.tick(DELAY + 1)
    assert on_disk() == [(4.5, 60)]
    await running.move(62)
    await running.tick(DELAY + 1)
    assert on_disk() == []
    assert len(writes) == 5


async def test_long_limit_costs_few_writes(
    running: Bench, writes: list[Any], hass_storage: dict[str, Any]
) -> None:
    """After a crash it lasts at most twice the remaining time, or a minute longer."""
    await limit(running, 4 * 3600)
    for _ in range(239):
        await running.move(60)
        [asked] = running.runtime.setpoint_manager.setpoints.temporary_limits
        assert asked.until is not None
        left = asked.until - running.clock()
        [temporary_limit] = hass_storage[KEY]["data"]["temporary_limits"]
        assert left <= temporary_limit["until"] <= left + max(left, CLOCK_DRIFT) + 61
    assert len(writes) < 12


async def test_setpoint_lowered_during_a_write_is_written(
    running: Bench, hass_storage: dict[str, Any]
) -> None:
    """The running write allows more: the lower one follows at once."""
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
        await running.tick(DELAY + 1)
        await running.hass.async_block_till_done(wait_background_tasks=True)
    assert lowered
    assert stored(hass_storage)["charge_current"] == 30.0
