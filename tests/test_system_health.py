"""System health: what the page shows of the gateways."""

import can
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .bench import Bench


async def test_working_devices_are_counted(hass: HomeAssistant, bench: Bench) -> None:
    """One battery of two is received."""
    assert await async_setup_component(hass, "system_health", {})
    await bench.battery("b1").battery("b2").inverter("i1").start()
    await bench.online("b1")
    assert await get_system_health_info(hass, DOMAIN) == {
        "gateways": "starting",
        "batteries_online": "1 / 2",
        "inverters_receiving": "0 / 1",
        "ports_open": "3 / 3",
        "python_can": can.__version__,
    }


async def test_stopped_gateway_is_not_counted(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Nor does it break the page."""
    assert await async_setup_component(hass, "system_health", {})
    await bench.battery("b1").start()
    await hass.config_entries.async_unload("gw")
    info = await get_system_health_info(hass, DOMAIN)
    assert (info["gateways"], info["ports_open"]) == ("-", "0 / 0")
