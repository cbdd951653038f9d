"""The energy sensors of the bank and of each battery, for the energy dashboard."""

from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Final, override

from homeassistant.components.sensor import (
    RestoreSensor,
    SensorDeviceClass,
    SensorEntityDescription,
    SensorExtraStoredData,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import UnitOfEnergy
from homeassistant.core import callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_BATTERY
from .coordinator import BmsGatewayConfigEntry, BmsGatewayCoordinator
from .engine.aggregate.energy import Energy
from .entity import BmsEntity

_PER_KWH: Final = 1000
"""Shown in whole Wh: what changes less is not worth a row in a database."""


@dataclass(frozen=True, kw_only=True)
class EnergyDescription(SensorEntityDescription):
    """One way of an energy: how to read it, and how to make one of its kWh."""

    read: Callable[[Energy], float]
    make: Callable[[float], Energy]
    device_class: SensorDeviceClass | None = SensorDeviceClass.ENERGY
    state_class: SensorStateClass | None = SensorStateClass.TOTAL_INCREASING
    native_unit_of_measurement: str | None = UnitOfEnergy.KILO_WATT_HOUR
    suggested_display_precision: int | None = 2


ENERGIES: Final = (
    EnergyDescription(
        key="energy_charged",
        read=lambda energy: energy.charged,
        make=lambda kwh: Energy(charged=kwh),
    ),
    EnergyDescription(
        key="energy_discharged",
        read=lambda energy: energy.discharged,
        make=lambda kwh: Energy(discharged=kwh),
    ),
)


@callback
def async_add_energies(
    entry: BmsGatewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add both ways for the bank, for each battery and for those to come."""
    coordinator = entry.runtime_data

    @callback
    def add(subentry: ConfigSubentry) -> None:
        if subentry.subentry_type == SUBENTRY_BATTERY:
            async_add_entities(
                [EnergySensor(coordinator, subentry.subentry_id, e) for e in ENERGIES],
                config_subentry_id=subentry.subentry_id,
            )

    async_add_entities(EnergySensor(coordinator, entry.entry_id, e) for e in ENERGIES)
    coordinator.devices.async_on_subentry(add)


class EnergySensor(BmsEntity, RestoreSensor):
    """A saved total. It holds whatever is lost, so it is always available.

    A store that has lost a total, on a disk that takes none: then what was shown is not
    saved, and less would run backwards. So it is unknown until that is saved again.
    """

    entity_description: EnergyDescription

    def __init__(
        self,
        coordinator: BmsGatewayCoordinator,
        device_id: str,
        description: EnergyDescription,
    ) -> None:
        """Show one way of a battery's energy, or the bank's by the entry's id."""
        super().__init__(coordinator, device_id, description)
        self._device_id = device_id
        self._written: float | None = None
        self._shown_before = 0.0

    @property
    @override
    def available(self) -> bool:
        """Return True: what was counted stays counted."""
        return True

    @property
    @override
    def native_value(self) -> float | None:
        """Return the kWh; never more than is saved, never less than shown before."""
        energy = self.coordinator.counters.shown(self._device_id)
        kwh = self.entity_description.read(energy)
        if kwh < self._shown_before:
            return None
        # The quotient may come out above, by the binary fraction
        return min(kwh, math.floor(kwh * _PER_KWH) / _PER_KWH)

    @property
    @override
    def extra_restore_state_data(self) -> SensorExtraStoredData:
        """Return what was shown last, also while it cannot be shown."""
        shown = self.native_value
        return SensorExtraStoredData(
            self._shown_before if shown is None else shown,
            self.native_unit_of_measurement,
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Go on from what was shown before, should the store have lost it."""
        await super().async_added_to_hass()
        last = await self.async_get_last_sensor_data()
        match last and last.native_value:
            case int() | float() as kwh if math.isfinite(kwh) and kwh > 0:
                self._shown_before = float(kwh)
                await self.coordinator.counters.async_go_on_from(
                    self._device_id, self.entity_description.make(float(kwh))
                )
        self.async_on_remove(
            self.coordinator.counters.async_on_save(self._handle_coordinator_update)
        )

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self.native_value != self._written:
            self._written = self.native_value
            self.async_write_ha_state()
