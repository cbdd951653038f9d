"""The form of a battery or inverter: invalid input is reported and corrected."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.bms_gateway.flows.forms.form import SECTION_RARE, fields_of
from custom_components.bms_gateway.flows.forms.schemas import DEVICE_FORMS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers.selector import SelectSelector

from ..form_user import BATTERY, INVERTER, Flow, add, filled, is_open

NAN = float("nan")


async def begin(hass: HomeAssistant, bank: MockConfigEntry, kind: str) -> Flow:
    """Continue to the form of a battery or inverter to add."""
    flow = await add(hass, bank, kind)
    await flow.reach("flow-1")
    return flow


@pytest.mark.parametrize(
    ("kind", "key", "wrong"),
    [
        ("battery", "name", " "),
        ("battery", "capacity_ah", 0),
        ("battery", "capacity_ah", -1),
        ("battery", "capacity_ah", 100_001),
        ("battery", "capacity_ah", NAN),
        ("battery", "capacity_ah", "inf"),
        ("battery", "poll_interval", 0),
        ("battery", "timeout", 2.9),
        ("battery", "timeout", NAN),
        ("inverter", "name", ""),
        ("inverter", "rated_charge", 0),
        ("inverter", "rated_charge", 10_001),
        ("inverter", "rated_discharge", NAN),
        ("inverter", "min_send_interval", -0.1),
        ("inverter", "min_send_interval", NAN),
        ("inverter", "prompt_interval", 0.4),
        ("inverter", "current_factor", 11),
        ("inverter", "current_offset", -1001),
        ("inverter", "timeout", 4.9),
        ("inverter", "timeout", NAN),
        ("inverter", "reaction_time", -0.1),
        ("inverter", "reaction_time", 121),
    ],
)
async def test_invalid_input_is_reported_and_corrected(
    hass: HomeAssistant, bank: MockConfigEntry, kind: str, key: str, wrong: Any
) -> None:
    """The input stays; an error in the collapsed section expands it."""
    typed = {**(BATTERY if kind == "battery" else INVERTER), "name": "Mine"}
    rare = key not in typed
    bad = {SECTION_RARE: {key: wrong}} if rare else {key: wrong}
    flow = await begin(hass, bank, kind)
    assert not is_open(flow.result)
    result = await flow.fill(typed, bad)

    field = SECTION_RARE if rare else key
    theirs = "inverter_timeout" if (kind, key) == ("inverter", "timeout") else key
    assert result["errors"] == {field: f"invalid_{theirs}"}
    assert is_open(result) is rare
    shown = filled(result)
    if key == "name":
        assert shown["name"] == ""
    else:
        assert shown["name"] == "Mine"
        assert shown[key] == pytest.approx(float(wrong), nan_ok=True)

    result = await flow.fill(typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_all_errors_are_reported_at_once(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Not one after the other."""
    flow = await begin(hass, bank, "battery")
    result = await flow.fill(
        BATTERY, {"name": "", "capacity_ah": 0, SECTION_RARE: {"timeout": 0}}
    )
    assert result["errors"] == {
        "name": "invalid_name",
        "capacity_ah": "invalid_capacity_ah",
        SECTION_RARE: "invalid_timeout",
    }
    result = await flow.fill(BATTERY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_input_that_a_form_cannot_send_is_rejected(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """A text as number, a mode that does not exist."""
    flow = await begin(hass, bank, "inverter")
    for wrong in ({"rated_charge": "much"}, {"mode": "pigeon"}):
        with pytest.raises(InvalidData):
            await flow.fill(INVERTER, wrong)
    result = await flow.fill(INVERTER)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_inverter_has_to_be_chosen(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """The frontend would fill a required field with the first one of the list."""
    flow = await begin(hass, bank, "inverter")
    [make] = [key for key in flow.result["data_schema"].schema if key == "make"]
    assert isinstance(make, vol.Optional)
    assert "make" not in filled(flow.result)
    without = {key: value for key, value in INVERTER.items() if key != "make"}
    result = await flow.fill(without)
    assert result["errors"] == {"make": "missing_make"}
    assert filled(result)["name"] == INVERTER["name"]
    result = await flow.fill(INVERTER)
    assert result["type"] is FlowResultType.CREATE_ENTRY


def test_a_choice_that_may_be_left_empty_can_be_cleared() -> None:
    """The frontend shows few options as radio buttons, which nothing clears."""
    modes = {
        field.key: field.selector.config.get("mode")
        for form in DEVICE_FORMS.values()
        for field in fields_of(form)
        if isinstance(field.selector, SelectSelector)
        and isinstance(field.marker, vol.Optional)
        and field.key != "make"  # has to be chosen, so nobody clears it
    }
    assert modes == dict.fromkeys(
        ("nominal_voltage", "dialect", "mode", "frame_length"), "dropdown"
    )
