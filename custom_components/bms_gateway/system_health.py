"""System health: the state of all gateways at a glance."""

from collections.abc import Iterable
from typing import Any

import can

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .engine.model import PortStatus
from .runtime import BmsGatewayConfigEntry


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register the system health information."""
    register.async_register_info(async_health)


async def async_health(hass: HomeAssistant) -> dict[str, Any]:
    """Return how many batteries, inverters and ports of all gateways are working."""
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


def _of(working: Iterable[bool]) -> str:
    """Return a count as "2 / 3"."""
    all_ = list(working)
    return f"{sum(all_)} / {len(all_)}"
