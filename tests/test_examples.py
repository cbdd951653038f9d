"""Every example in the manual works: loaded and run in Home Assistant."""

from collections.abc import AsyncGenerator, Iterator
from datetime import datetime, time, timedelta
from itertools import permutations
from pathlib import Path
import re
from typing import Any, Final

import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_mqtt_message,
    async_fire_time_changed,
)

from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from homeassistant.components import persistent_notification
from homeassistant.components.persistent_notification import Notification, UpdateType
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml

from .bench import Bench

MANUAL: Final = "".join(
    (Path(__file__).parents[1] / f"docs/{page}.md").read_text(encoding="utf-8")
    for page in ("actions", "automations", "dashboard")
)
EXAMPLES: Final[list[dict[str, Any]]] = [
    dict(found)
    for block in re.findall(r"^```yaml\n(.*?)^```$", MANUAL, re.DOTALL | re.MULTILINE)
    if isinstance(found := parse_yaml(block), dict)
]
AUTOMATIONS: Final = {each["alias"]: each for each in EXAMPLES if "alias" in each}
ACTIONS: Final = [each for each in EXAMPLES if "action" in each]
DASHBOARDS: Final = [each for each in EXAMPLES if "views" in each]

NIGHT: Final = "Charge slowly at night"
CHEAP: Final = "Keep stored energy while electricity is cheap"
RESERVE: Final = "Keep a reserve of 20 %"
NOTIFY: Final = "Notify when a battery disconnects or is lost"
EVCC: Final = "Let evcc control the battery"

PRICE: Final = "sensor.electricity_price"


async def at_work(bench: Bench, **options: Any) -> None:
    """Start a gateway named as the demo's: two batteries, two inverters of 25 A."""
    for number in 1, 2:
        bench.battery(f"b{number}", title=f"Battery {number}")
    for number in 1, 2:
        rated = {"rated_charge": 25.0, "rated_discharge": 25.0}
        bench.inverter(f"i{number}", title=f"Inverter {number}", **rated)
    await bench.start(options=options, title="Battery bank")
    await bench.online("b1", "b2")
    await receive_limits(bench, 25.0, 25.0)


async def receive_limits(bench: Bench, charge: float, discharge: float) -> None:
    """Wait until both inverters receive these limits."""
    for inverter in "i1", "i2":
        await bench.receives(inverter, charge, discharge)


@pytest.fixture(autouse=True)
async def no_timer_left(hass: HomeAssistant) -> AsyncGenerator[None]:
    """Remove the automations at the end: their time triggers would linger."""
    yield
    for state in hass.states.async_all("automation"):
        target = {"entity_id": state.entity_id}
        await hass.services.async_call("automation", "turn_off", target, blocking=True)


async def automate(hass: HomeAssistant, alias: str) -> None:
    """Set up one of the manual's automations."""
    config = {"automation": [AUTOMATIONS[alias]]}
    assert await async_setup_component(hass, "automation", config)
    await hass.async_block_till_done()
    [state] = hass.states.async_all("automation")
    assert state.state == STATE_ON


async def come(hass: HomeAssistant, moment: datetime) -> None:
    """Set the time of day, for Home Assistant alone."""
    async_fire_time_changed(hass, moment)
    await hass.async_block_till_done()


def temporary_limits(bench: Bench) -> tuple[TemporaryLimit, ...]:
    """Return the limits that end by themselves."""
    return bench.runtime.setpoint_manager.setpoints.temporary_limits


def test_every_example_is_tested() -> None:
    """Below."""
    assert set(AUTOMATIONS) == {NIGHT, CHEAP, RESERVE, NOTIFY, EVCC}
    assert len(ACTIONS) == len(DASHBOARDS) == 1
    assert len(EXAMPLES) == len(AUTOMATIONS) + 2 == MANUAL.count("```yaml\n")


async def test_charging_is_slow_at_night(hass: HomeAssistant, bench: Bench) -> None:
    """At 22:00 with 20 A; from 6:00 on with all that the batteries allow."""
    await at_work(bench)
    await automate(hass, NIGHT)
    tomorrow = dt_util.now().date() + timedelta(days=1)
    zone = dt_util.get_default_time_zone()
    await come(hass, datetime.combine(tomorrow, time(7), zone))
    await come(hass, datetime.combine(tomorrow, time(22), zone))
    await bench.shows("number", "gw_charge_current_setpoint", "20.0")
    await receive_limits(bench, 10.0, 25.0)
    await come(hass, datetime.combine(tomorrow + timedelta(days=1), time(6), zone))
    await bench.shows("number", "gw_charge_current_setpoint", "50.0")
    assert bench.runtime.setpoint_manager.setpoints.bank.charge_current is None


