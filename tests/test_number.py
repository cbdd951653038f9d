"""Setpoints: sent at once, stored, and never more than allowed."""

import math
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.number import Setpoint
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from .bench import Bench

KEY = f"{DOMAIN}.gw.setpoints"


async def ask(
    bench: Bench, unique_id: str, value: float, context: Context | None = None
) -> None:
    """Set a number as a person or an automation does."""
    await bench.hass.services.async_call(
        "number",
        "set_value",
        {"entity_id": bench.entity_id("number", unique_id), "value": value},
        blocking=True,
        context=context,
    )


def shown(bench: Bench, unique_id: str) -> float:
    """Return what a number shows."""
    return float(bench.state("number", unique_id).state)


async def test_setpoint_lowers_the_sent_limit(bench: Bench) -> None:
    """At once: the bank's for all inverters, an inverter's for itself."""
    await bench.battery("b1").inverter("i1").inverter("i2").start()
    await bench.online("b1")
    await bench.receives("i1", 50.0, 50.0)
    await bench.receives("i2", 50.0, 50.0)
    await ask(bench, "gw_charge_current_setpoint", 30.0)
    await bench.receives("i1", 15.0, 50.0)
    await bench.receives("i2", 15.0, 50.0)
    await ask(bench, "i1_discharge_current_setpoint", 0.0)
    await bench.receives("i1", 15.0, 0.0)


async def test_setpoints_show_no_limit_as_their_maximum(bench: Bench) -> None:
    """Of an inverter its rating, of the bank the sum of them."""
    await bench.battery("b1").inverter("i1").inverter("i2", rated_charge=20.0).start()
    assert shown(bench, "gw_charge_current_setpoint") == 70.0
    assert shown(bench, "gw_discharge_current_setpoint") == 100.0
    assert shown(bench, "gw_charge_voltage_setpoint") == 60.0
    assert shown(bench, "i2_charge_current_setpoint") == 20.0
    assert bench.runtime.setpoint_store.setpoints == AllSetpoints()


async def test_maximum_is_no_limit_and_moves(hass: HomeAssistant, bench: Bench) -> None:
    """A setpoint at the maximum follows it; one below does not, and is kept."""
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, "gw_charge_current_setpoint", 50.0)
    await ask(bench, "gw_discharge_current_setpoint", 40.0)
    assert bench.runtime.setpoint_store.setpoints.bank == Setpoints(
        discharge_current=40.0
    )

    def total(amps: float) -> None:
        hass.config_entries.async_update_entry(
            bench.entry, options={"total_charge": amps, "total_discharge": amps}
        )

    total(30.0)
    await hass.async_block_till_done()
    assert shown(bench, "gw_charge_current_setpoint") == 30.0
    assert shown(bench, "gw_discharge_current_setpoint") == 30.0
    total(200.0)
    await hass.async_block_till_done()
    assert shown(bench, "gw_charge_current_setpoint") == 200.0
    assert shown(bench, "gw_discharge_current_setpoint") == 40.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, 50.1])
@pytest.mark.parametrize("directly", [True, False])
async def test_invalid_setpoint_is_rejected(
    hass: HomeAssistant, bench: Bench, value: float, directly: bool
) -> None:
    """And changes nothing, through Home Assistant's own checks or past them."""
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, "gw_charge_current_setpoint", 20.0)
    entity_id = bench.entity_id("number", "gw_charge_current_setpoint")
    entity = hass.data["number"].get_entity(entity_id)
    assert isinstance(entity, Setpoint)
    setting = (
        entity.async_set_native_value(value)
        if directly
        else ask(bench, "gw_charge_current_setpoint", value)
    )
    with pytest.raises(ServiceValidationError) as refused:
        await setting
    if directly:
        assert refused.value.translation_domain == DOMAIN
        assert refused.value.translation_key == "setpoint_out_of_range"
    assert shown(bench, "gw_charge_current_setpoint") == 20.0
    assert bench.runtime.setpoint_store.setpoints.bank == Setpoints(charge_current=20.0)


async def test_minus_zero_is_zero(bench: Bench) -> None:
    """A limit of -0 A would look odd."""
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, "gw_charge_current_setpoint", -0.0)
    assert str(bench.runtime.setpoint_store.setpoints.bank.charge_current) == "0.0"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (66.60000000000001, 66.6),
        (66.59999999999999, 66.6),
        (0.30000000000000004, 0.3),
        (1e-12, 0.0),
        (66.64, 66.64),
        (99.99999999999999, None),
    ],
)
async def test_float_noise_is_removed(
    bench: Bench, value: float, kept: float | None
) -> None:
    """A template that calculates a value means the rounded one."""
    await bench.battery("b1").inverter("i1").inverter("i2").start()
    await ask(bench, "gw_charge_current_setpoint", 10.0)
    await ask(bench, "gw_charge_current_setpoint", value)
    assert bench.runtime.setpoint_store.setpoints.bank.charge_current == kept
    state = bench.state("number", "gw_charge_current_setpoint").state
    assert state == str(100.0 if kept is None else kept)


