"""Event entities of the gateway and of each battery."""

from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_BATTERY
from .entity import BmsEntity, registered_device_id
from .event_detector import Event, EventType
from .runtime import BmsGatewayConfigEntry, BmsGatewayRuntime

PARALLEL_UPDATES = 0

EVENTS: Final = EventEntityDescription(
    key="events", event_types=[str(kind) for kind in EventType]
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add one event entity for the gateway and one for each battery."""
    runtime = entry.runtime_data

    @callback
    def add(subentry: ConfigSubentry) -> None:
        if subentry.subentry_type == SUBENTRY_BATTERY:
            key = subentry.subentry_id
            async_add_entities([BmsEvents(runtime, key, key)], config_subentry_id=key)

    async_add_entities([BmsEvents(runtime, entry.entry_id)])
    runtime.devices.async_on_subentry(add)


class BmsEvents(BmsEntity, EventEntity):
    """The events of one battery or (None) of all."""

    def __init__(
        self,
        runtime: BmsGatewayRuntime,
        device_id: str,
        battery_id: str | None = None,
    ) -> None:
        """Attach the entity to a device."""
        super().__init__(runtime, device_id, EVENTS)
        self._battery_id = battery_id

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to events."""
        await super().async_added_to_hass()
        self.async_on_remove(self._runtime.monitor.async_on_event(self._async_on_event))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write nothing: only events change the state."""

    @callback
    def _async_on_event(self, event: Event) -> None:
        if self._battery_id not in {None, event.device_id}:
            return
        data: dict[str, str | int | None] = {
            ATTR_DEVICE_ID: registered_device_id(self._runtime, event.device_id)
        }
        if event.alarm:
            data["alarm"] = str(event.alarm)
        if event.direction:
            data["direction"] = str(event.direction)
        if event.modules is not None:
            data["modules_missing"] = event.modules
        self._trigger_event(str(event.kind), data)
        self.async_write_ha_state()
