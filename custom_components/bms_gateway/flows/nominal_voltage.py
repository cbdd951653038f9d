"""The nominal voltages of a gateway's other batteries, while one is added or changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeassistant.config_entries import ConfigEntry, ConfigEntryState

from ..config_entry import nominal_voltage
from ..const import SUBENTRY_BATTERY
from ..engine.aggregate.mixed_voltages import nominal_voltages
from ..runtime import BmsGatewayRuntime


@dataclass(frozen=True, slots=True)
class OtherBatteries:
    """The nominal voltages of other batteries of the gateway in V, by their names."""

    configured: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    """As configured, recognised, or detected earlier in the same set-up."""

    def reject(self, configured: int | None) -> bool:
        """Return whether they are configured to other voltages than this one in V."""
        return configured is not None and bool(
            {*self.configured.values()} - {configured}
        )

    def different(self, volts: int | None) -> str:
        """Return those known to have another voltage in V, as "Name (48 V)"."""
        return ", ".join(
            f"{name} ({other} V)"
            for name, other in self.known.items()
            if volts is not None and other != volts
        )


def other_batteries(entry: ConfigEntry, but: str | None = None) -> OtherBatteries:
    """Return those of an existing gateway, except for that of the subentry `but`."""
    others = {
        key: subentry
        for key, subentry in entry.subentries.items()
        if subentry.subentry_type == SUBENTRY_BATTERY and key != but
    }
    configured = {
        subentry.title: volts
        for subentry in others.values()
        if (volts := nominal_voltage(subentry.data)) is not None
    }
    recognised: Mapping[str, int] = {}
    if entry.state is ConfigEntryState.LOADED:
        runtime: BmsGatewayRuntime = entry.runtime_data
        recognised = nominal_voltages(runtime.gateway.snapshot.batteries.values())
    known = {
        subentry.title: recognised[key]
        for key, subentry in others.items()
        if key in recognised
    }
    return OtherBatteries(configured, known | configured)