async def test_float_noise_above_the_maximum_is_accepted(bench: Bench) -> None:
    """Home Assistant itself would reject it: 66.60000000000001 is 66.6 there, too."""
    await bench.battery("b1").inverter("i1", rated_charge=66.6).start()
    await ask(bench, "i1_charge_current_setpoint", 10.0)
    await ask(bench, "i1_charge_current_setpoint", 66.60000000000001)
    assert bench.runtime.setpoint_store.setpoints.inverters["i1"].charge_current is None
    state = bench.state("number", "i1_charge_current_setpoint")
    assert (state.state, state.attributes["max"]) == ("66.6", 66.6)
    with pytest.raises(ServiceValidationError, match="outside valid range"):
        await ask(bench, "i1_charge_current_setpoint", 66.61)


async def test_maximum_is_shown_without_noise_in_any_unit(bench: Bench) -> None:
    """In mA, too, it has no extra digits."""
    await bench.battery("b1").inverter("i1", rated_charge=66.6).start()
    entity_id = bench.entity_id("number", "i1_charge_current_setpoint")
    er.async_get(bench.hass).async_update_entity_options(
        entity_id, "number", {"unit_of_measurement": "mA"}
    )
    await bench.hass.async_block_till_done()
    state = bench.state("number", "i1_charge_current_setpoint")
    assert (state.state, state.attributes["max"]) == ("66600.0", 66600.0)


