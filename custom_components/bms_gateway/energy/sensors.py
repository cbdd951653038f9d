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

from ..const import SUBENTRY_BATTERY
from ..engine.aggregate.energy import Energy
from ..entity import BmsEntity
from ..runtime import BmsGatewayConfigEntry, BmsGatewayRuntime

_PER_KWH: Final = 1000
"""Displayed in whole Wh: a smaller change is not worth a row in a database."""


@dataclass(frozen=True, kw_only=True)
class EnergyDescription(SensorEntityDescription):
    """An energy direction: how to read it, how to build an `Energy` from its kWh."""

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
    """Add both directions for the bank and each battery, including later ones."""
    runtime = entry.runtime_data

    @callback
    def add(subentry: ConfigSubentry) -> None:
        if subentry.subentry_type == SUBENTRY_BATTERY:
            async_add_entities(
                [EnergySensor(runtime, subentry.subentry_id, e) for e in ENERGIES],
                config_subentry_id=subentry.subentry_id,
            )

    async_add_entities(EnergySensor(runtime, entry.entry_id, e) for e in ENERGIES)
    runtime.devices.async_on_subentry(add)


class EnergySensor(BmsEntity, RestoreSensor):
    """A saved total. It does not depend on any port, so it is always available.

    If the store has lost a total and the disk cannot be written, the value shown before
    is not saved, and a lower one would run backwards. The sensor is unknown until that
    total is saved again.
    """

    entity_description: EnergyDescription

    def __init__(
        self,
        runtime: BmsGatewayRuntime,
        device_id: str,
        description: EnergyDescription,
    ) -> None:
        """Show one direction of a battery's energy, or the bank's by the entry's id."""
        super().__init__(runtime, device_id, description)
        self._device_id = device_id
        self._written: float | None = None
        self._shown_before = 0.0

    @property
    @override
    def available(self) -> bool:
        """Return True: counted energy stays counted."""
        return True

    @property
    @override
    def native_value(self) -> float | None:
        """Return the kWh: never more than saved, never less than shown before."""
        energy = self._runtime.energy_store.shown(self._device_id)
        kwh = self.entity_description.read(energy)
        if kwh < self._shown_before:
            return None
        # The quotient may come out too high by the binary fraction
        return min(kwh, math.floor(kwh * _PER_KWH) / _PER_KWH)

    @property
    @override
    def extra_restore_state_data(self) -> SensorExtraStoredData:
        """Return the last value shown, even while it cannot be shown."""
        shown = self.native_value
        return SensorExtraStoredData(
            self._shown_before if shown is None else shown,
            self.native_unit_of_measurement,
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Continue from the value shown before in case the store has lost it."""
        await super().async_added_to_hass()
        last = await self.async_get_last_sensor_data()
        match last and last.native_value:
            case int() | float() as kwh if math.isfinite(kwh) and kwh > 0:
                self._shown_before = float(kwh)
                await self._runtime.energy_store.async_continue_from(
                    self._device_id, self.entity_description.make(float(kwh))
                )
        self.async_on_remove(
            self._runtime.energy_store.async_on_save(self._handle_coordinator_update)
        )

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self.native_value != self._written:
            self._written = self.native_value
            self.async_write_ha_state()
