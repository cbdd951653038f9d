"""Keys of diagnostics and of system health."""

from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.bms_gateway import diagnostics
from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from ..bench import Bench
from .house import start, use
from .outline import names, outline
from .snapshot import check


async def test_diagnostics_and_system_health_match_the_snapshot(
    hass: HomeAssistant, bench: Bench
) -> None:
    """Of the gateway, and of a battery and an inverter by itself."""
    assert await async_setup_component(hass, "system_health", {})
    await start(bench)
    await use(bench)
    found = {
        "gateway": outline(
            await diagnostics.async_get_config_entry_diagnostics(hass, bench.entry)
        ),
        "health": {".": names(await get_system_health_info(hass, DOMAIN))},
    }
    for key in "b1", "i1":
        device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, key), "gw")
        assert device
        found[key] = outline(
            await diagnostics.async_get_device_diagnostics(hass, bench.entry, device)
        )
    check("diagnostics", found)
