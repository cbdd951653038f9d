"""Options: shown, changed while the gateway runs, every invalid input corrected."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.config_entry import gateway_config
from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.flows.forms.form import SECTION_MQTT, SECTION_RARE
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from ..form_user import Flow, filled, is_open

OPTIONS: dict[str, Any] = {
    "strategy": "share",
    "charge_loss_policy": "block",
    "discharge_loss_policy": "block",
    "discharge_grace": 60,
    SECTION_RARE: {},
    SECTION_MQTT: {},
}
OPTION_DEFAULTS: dict[str, Any] = {
    "start_timeout": 15.0,
    "bridge": 10.0,
    "current_factor": 1.0,
    "current_offset": 0.0,
    "update_interval": 30.0,
    "forward_requests": False,
    "block_at_end": False,
    "mqtt_enabled": True,
    "mqtt_interval": 10.0,
    "mqtt_commands": False,
}
"""The stored values of fields in sections that were not touched."""

NAN = float("nan")


async def start_options(hass: HomeAssistant, entry: ConfigEntry) -> Flow:
    """Open the options."""
    manager = hass.config_entries.options
    return Flow(manager, await manager.async_init(entry.entry_id))


async def test_options_are_changed(hass: HomeAssistant, bank: MockConfigEntry) -> None:
    """The form shows the present values; a cleared total is none; others stay."""
    hass.config_entries.async_update_entry(
        bank, options={"total_charge": 90.0, "discharge_grace": 0.0, "elsewhere": 1}
    )
    flow = await start_options(hass, bank)
    assert not is_open(flow.result)
    assert filled(flow.result) == {"total_charge": 90.0, "discharge_grace": 0.0}

    result = await flow.fill(
        OPTIONS,
        strategy="sum",
        charge_loss_policy="stop",
        total_discharge=80,
        **{SECTION_RARE: {"start_timeout": 20, "block_at_end": True}},
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert bank.options == OPTION_DEFAULTS | {
        "strategy": "sum",
        "charge_loss_policy": "stop",
        "discharge_loss_policy": "block",
        "discharge_grace": 60.0,
        "total_discharge": 80.0,
        "start_timeout": 20.0,
        "block_at_end": True,
        "elsewhere": 1,
    }
    config = gateway_config(bank)
    assert config.strategy is Strategy.SUM
    assert config.charge_loss_policy is LossPolicy.STOP
    assert config.total_charge is None
    assert config.total_discharge == 80


async def test_unchanged_options_change_nothing(
    hass: HomeAssistant, bank: MockConfigEntry
) -> None:
    """Submitting the proposed values keeps the defaults."""
    before = gateway_config(bank)
    flow = await start_options(hass, bank)
    await flow.fill(OPTIONS)
    assert gateway_config(bank) == before
    assert bank.options["update_interval"] == 30


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("discharge_grace", -1),
        ("discharge_grace", 1801),
        ("discharge_grace", NAN),
        ("bridge", -1),
        ("bridge", 61),
        ("total_charge", 0),
        ("total_charge", NAN),
        ("total_discharge", 100_001),
        ("start_timeout", 0),
        ("current_factor", 0),
        ("current_factor", NAN),
        ("current_offset", 1001),
        ("update_interval", 0),
        ("mqtt_interval", 0),
        ("mqtt_interval", NAN),
        ("mqtt_prefix", "home/#"),
        ("mqtt_prefix", "home/"),
        ("mqtt_state_topic", "home/+/bms"),
        ("mqtt_state_topic", "/bms"),
    ],
)
async def test_invalid_option_is_reported_and_corrected(
    hass: HomeAssistant, bank: MockConfigEntry, key: str, wrong: float | str
) -> None:
    """Nothing is stored before everything is valid."""
    mqtt = key.startswith("mqtt")
    rare = key in OPTION_DEFAULTS and not mqtt
    place = SECTION_MQTT if mqtt else SECTION_RARE if rare else key
    bad = {key: wrong} if place == key else {place: {key: wrong}}
    flow = await start_options(hass, bank)
    result = await flow.fill(OPTIONS, bad, strategy="sum")
    assert result["errors"] == {place: f"invalid_{key}"}
    assert is_open(result) is rare
    assert is_open(result, SECTION_MQTT) is mqtt
    assert filled(result)["strategy"] == "sum"
    assert bank.options == {}

    result = await flow.fill(OPTIONS, strategy="sum")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert bank.options["strategy"] == "sum"
