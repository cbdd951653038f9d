"""Translates a config entry into the engine configuration and the ports it uses."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant

from .const import DOMAIN, SUBENTRY_BATTERY, SUBENTRY_INVERTER
from .engine.config import (
    DEFAULT_BITRATE,
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    LossPolicy,
    PortConfig,
    Strategy,
)
from .engine.model import Dialect
from .engine.model.nominal_voltage import NOMINAL_VOLTAGES
from .engine.presets import PRESETS, FrameLength, Make, Preset, SendMode

CONF_MAKE: Final = "make"
CONF_INTERFACE: Final = "interface"
CONF_CHANNEL: Final = "channel"
CONF_BITRATE: Final = "bitrate"
CONF_IDENTITY: Final = "identity"
CONF_BRING_UP: Final = "bring_up"
PORT_DATA: Final = (
    CONF_INTERFACE,
    CONF_CHANNEL,
    CONF_BITRATE,
    CONF_IDENTITY,
    CONF_BRING_UP,
)
"""The keys of a battery's or inverter's stored data that describe its port."""

type PortKey = tuple[Interface, str]
"""Identifies a port: two with the same adapter, or else the same channel, are one."""

BY_PRESET: Final = frozenset(
    {field.name for field in fields(Preset)}
    & {field.name for field in fields(InverterConfig)}
)
"""The settings of an inverter that follow from its make where they are not stored."""

_ENUMS: Final[Mapping[str, type[StrEnum]]] = {
    "dialect": Dialect,
    "strategy": Strategy,
    "charge_loss_policy": LossPolicy,
    "discharge_loss_policy": LossPolicy,
    CONF_MAKE: Make,
    "mode": SendMode,
    "frame_length": FrameLength,
}
CONF_NOMINAL: Final = "nominal_voltage"
"""The key of a battery's nominal voltage: V as text, the value of a choice."""


@dataclass(frozen=True, slots=True)
class PortOwner:
    """The owner of a port: the names of a gateway and of its battery or inverter."""

    gateway: str
    device: str


def gateway_config(entry: ConfigEntry) -> GatewayConfig:
    """Return the engine configuration of an entry.

    Options and subentry data use the engine's field names. Raises KeyError or
    ValueError for stored data that cannot be used.
    """
    batteries = entry.get_subentries_of_type(SUBENTRY_BATTERY)
    inverters = entry.get_subentries_of_type(SUBENTRY_INVERTER)
    return GatewayConfig(
        name=entry.title,
        batteries=tuple(_device(BatteryConfig, each) for each in batteries),
        inverters=tuple(
            _device(InverterConfig, each, _by_make(each.data)) for each in inverters
        ),
        **_stored(GatewayConfig, entry.options),
    )


def port_config(stored: Mapping[str, Any]) -> PortConfig:
    """Return the port from a battery's or inverter's stored data."""
    return PortConfig(
        interface=Interface(stored[CONF_INTERFACE]),
        channel=stored[CONF_CHANNEL],
        bitrate=stored.get(CONF_BITRATE, DEFAULT_BITRATE),
        identity=stored.get(CONF_IDENTITY),
        bring_up=stored.get(CONF_BRING_UP, False),
    )


def port_key(stored: Mapping[str, Any]) -> PortKey:
    """Return the key that identifies a port, from stored data."""
    port = port_config(stored)
    return port.interface, port.identity or port.channel


def taken_ports(
    hass: HomeAssistant, *, but: str | None = None
) -> dict[PortKey, PortOwner]:
    """Return the ports of all gateways except that of the subentry with id `but`."""
    return {
        port_key(subentry.data): PortOwner(entry.title, subentry.title)
        for entry in hass.config_entries.async_entries(DOMAIN)
        for subentry in entry.subentries.values()
        if subentry.subentry_id != but
    }


def _device[ConfigT: (BatteryConfig, InverterConfig)](
    model: type[ConfigT],
    subentry: ConfigSubentry,
    defaults: Mapping[str, Any] | None = None,
) -> ConfigT:
    port = port_config(subentry.data)
    values = {**(defaults or {}), **_stored(model, subentry.data)}
    try:
        return model(id=subentry.subentry_id, name=subentry.title, port=port, **values)
    except TypeError as error:  # a field is missing
        raise ValueError(f"{subentry.title}: {error}") from error


def _by_make(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an inverter that follow from its make."""
    preset = PRESETS[Make(stored.get(CONF_MAKE, Make.OTHER_PYLONTECH))]
    return {key: getattr(preset, key) for key in BY_PRESET}


def _stored(model: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    return {
        field.name: _value(field.name, stored[field.name])
        for field in fields(model)
        if field.name in stored
    }


def nominal_voltage(stored: Mapping[str, Any]) -> int | None:
    """Return the nominal voltage in V from a battery's stored data; None: recognised."""
    volts = stored.get(CONF_NOMINAL)
    return None if volts is None else NOMINAL_VOLTAGES[int(volts)].volts


def _value(key: str, stored: Any) -> Any:
    if key == CONF_NOMINAL:
        return nominal_voltage({key: stored})
    enum = _ENUMS.get(key)
    return stored if enum is None else enum(stored)