async def test_stored_noise_is_not_shown(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Nor is that of a rating."""
    bench.battery("b1").inverter("i1", rated_charge=66.60000000000001)
    await bench.start()
    state = bench.state("number", "i1_charge_current_setpoint")
    assert (state.state, state.attributes["max"]) == ("66.6", 66.6)
    noisy = AllSetpoints(bank=Setpoints(charge_current=33.300000000000004))
    await bench.runtime.setpoint_manager.async_set(noisy, "Ann")
    assert bench.state("number", "gw_charge_current_setpoint").state == "33.3"


async def test_sum_of_ratings_can_be_entered(bench: Bench) -> None:
    """Three times 33.3 is 99.9, despite float errors."""
    bench.battery("b1")
    for inverter in "i1", "i2", "i3":
        bench.inverter(inverter, rated_charge=33.3, rated_discharge=33.3)
    await bench.start()
    state = bench.state("number", "gw_charge_current_setpoint")
    assert (state.state, state.attributes["max"]) == ("99.9", 99.9)
    await ask(bench, "gw_charge_current_setpoint", 50.0)
    await ask(bench, "gw_charge_current_setpoint", 99.9)
    assert bench.runtime.setpoint_store.setpoints == AllSetpoints()


async def test_voltage_has_a_minimum(bench: Bench) -> None:
    """At a lower value inverters would discharge the battery to reach it."""
    await bench.battery("b1").inverter("i1").start()
    with pytest.raises(ServiceValidationError):
        await ask(bench, "gw_charge_voltage_setpoint", 47.9)
    await ask(bench, "gw_charge_voltage_setpoint", 54.0)
    assert bench.runtime.setpoint_store.setpoints.bank.charge_voltage == 54.0


@pytest.mark.parametrize(
    ("volts", "low", "high"), [("12", 12.0, 15.0), ("24", 24.0, 30.0)]
)
async def test_range_of_the_voltage_follows_the_nominal_voltage(
    bench: Bench, volts: str, low: float, high: float
) -> None:
    """3.0 to 3.75 V a cell."""
    await bench.battery("b1", nominal_voltage=volts).inverter("i1").start()
    state = bench.state("number", "gw_charge_voltage_setpoint")
    assert (state.attributes["min"], state.attributes["max"]) == (low, high)
    assert shown(bench, "gw_charge_voltage_setpoint") == high
    with pytest.raises(ServiceValidationError):
        await ask(bench, "gw_charge_voltage_setpoint", low - 0.1)
    await ask(bench, "gw_charge_voltage_setpoint", low + 2)
    assert bench.runtime.setpoint_store.setpoints.bank.charge_voltage == low + 2


async def test_setpoints_are_saved_at_once_and_loaded_first(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """The first telegram after a restart is already limited by them."""
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, "gw_charge_current_setpoint", 12.0)
    assert hass_storage[KEY]["data"]["bank"]["charge_current"] == 12.0
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    assert shown(bench, "gw_charge_current_setpoint") == 12.0
    await bench.online("b1")
    await bench.receives("i1", 12.0, 50.0)


async def test_disabled_number_keeps_its_setpoint(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Entities only show it."""
    await bench.battery("b1").inverter("i1").start()
    await ask(bench, "gw_charge_current_setpoint", 12.0)
    er.async_get(hass).async_update_entity(
        bench.entity_id("number", "gw_charge_current_setpoint"),
        disabled_by=er.RegistryEntryDisabler.USER,
    )
    assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    await bench.online("b1")
    await bench.receives("i1", 12.0, 50.0)


@pytest.mark.usefixtures("socket_enabled")
async def test_lowering_is_always_possible(bench: Bench) -> None:
    """Also while nothing is received and a port is lost."""
    bench.inverter("i1", interface="socketcan", channel="nosuchcan0")
    await bench.battery("b1").start()
    await bench.until(lambda: "port_i1" in bench.issues())
    await ask(bench, "gw_charge_current_setpoint", 0.0)
    await ask(bench, "i1_charge_current_setpoint", 0.0)
    assert shown(bench, "i1_charge_current_setpoint") == 0.0


@pytest.mark.parametrize(("choice", "amps"), [("keep", 0.0), ("clear", 50.0)])
async def test_unreadable_store_allows_nothing_until_confirmed(
    hass: HomeAssistant,
    bench: Bench,
    hass_storage: dict[str, Any],
    choice: str,
    amps: float,
) -> None:
    """The repair asks, and the answer is applied at once and stored."""
    assert await async_setup_component(hass, REPAIRS, {})
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": "?"}
    await bench.battery("b1").inverter("i1").start()
    issue_id = "setpoints_unreadable_gw"
    assert bench.issues() == {issue_id: "setpoints_unreadable"}
    assert shown(bench, "gw_charge_current_setpoint") == 0.0
    await bench.online("b1")
    await bench.receives("i1", 0.0, 0.0)

    flows = hass.data[REPAIRS]["flow_manager"]
    menu = await flows.async_init(
        DOMAIN, context={"source": "user"}, data={"issue_id": issue_id}
    )
    assert menu["menu_options"] == ["keep", "clear"]
    done = await flows.async_configure(menu["flow_id"], {"next_step_id": choice})
    assert done["type"] == "create_entry"
    await hass.async_block_till_done()
    assert bench.issues() == {}
    assert shown(bench, "gw_charge_current_setpoint") == amps
    assert hass_storage[KEY]["data"]["confirmed"] is True


@pytest.mark.parametrize("by_a_person", [False, True])
async def test_setpoints_can_only_be_lowered_after_an_unreadable_store(
    hass: HomeAssistant,
    bench: Bench,
    hass_storage: dict[str, Any],
    by_a_person: bool,
) -> None:
    """Programs act in a person's name, too: only the answer to the repair confirms."""
    user = MockUser(name="Ann", is_owner=True).add_to_hass(hass)
    context = Context(user_id=user.id) if by_a_person else None
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": "?"}
    await bench.battery("b1").inverter("i1").start()
    before = bench.runtime.setpoint_store.setpoints
    for number, value in ("gw_charge", 50.0), ("gw_charge", 0.1), ("i1_charge", 50.0):
        with pytest.raises(ServiceValidationError) as refused:
            await ask(bench, f"{number}_current_setpoint", value, context)
        assert refused.value.translation_key == "setpoints_unconfirmed"
    assert bench.runtime.setpoint_store.setpoints == before
    await ask(bench, "gw_charge_current_setpoint", 0.0, context)
    await ask(bench, "gw_charge_voltage_setpoint", 54.0, context)
    with pytest.raises(ServiceValidationError):
        await ask(bench, "gw_charge_voltage_setpoint", 54.1, context)
    await bench.online("b1")
    await bench.receives("i1", 0.0, 0.0)
    assert bench.issues() == {"setpoints_unreadable_gw": "setpoints_unreadable"}

    setpoint_manager = bench.runtime.setpoint_manager
    await setpoint_manager.async_confirm(setpoint_manager.setpoints, "repair")
    await ask(bench, "gw_charge_voltage_setpoint", 54.1, context)
    for device in "gw", "i1":
        await ask(bench, f"{device}_charge_current_setpoint", 20.0, context)
        assert shown(bench, f"{device}_charge_current_setpoint") == 20.0


async def test_repair_needs_a_running_gateway(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Nothing can take the answer otherwise."""
    assert await async_setup_component(hass, REPAIRS, {})
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": "?"}
    await bench.battery("b1").start()
    flows = hass.data[REPAIRS]["flow_manager"]
    menu = await flows.async_init(
        DOMAIN,
        context={"source": "user"},
        data={"issue_id": "setpoints_unreadable_gw"},
    )
    assert await hass.config_entries.async_unload("gw")
    done = await flows.async_configure(menu["flow_id"], {"next_step_id": "clear"})
    assert (done["type"], done["reason"]) == ("abort", "not_loaded")
