"""Learned current shares, which are stored with the setpoints."""

from dataclasses import asdict
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest

from custom_components.bms_gateway.engine.gateway import Gateway
from custom_components.bms_gateway.engine.setpoints import Setpoints
from homeassistant.core import HomeAssistant

from ..bench import Bench
from ..services.calls import KEY


@pytest.mark.parametrize("learned", [{"b1": 0.0}, {"b1": 0.0, "b2": 0.0}])
async def test_zero_shares_do_not_stop_a_gateway(
    bench: Bench, hass_storage: dict[str, Any], learned: dict[str, float]
) -> None:
    """It starts by capacity."""
    no_setpoints = asdict(Setpoints())
    data = {
        "confirmed": True,
        "bank": no_setpoints,
        "inverters": {},
        "temporary_limits": [],
    }
    data |= {"out_of_service": [], "changes": [], "current_shares": learned}
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": data}
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1", "b2", ccl=20.0)
    await bench.receives("i1", 40.0, 50.0)


async def test_learned_shares_survive_a_restart(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """Loaded before the engine starts."""
    await bench.battery("b1").battery("b2").start()
    await bench.online("b1", "b2")
    learned = {"b1": 0.7, "b2": 0.3}
    with patch.object(Gateway, "learned", PropertyMock(return_value=learned)):
        await bench.move(61)
        assert hass_storage[KEY]["data"]["current_shares"] == learned
        assert await hass.config_entries.async_unload("gw")
    await bench.setup()
    assert bench.runtime.gateway.learned == learned
