"""Diagnostics: configuration, present state and the last frames of a gateway."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
import re
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .const import DOMAIN
from .engine.can.log.candump import link_text
from .engine.config import BatteryConfig, InverterConfig
from .runtime import BmsGatewayConfigEntry, BmsGatewayRuntime

TO_REDACT: Final = {"serial", "identity", "by"}
"""Serial numbers of batteries and adapters, and the id of the user who set a limit."""
SERIAL_FRAMES: Final = frozenset({0x380, 0x381, 0x600, 0x650})
"""Frames in which a battery sends its serial number: Victron's (VIC), Deye's (DDB)."""

_ADAPTER: Final = re.compile(r"(/dev/serial/by-id/|usb:\w{4}:\w{4}:)\S+")
"""An adapter named by its serial number, as a device file or an identity."""


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry
) -> dict[str, Any]:
    """Return diagnostics of a gateway and all its ports."""
    runtime = entry.runtime_data
    return _redacted(
        {
            "options": dict(entry.options),
            "config": plain(runtime.config),
            "setpoints": plain(runtime.setpoint_store.setpoints),
            "current_shares": plain(runtime.gateway.learned),
            "snapshot": plain(runtime.gateway.snapshot),
            "energy": {
                key: plain(runtime.energy_store.shown(key))
                for key in (entry.entry_id, *entry.subentries)
            },
            "frames": {
                device.id: _frames(runtime, device) for device in runtime.config.devices
            },
        }
    )


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry, device: dr.AnyDeviceEntry
) -> dict[str, Any]:
    """Return diagnostics of one battery or inverter; for the gateway, everything."""
    runtime = entry.runtime_data
    snapshot = runtime.gateway.snapshot
    for config in runtime.config.devices:
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
                    "energy": plain(runtime.energy_store.shown(config.id)),
                    "frames": _frames(runtime, config),
                }
            )
    return await async_get_config_entry_diagnostics(hass, entry)


def plain(value: Any) -> Any:
    """Return a value converted to JSON types."""
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
    runtime: BmsGatewayRuntime, device: BatteryConfig | InverterConfig
) -> dict[str, Any]:
    """Return the frame rate of each CAN ID on a port, and the last frames."""
    frame_buffer = runtime.gateway.frame_buffers[device.id]
    channel = device.port.channel
    return {
        "timing": plain(frame_buffer.statistics()),
        "candump": frame_buffer.lines(
            link_text(channel, device.port.interface), hidden=SERIAL_FRAMES
        ),
    }


def _redacted(everything: dict[str, Any]) -> dict[str, Any]:
    return async_redact_data(everything, TO_REDACT)