async def test_stored_energy_is_kept_while_electricity_is_cheap(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Renewed meanwhile; afterwards the limit ends by itself."""
    await at_work(bench)
    hass.states.async_set(PRICE, "0.31")
    await automate(hass, CHEAP)
    hass.states.async_set(PRICE, "0.11")
    await receive_limits(bench, 25.0, 0.0)
    [first] = temporary_limits(bench)
    assert (first.owner, first.direction) == ("Cheap hours", Direction.DISCHARGE)
    assert first.until is not None
    assert first.until - bench.clock() == pytest.approx(1200, abs=5)

    bench.ahead += 60
    quarter = dt_util.utcnow().replace(minute=15, second=0, microsecond=0)
    await come(hass, quarter + timedelta(hours=1))
    [second] = temporary_limits(bench)
    assert second.until is not None
    assert second.until >= first.until + 60

    hass.states.async_set(PRICE, "0.31")
    await come(hass, quarter + timedelta(hours=2))
    assert temporary_limits(bench) == (second,)
    bench.ahead += 1200
    await come(hass, quarter + timedelta(hours=3))
    assert temporary_limits(bench) == ()


async def test_discharging_stops_below_the_reserve(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Off below 20 %, on above 25 %, unchanged in between."""
    await at_work(bench)
    await automate(hass, RESERVE)
    for minutes, (soc, allowed) in enumerate(
        [(21, STATE_ON), (19, STATE_OFF), (24, STATE_OFF), (26, STATE_ON)], start=1
    ):
        await bench.send_telegrams("b1", "b2", soc=soc)
        await bench.tick(60 * minutes)
        await bench.shows("sensor", "gw_soc", f"{soc:.1f}")
        await bench.shows("switch", "gw_discharging_allowed", allowed)
        if allowed == STATE_OFF:
            await receive_limits(bench, 25.0, 0.0)


async def test_protection_and_loss_are_notified_once(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Of a protection and of a loss, with the battery's name, once each."""
    texts: list[str] = []

    def on_update(kind: UpdateType, notifications: dict[str, Notification]) -> None:
        if kind is UpdateType.ADDED:
            texts.extend(each["message"] for each in notifications.values())

    assert await async_setup_component(hass, "persistent_notification", {})
    persistent_notification.async_register_callback(hass, on_update)
    await at_work(bench)
    await automate(hass, NOTIFY)
    # 0x359 byte 0 bit 1: over-voltage
    await bench.send_telegrams("b1", protections=(0b10, 0))
    await bench.until(lambda: bool(texts))
    await bench.send_telegrams("b1")
    for _ in range(6):
        await bench.move(2)
        await bench.send_telegrams("b2")
    await bench.until(lambda: len(texts) > 1)
    assert texts == [
        "Battery 1: protection raised over voltage",
        "Battery 1: battery lost",
    ]


EVCC_MODES: Final[dict[str, Direction | None]] = {
    "normal": None,
    "hold": Direction.DISCHARGE,
    "charge": None,
    "holdcharge": Direction.CHARGE,
    "discharge": None,
    "unknown": None,
}
"""evcc's battery modes, and what each blocks."""


async def publish_mode(hass: HomeAssistant, mode: str) -> None:
    """Publish a battery mode as evcc does, or as the broker that retains it."""
    async_fire_mqtt_message(hass, "evcc/site/batteryMode", mode)
    await hass.async_block_till_done(wait_background_tasks=True)


def held(bench: Bench) -> list[tuple[str, Direction, float | None, float | None]]:
    """Return the active limits: owner, value and end."""
    return [
        (
            temporary_limit.owner,
            temporary_limit.direction,
            temporary_limit.amps,
            temporary_limit.until,
        )
        for temporary_limit in temporary_limits(bench)
    ]


def held_by_evcc(mode: str) -> list[tuple[str, Direction, float | None, float | None]]:
    """Return the limits required in a mode: until evcc clears them."""
    direction = EVCC_MODES[mode]
    return [("evcc", direction, 0.0, None)] if direction else []


# Home Assistant's mock of an MQTT client leaves a timer behind
LINGERS: Final = pytest.mark.parametrize("expected_lingering_timers", [True])


@LINGERS
@pytest.mark.usefixtures("mqtt_mock")
async def test_evcc_mode_controls_the_battery(
    hass: HomeAssistant, bench: Bench
) -> None:
    """From each mode to each other one, however often it is published."""
    await at_work(bench)
    await automate(hass, EVCC)
    for before, after in permutations(EVCC_MODES, 2):
        await publish_mode(hass, before)
        for _ in range(2):
            await publish_mode(hass, after)
            assert held(bench) == held_by_evcc(after), (before, after)


@LINGERS
@pytest.mark.usefixtures("mqtt_mock")
async def test_evcc_limits_reach_the_inverters(
    hass: HomeAssistant, bench: Bench
) -> None:
    """In one direction only."""
    await at_work(bench)
    await automate(hass, EVCC)
    await publish_mode(hass, "hold")
    await receive_limits(bench, 25.0, 0.0)
    await publish_mode(hass, "holdcharge")
    for _ in range(30):  # a limit rises slowly
        bench.ahead += 1
        await bench.send_telegrams("b1", "b2")
    await receive_limits(bench, 0.0, 25.0)


@LINGERS
@pytest.mark.usefixtures("mqtt_mock")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hold", "hold"),
        ("hold", "holdcharge"),
        ("hold", "normal"),
        ("holdcharge", "holdcharge"),
        ("holdcharge", "discharge"),
        ("charge", "hold"),
    ],
)
async def test_evcc_limits_survive_a_restart(
    hass: HomeAssistant, bench: Bench, before: str, after: str
) -> None:
    """Its mode is retained: it comes again, and may have changed meanwhile."""
    await at_work(bench)
    await automate(hass, EVCC)
    await publish_mode(hass, before)
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    assert held(bench) == held_by_evcc(before)
    await publish_mode(hass, after)
    assert held(bench) == held_by_evcc(after)


