"""Diagnostics: what a gateway was told to do, what it knows, and its last frames."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
import re
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .const import DOMAIN
from .coordinator import BmsGatewayConfigEntry, BmsGatewayCoordinator
from .engine.can.log.candump import link_text
from .engine.config import BatteryConfig, InverterConfig

TO_REDACT: Final = {"serial", "identity", "by"}
"""A battery's number, the adapter's, and that of the user who made a lease."""
SERIAL_FRAMES: Final = frozenset({0x380, 0x381})
"""In these a battery tells its serial number (Victron)."""

_ADAPTER: Final = re.compile(r"(/dev/serial/by-id/|usb:\w{4}:\w{4}:)\S+")
"""An adapter that is named by its serial number, as a device file or an identity."""


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry
) -> dict[str, Any]:
    """Return all that is known of a gateway and its ports."""
    coordinator = entry.runtime_data
    return _redacted(
        {
            "options": dict(entry.options),
            "config": plain(coordinator.config),
            "setpoints": plain(coordinator.store.setpoints),
            "current_shares": plain(coordinator.gateway.learnt),
            "snapshot": plain(coordinator.gateway.snapshot),
            "energy": {
                key: plain(coordinator.counters.shown(key))
                for key in (entry.entry_id, *entry.subentries)
            },
            "frames": {
                device.id: _frames(coordinator, device)
                for device in coordinator.config.devices
            },
        }
    )


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry, device: dr.AnyDeviceEntry
) -> dict[str, Any]:
    """Return what is known of one battery or inverter; of the gateway, everything."""
    coordinator = entry.runtime_data
    snapshot = coordinator.gateway.snapshot
    for config in coordinator.config.devices:
        if (DOMAIN, config.id) in device.identifiers:
            states = (snapshot.batteries, snapshot.inverters)
            return _redacted(
                {
                    "config": plain(config),
                    "state": plain([s[config.id] for s in states if config.id in s]),
                    "port": plain(snapshot.ports.get(config.id)),
                    "bank": {
                        "status": snapshot.status,
                        "charge": plain(snapshot.charge),
                        "discharge": plain(snapshot.discharge),
                    },
                    "energy": plain(coordinator.counters.shown(config.id)),
                    "frames": _frames(coordinator, config),
                }
            )
    return await async_get_config_entry_diagnostics(hass, entry)


def plain(value: Any) -> Any:
    """Return a value as what JSON knows."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(each) for each in value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return _ADAPTER.sub(rf"\1{REDACTED}", value)
    return value


def _frames(
    coordinator: BmsGatewayCoordinator, device: BatteryConfig | InverterConfig
) -> dict[str, Any]:
    """Return how often each frame comes on a port, and the last frames of all."""
    frame_buffer = coordinator.gateway.frame_buffers[device.id]
    channel = device.port.channel
    return {
        "timing": plain(frame_buffer.statistics()),
        "candump": frame_buffer.lines(
            link_text(channel, device.port.interface), hidden=SERIAL_FRAMES
        ),
    }


def _redacted(everything: dict[str, Any]) -> dict[str, Any]:
    return async_redact_data(everything, TO_REDACT)
