"""Binary sensors of the gateway, its batteries, its inverters and their ports."""

from typing import Any, Final, override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .descriptions import battery, gateway, inverter, port
from .descriptions.base import BmsBinarySensorDescription
from .entity import BmsValueEntity
from .entity_tables import Tables, async_add_tables
from .runtime import BmsGatewayConfigEntry

PARALLEL_UPDATES = 0

TABLES: Final = Tables[BmsBinarySensorDescription[Any]](
    gateway=gateway.BINARY_SENSORS,
    battery=battery.BINARY_SENSORS,
    inverter=inverter.BINARY_SENSORS,
    port=port.BINARY_SENSORS,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of every device."""
    async_add_tables(entry, async_add_entities, BmsBinarySensor, TABLES)


class BmsBinarySensor[S](BmsValueEntity[S], BinarySensorEntity):
    """A binary sensor of one device."""

    entity_description: BmsBinarySensorDescription[S]

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the displayed value; None is unknown."""
        value = self._shown.value
        return None if value is None else bool(value)
