"""System health: how the gateways do, at a glance."""

from collections.abc import Iterable
from typing import Any

import can

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .coordinator import BmsGatewayConfigEntry
from .engine.model import PortStatus


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what is shown."""
    register.async_register_info(async_health)


async def async_health(hass: HomeAssistant) -> dict[str, Any]:
    """Return for all running gateways together how many of each do well."""
    entries: list[BmsGatewayConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    snapshots = [entry.runtime_data.gateway.snapshot for entry in entries]
    return {
        "gateways": ", ".join(snapshot.status for snapshot in snapshots) or "-",
        "batteries_online": _of(
            battery.online for each in snapshots for battery in each.batteries.values()
        ),
        "inverters_receiving": _of(
            inverter.listening is True
            for each in snapshots
            for inverter in each.inverters.values()
        ),
        "ports_open": _of(
            port.status is PortStatus.OPEN
            for each in snapshots
            for port in each.ports.values()
        ),
        "python_can": can.__version__,
    }


def _of(well: Iterable[bool]) -> str:
    """Return how many of how many, such as 2 / 3."""
    all_ = list(well)
    return f"{sum(all_)} / {len(all_)}"
