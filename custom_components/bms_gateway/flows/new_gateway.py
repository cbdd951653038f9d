"""A gateway that is being put together, of real or simulated devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.util.ulid import ulid_now

from ..config_entry import (
    CONF_BITRATE,
    CONF_CHANNEL,
    CONF_INTERFACE,
    CONF_MAKE,
    PortKey,
    PortOwner,
    nominal_voltage,
    port_config,
    port_key,
)
from ..const import SUBENTRY_BATTERY, SUBENTRY_INVERTER
from ..engine.config import DEFAULT_BITRATE, Interface, PortConfig
from ..engine.presets import Make
from .nominal_voltage import OtherBatteries
from .texts import async_propose_name


@dataclass(slots=True, kw_only=True)
class NewGateway:
    """A gateway with the devices that were accepted so far."""

    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    devices: list[ConfigSubentryData] = field(default_factory=list)
    detected: dict[str, int] = field(default_factory=dict)
    """V; the nominal voltages that scans detected, by the names of the batteries."""

    @property
    def titles(self) -> str:
        """Return the names of the devices as one text."""
        return ", ".join(device["title"] for device in self.devices)

    @property
    def kinds(self) -> list[str]:
        """Return the kind of each device."""
        return [device["subentry_type"] for device in self.devices]

    @property
    def batteries(self) -> OtherBatteries:
        """Return the nominal voltages of the batteries, as far as they are known."""
        configured = {
            device["title"]: volts
            for device in self.devices
            if (volts := nominal_voltage(device["data"])) is not None
        }
        return OtherBatteries(configured, self.detected | configured)

    @property
    def ports(self) -> dict[PortKey, PortOwner]:
        """Return the ports of the devices, with their owners."""
        return {
            port_key(device["data"]): PortOwner(self.name, device["title"])
            for device in self.devices
        }

    @property
    def unused_ports(self) -> Sequence[tuple[str, PortConfig]]:
        """Return the ports of the devices, with their names; nothing has them open."""
        return [
            (device["title"], port_config(device["data"])) for device in self.devices
        ]

    def port_taken(self, taken: Mapping[PortKey, PortOwner]) -> dict[str, str] | None:
        """Return the placeholders of the message if another gateway has a port."""
        for device in self.devices:
            if owner := taken.get(port_key(device["data"])):
                return {
                    "channel": device["data"][CONF_CHANNEL],
                    "gateway": owner.gateway,
                    "device": owner.device,
                }
        return None


def _rated(amps: float) -> dict[str, float]:
    return {"rated_charge": amps, "rated_discharge": amps}


_SIMULATED: Final[tuple[tuple[str, int, Mapping[str, Any]], ...]] = (
    (SUBENTRY_BATTERY, 1, {"capacity_ah": 280.0}),
    (SUBENTRY_BATTERY, 2, {"capacity_ah": 100.0}),
    (SUBENTRY_INVERTER, 1, {CONF_MAKE: Make.DEYE.value, **_rated(100.0)}),
    (SUBENTRY_INVERTER, 2, {CONF_MAKE: Make.GROWATT_SPF.value, **_rated(60.0)}),
)
"""Unequal on purpose: equal batteries would not show what a gateway does."""


async def async_simulated_devices(hass: HomeAssistant) -> list[ConfigSubentryData]:
    """Return two unequal batteries and two unequal inverters."""
    return [
        ConfigSubentryData(
            data={**simulated_port(), **data},
            subentry_type=kind,
            title=await async_propose_name(hass, kind, number),
            unique_id=None,
        )
        for kind, number, data in _SIMULATED
    ]


def simulated_port() -> dict[str, Any]:
    """Return the stored data of a virtual port that no other device has.

    Simulated batteries must never reach a real inverter.
    """
    return {
        CONF_INTERFACE: Interface.VIRTUAL.value,
        CONF_CHANNEL: f"simulated-{ulid_now()}",
        CONF_BITRATE: DEFAULT_BITRATE,
    }