@LINGERS
@pytest.mark.usefixtures("mqtt_mock")
async def test_evcc_clears_no_limit_of_others(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Each owner has one of its own."""
    await at_work(bench)
    await automate(hass, EVCC)
    await bench.hass.services.async_call(
        "bms_gateway",
        "limit_current",
        {
            "device_id": dr.async_get_device_id_by_identifier(
                hass, ("bms_gateway", "gw"), config_entry_id="gw"
            ),
            "discharge_current": 30,
            "until_cleared": True,
            "owner": "Ann",
        },
        blocking=True,
    )
    for mode in *EVCC_MODES, "hold", "normal":
        await publish_mode(hass, mode)
        assert ("Ann", Direction.DISCHARGE, 30.0, None) in held(bench)


async def test_action_limits_the_bank(hass: HomeAssistant, bench: Bench) -> None:
    """For the bank, for an hour and a half."""
    await at_work(bench)
    script = {"script": {"example": {"sequence": ACTIONS}}}
    assert await async_setup_component(hass, "script", script)
    await hass.services.async_call("script", "example", blocking=True)
    [temporary_limit] = temporary_limits(bench)
    assert temporary_limit.device_id is None
    assert (temporary_limit.watts, temporary_limit.owner) == (2000.0, "Cheap hours")
    assert temporary_limit.until is not None
    assert temporary_limit.until - bench.clock() == pytest.approx(5400, abs=5)
    # 2000 W at 52 V are 38.46 A
    await receive_limits(bench, 19.2, 25.0)


def shown(part: Any) -> Iterator[str]:
    """Yield every entity that a part of a dashboard shows."""
    if isinstance(part, list):
        for each in part:
            yield from [each] if isinstance(each, str) else shown(each)
    elif isinstance(part, dict):
        for key, each in part.items():
            if key == "entity":
                yield each
            elif isinstance(each, dict | list):
                yield from shown(each)


async def test_dashboard_shows_existing_entities(
    hass: HomeAssistant, bench: Bench
) -> None:
    """It shows existing entities without enabling any first."""
    await at_work(bench)
    found = shown(DASHBOARDS[0])
    entities = {each for each in found if re.fullmatch(r"[a-z_]+\.\w+", each)}
    assert len(entities) > 20
    assert {each for each in entities if hass.states.get(each) is None} == set()
