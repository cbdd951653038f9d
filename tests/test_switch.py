"""Switches: blocking applies at once; a battery with current stays in service."""

from collections.abc import Awaitable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import BatteryStatus
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er

from .bench import Bench, telegram

KEY = f"{DOMAIN}.gw.setpoints"


def turn(
    bench: Bench, unique_id: str, to: str, context: Context | None = None
) -> Awaitable[Any]:
    """Turn a switch as a person or an automation does."""
    return bench.hass.services.async_call(
        "switch",
        f"turn_{to}",
        {"entity_id": bench.entity_id("switch", unique_id)},
        blocking=True,
        context=context,
    )


def shown(bench: Bench, unique_id: str) -> str:
    """Return what a switch shows."""
    return bench.state("switch", unique_id).state


@pytest.mark.parametrize(
    ("switch", "limits"),
    [
        ("gw_charging_allowed", (0.0, 50.0)),
        ("gw_discharging_allowed", (50.0, 0.0)),
        ("i1_charging_allowed", (0.0, 50.0)),
        ("i1_discharging_allowed", (50.0, 0.0)),
        ("i1_in_service", (0.0, 0.0)),
    ],
)
async def test_off_is_0_a(
    bench: Bench, switch: str, limits: tuple[float, float], hass_storage: dict[str, Any]
) -> None:
    """At once and over a restart; on again, everything is as before."""
    await bench.battery("b1").inverter("i1").start()
    assert shown(bench, switch) == STATE_ON
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    await turn(bench, switch, "off")
    assert shown(bench, switch) == STATE_OFF
    await bench.receives("i1", *limits)
    assert await bench.hass.config_entries.async_unload("gw")
    await bench.setup()
    assert shown(bench, switch) == STATE_OFF
    await bench.online("b1")
    await bench.receives("i1", *limits)
    await turn(bench, switch, "on")
    assert shown(bench, switch) == STATE_ON
    setpoints = bench.runtime.setpoint_manager.setpoints
    assert setpoints.of("i1") == setpoints.bank == Setpoints()
    assert not setpoints.out_of_service


async def test_nothing_can_be_allowed_after_an_unreadable_store(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Blocking is possible as ever."""
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": "?"}
    await bench.battery("b1").inverter("i1").start()
    await turn(bench, "gw_charging_allowed", "off")
    with pytest.raises(ServiceValidationError) as refused:
        await turn(bench, "gw_charging_allowed", "on")
    assert refused.value.translation_key == "setpoints_unconfirmed"
    assert shown(bench, "gw_charging_allowed") == STATE_OFF


async def test_number_is_kept_behind_the_switch(bench: Bench) -> None:
    """Allowed again, the setpoint applies again."""
    await bench.battery("b1").inverter("i1").start()
    setpoint_manager = bench.runtime.setpoint_manager
    twenty = AllSetpoints(bank=Setpoints(charge_current=20.0))
    await setpoint_manager.async_set(twenty, "Ann")
    await turn(bench, "gw_charging_allowed", "off")
    assert bench.state("number", "gw_charge_current_setpoint").state == "20.0"
    await turn(bench, "gw_charging_allowed", "on")
    assert setpoint_manager.setpoints == twenty


async def test_inverter_out_of_service_leaves_its_part_to_the_others(
    bench: Bench,
) -> None:
    """It is sent 0 A."""
    await bench.battery("b1", capacity_ah=100.0).inverter("i1").inverter("i2").start()
    await bench.online("b1", ccl=60.0)
    await bench.receives("i2", 30.0, 50.0)
    await turn(bench, "i1_in_service", "off")
    await bench.receives("i1", 0.0, 0.0)
    await bench.receives("i2", 30.0, 50.0)
    reason = await bench.shows("sensor", "i1_charge_limited_by", "in_service")
    assert "source" not in reason.attributes


async def test_battery_out_of_service_does_not_count(bench: Bench) -> None:
    """It is still read and shown."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", ccl=10.0)
    await bench.receives("i1", 20.0, 50.0)
    await turn(bench, "b2_in_service", "off")
    await bench.shows("sensor", "b2_state", "out_of_service")
    await bench.receives("i1", 10.0, 50.0)
    assert bench.state("sensor", "b2_soc").state == "50.0"
    await turn(bench, "b2_in_service", "on")
    await bench.send_telegrams("b1", "b2", ccl=10.0)
    await bench.until(lambda: bench.snapshot.batteries["b2"].online)


@pytest.mark.parametrize("current", [2.1, -23.0])
async def test_battery_that_carries_current_stays_in_service(
    bench: Bench, hass_storage: dict[str, Any], current: float
) -> None:
    """It would be overloaded unseen; the error explains what to do."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", current=current)
    before = bench.runtime.setpoint_manager.setpoints
    with pytest.raises(ServiceValidationError) as refused:
        await turn(bench, "b2_in_service", "off")
    assert refused.value.translation_key == "battery_carries"
    assert refused.value.translation_placeholders == {
        "name": "My b2",
        "amps": f"{abs(current):.1f}",
    }
    assert shown(bench, "b2_in_service") == STATE_ON
    assert bench.runtime.setpoint_manager.setpoints == before
    assert KEY not in hass_storage


@pytest.mark.parametrize("current", [2.0, -2.0, 0.0])
async def test_battery_at_rest_can_be_taken_out(bench: Bench, current: float) -> None:
    """2 A is the error of a current meter."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", current=current)
    await turn(bench, "b2_in_service", "off")
    assert shown(bench, "b2_in_service") == STATE_OFF
    # Off is off: the second time it need not be at rest
    await turn(bench, "b2_in_service", "off")


