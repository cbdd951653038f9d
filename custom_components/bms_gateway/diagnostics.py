"""Diagnostics: what a gateway was told to do and what it knows."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .coordinator import BmsGatewayConfigEntry

TO_REDACT: Final = {"serial"}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BmsGatewayConfigEntry
) -> dict[str, Any]:
    """Return the configuration, the setpoints and the present snapshot."""
    coordinator = entry.runtime_data
    everything: dict[str, Any] = {
        "options": dict(entry.options),
        "config": plain(coordinator.config),
        "setpoints": plain(coordinator.store.setpoints),
        "snapshot": plain(coordinator.gateway.snapshot),
    }
    return async_redact_data(everything, TO_REDACT)


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
    return value
