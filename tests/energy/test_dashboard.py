"""The energy dashboard accepts our sensors as its battery, and reports no problem."""

from datetime import datetime
from typing import Any

import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)

from homeassistant.components.energy.data import async_get_manager
from homeassistant.components.energy.validate import async_validate
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from ..bench import Bench


@pytest.fixture(autouse=True)
def load_this_integration(recorder_mock: Any, enable_custom_integrations: None) -> None:
    """Start a database before Home Assistant."""


async def test_bank_is_a_battery_of_the_dashboard(
    hass: HomeAssistant, bench: Bench
) -> None:
    """With both energies, the inverted power, state of charge and capacity."""
    assert await async_setup_component(hass, "energy", {})
    await bench.battery("b1").inverter("i1").start()
    await bench.online("b1", voltage=50.0, current=-20.0)
    await bench.send_telegrams("b1", voltage=50.0, current=-20.0)
    await bench.tick(31)
    manager = await async_get_manager(hass)
    await manager.async_update(
        {
            "energy_sources": [
                {
                    "type": "battery",
                    "stat_energy_from": "sensor.bank_energy_discharged",
                    "stat_energy_to": "sensor.bank_energy_charged",
                    "power_config": {"stat_rate_inverted": "sensor.bank_power"},
                    "stat_soc": "sensor.bank_state_of_charge",
                    "capacity": float(
                        bench.state("sensor", "gw_capacity_energy").state
                    ),
                }
            ],
            "device_consumption": [],
            "device_consumption_water": [],
        }
    )
    await hass.async_block_till_done()
    assert manager.data is not None
    inverted = manager.data["energy_sources"][0]["stat_rate"]
    state = hass.states.get(inverted)
    assert state is not None
    # 50 V at 20 A out: the dashboard counts discharging as positive
    assert float(state.state) == pytest.approx(1000.0)
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=_last_five_minutes())
    await async_wait_recording_done(hass)
    found = (await async_validate(hass)).as_dict()
    assert found["energy_sources"] == [[]]


def _last_five_minutes() -> datetime:
    now = dt_util.utcnow()
    return now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