async def test_lost_battery_with_a_known_current_stays(bench: Bench) -> None:
    """It is lost for lack of its limits, yet it is connected."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", current=-23.0)
    for _ in range(20):
        bench.ahead += 2
        bench.send("b2", [row for row in telegram(current=-23.0) if row[0] != 0x351])
        await bench.send_telegrams("b1")
    assert bench.snapshot.batteries["b2"].status is BatteryStatus.LOST
    with pytest.raises(ServiceValidationError) as refused:
        await turn(bench, "b2_in_service", "off")
    assert refused.value.translation_key == "battery_carries"


async def test_battery_whose_current_is_unknown_stays(bench: Bench) -> None:
    """Unknown is not 0."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", current=10.0)
    for _ in range(20):
        bench.ahead += 2
        bench.send("b2", [row for row in telegram() if row[0] != 0x356])
        await bench.send_telegrams("b1")
    assert bench.snapshot.batteries["b2"].online
    assert bench.snapshot.batteries["b2"].readings.current is None
    with pytest.raises(ServiceValidationError) as refused:
        await turn(bench, "b2_in_service", "off")
    assert refused.value.translation_key == "battery_current_unknown"
    assert shown(bench, "b2_in_service") == STATE_ON


async def test_lost_battery_that_sends_anything_stays(bench: Bench) -> None:
    """It is connected, whatever it carries; silent for a while it may not be."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", current=-23.0)
    for _ in range(20):
        bench.ahead += 2
        rest = [row for row in telegram() if row[0] not in {0x351, 0x356}]
        bench.send("b2", rest)
        await bench.send_telegrams("b1")
    assert bench.snapshot.batteries["b2"].status is BatteryStatus.LOST
    assert bench.snapshot.batteries["b2"].readings.current is None
    with pytest.raises(ServiceValidationError) as refused:
        await turn(bench, "b2_in_service", "off")
    assert refused.value.translation_key == "battery_current_unknown"
    bench.ahead += 31
    await turn(bench, "b2_in_service", "off")
    assert shown(bench, "b2_in_service") == STATE_OFF


async def test_battery_that_never_reported_its_limits_stays(bench: Bench) -> None:
    """It waits for its first telegram, yet it is connected."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    bench.send("b2", [row for row in telegram() if row[0] == 0x355])
    await bench.until(lambda: bench.snapshot.batteries["b2"].last_frame_at is not None)
    assert bench.snapshot.batteries["b2"].status is BatteryStatus.WAITING
    with pytest.raises(ServiceValidationError) as refused:
        await turn(bench, "b2_in_service", "off")
    assert refused.value.translation_key == "battery_current_unknown"


async def test_silent_battery_can_be_taken_out(bench: Bench) -> None:
    """It may be disconnected; that is the purpose of the switch."""
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await turn(bench, "b2_in_service", "off")
    await bench.online("b1", current=30.0)
    await bench.receives("i1", 50.0, 50.0)
    assert bench.snapshot.batteries["b2"].status is BatteryStatus.OUT_OF_SERVICE


@pytest.mark.usefixtures("socket_enabled")
async def test_switches_never_wait_for_a_port(bench: Bench) -> None:
    """Blocking must never be impossible."""
    bench.battery("b1", interface="socketcan", channel="nosuchcan0")
    bench.inverter("i1", interface="socketcan", channel="nosuchcan1")
    await bench.start()
    await bench.until(lambda: {"port_b1", "port_i1"} <= set(bench.issues()))
    for switch in (
        "gw_charging_allowed",
        "gw_discharging_allowed",
        "i1_charging_allowed",
        "i1_in_service",
        "b1_in_service",
    ):
        await turn(bench, switch, "off")
        assert shown(bench, switch) == STATE_OFF


async def test_disabled_switch_still_blocks(hass: HomeAssistant, bench: Bench) -> None:
    """Entities only show it."""
    await bench.battery("b1").inverter("i1").start()
    await turn(bench, "gw_charging_allowed", "off")
    er.async_get(hass).async_update_entity(
        bench.entity_id("switch", "gw_charging_allowed"),
        disabled_by=er.RegistryEntryDisabler.USER,
    )
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    await bench.online("b1")
    await bench.receives("i1", 0.0, 50.0)


async def test_requester_is_stored(hass: HomeAssistant, bench: Bench) -> None:
    """A user by name; any other is an automation."""
    user = MockUser(name="Ann", is_owner=True).add_to_hass(hass)
    await bench.battery("b1").inverter("i1").start()
    await turn(bench, "gw_charging_allowed", "off", Context(user_id=user.id))
    await turn(bench, "i1_charging_allowed", "off")
    changes = bench.runtime.setpoint_store.changes
    assert {key: change.by for key, change in changes.items()} == {
        (None, "charging_allowed"): "Ann",
        ("i1", "charging_allowed"): "automation",
    }
