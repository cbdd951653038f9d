"""Files in Home Assistant's storage: names, versions and keys."""

from typing import Any

from custom_components.bms_gateway.const import DOMAIN
from homeassistant.core import HomeAssistant

from ..bench import Bench
from .house import start, use
from .outline import key_and_type, outline, without_ids
from .snapshot import check


async def test_stored_data_matches_the_snapshot(
    hass: HomeAssistant, bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """After a setpoint, limits and a battery out of service were stored."""
    await start(bench)
    await use(bench)
    assert await hass.config_entries.async_unload("gw")
    check(
        "storage",
        {
            without_ids(name): {
                "version": f"{content['version']}.{content['minor_version']}",
                "data": outline(content["data"], key_and_type),
            }
            for name, content in hass_storage.items()
            if name.startswith(DOMAIN)
        },
    )
