"""Sensors of the gateway, its batteries, its inverters and their ports."""

from datetime import datetime, timedelta
from typing import Any, Final, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .descriptions import battery, gateway, inverter, port
from .descriptions.base import BmsSensorDescription
from .energy.sensors import async_add_energies
from .entity import BmsValueEntity
from .entity_tables import Tables, async_add_tables
from .runtime import BmsGatewayConfigEntry

PARALLEL_UPDATES = 0

_SPARE_DIGITS: Final = 1
"""Digits of a state beyond those that are displayed: 52.39 V, not 52.3873684210526."""

TABLES: Final = Tables[BmsSensorDescription[Any]](
    gateway=gateway.SENSORS,
    battery=battery.SENSORS,
    inverter=inverter.SENSORS,
    port=port.SENSORS,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of every device."""
    async_add_tables(entry, async_add_entities, BmsSensor, TABLES)
    async_add_energies(entry, async_add_entities)


class BmsSensor[S](BmsValueEntity[S], SensorEntity):
    """A sensor of one device."""

    # The figure behind a limit moves, and temporary limits are listed anew with each
    # change
    _unrecorded_attributes = frozenset({"number", "temporary_limits"})

    entity_description: BmsSensorDescription[S]

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the value, rounded to meaningful digits; None is unknown."""
        value = self._shown.value
        if self.device_class is SensorDeviceClass.TIMESTAMP and value is not None:
            return self._date(float(value))
        if isinstance(value, float):
            digits = self.entity_description.suggested_display_precision or 0
            return round(value, digits + _SPARE_DIGITS) + 0.0  # never -0.0
        return value

    def _date(self, at: float) -> datetime:
        """Return the time of day at which the gateway's clock showed `at` seconds."""
        ago = timedelta(seconds=self.coordinator.gateway.snapshot.at - at)
        return dt_util.utcnow() - ago
