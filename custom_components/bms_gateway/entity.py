"""Base of all entities: their device, their availability, and when they write."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .config_entry import CONF_INTERFACE
from .const import DOMAIN, SUBENTRY_BATTERY
from .coordinator import BmsGatewayCoordinator
from .engine.config import Interface
from .engine.model import BatteryState, Direction, InverterState, PortState, Snapshot
from .runtime import BmsGatewayConfigEntry, BmsGatewayRuntime
from .setpoints.temporary_limits import shown_temporary_limits
from .state_throttle import (
    Kind,
    Shown,
    is_bank_known,
    is_received,
    is_served,
    is_worth_writing,
)


@dataclass(frozen=True, slots=True)
class EntityContext:
    """Context for an entity's attributes beyond its own subject."""

    device_id: Callable[[str | None], str | None]
    """Home Assistant's id of the device of a battery, an inverter or (None) the gateway;
    None for any other text, such as the owner of a temporary limit."""
    temporary_limits: Callable[[str | None, Direction], list[dict[str, Any]]]
    """Returns the active temporary limits on an inverter or (None) the bank, as
    attributes."""


@dataclass(frozen=True, slots=True)
class Subject[S]:
    """The subject of an entity: a gateway, a battery, an inverter or a port."""

    device_id: str
    """The identifier of its device: the id of the entry or subentry."""
    find: Callable[[Snapshot], S | None]
    is_present: Callable[[Snapshot, S], bool]
    """Whether its values are valid now; if not, its entities are unavailable."""


@dataclass(frozen=True, kw_only=True)
class BmsEntityDescription[S](EntityDescription):
    """How an entity gets its value."""

    value_fn: Callable[[S], StateType]
    attributes_fn: Callable[[S, EntityContext], Mapping[str, Any]] = lambda *_: {}
    exact_fn: Callable[[S], object] = lambda _: None
    """A value whose change does not wait even if the state moves by less than a step.
    """
    kind: Kind = Kind.LIVE
    """The row of the decision table by which the state is written."""
    always: bool = False
    """Whether it has a value while its subject is absent."""
    always_fn: Callable[[S], bool] = lambda _: False
    """Whether it has a value now although its subject is absent."""
    interfaces: frozenset[Interface] = frozenset(Interface)
    """The port interfaces that have this entity."""


ABSENT: Final = Shown(False, None, {})


class BmsEntity(CoordinatorEntity[BmsGatewayCoordinator]):
    """An entity of one of a gateway's devices."""

    _attr_has_entity_name = True

    def __init__(
        self,
        runtime: BmsGatewayRuntime,
        device_id: str,
        description: EntityDescription,
    ) -> None:
        """Attach the entity to the device of an entry or subentry."""
        super().__init__(runtime.coordinator)
        self._runtime = runtime
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{device_id}_{description.key}"
        # `Devices` maintains the device itself
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, device_id)})


class BmsValueEntity[S](BmsEntity):
    """An entity that shows a value of its subject and writes only changes."""

    entity_description: BmsEntityDescription[S]

    def __init__(
        self,
        runtime: BmsGatewayRuntime,
        subject: Subject[S],
        description: BmsEntityDescription[S],
    ) -> None:
        """Start with the coordinator's present data."""
        super().__init__(runtime, subject.device_id, description)
        self._subject = subject
        self._shown = self._read()
        self._shown_at = runtime.coordinator.data.at

    @property
    @override
    def available(self) -> bool:
        """Return whether the subject is present or the entity does not need it."""
        return self._shown.available

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return the attributes that explain the value."""
        return self._shown.attributes

    @override
    async def async_added_to_hass(self) -> None:
        """Catch up with changes since the entity was created."""
        await super().async_added_to_hass()
        self._shown = self._read()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        shown, at = self._read(), self.coordinator.data.at
        kind = self.entity_description.kind
        if is_worth_writing(kind, self._shown, shown, at - self._shown_at):
            self._shown, self._shown_at = shown, at
            self.async_write_ha_state()

    def _read(self) -> Shown:
        snapshot, description = self.coordinator.data, self.entity_description
        subject = self._subject.find(snapshot)
        if subject is None or not (
            description.always
            or self._subject.is_present(snapshot, subject)
            or description.always_fn(subject)
        ):
            return ABSENT
        return Shown(
            True,
            description.value_fn(subject),
            description.attributes_fn(subject, self._entity_context()),
            description.exact_fn(subject),
        )

    def _entity_context(self) -> EntityContext:
        return EntityContext(
            partial(registered_device_id, self._runtime),
            partial(shown_temporary_limits, self._runtime.setpoint_manager),
        )


def registered_device_id(runtime: BmsGatewayRuntime, key: str | None) -> str | None:
    """Return Home Assistant's device id of a battery, an inverter or the gateway.

    `key`: the id of the subentry; None for the gateway. Automations can use the result
    directly in targets and in `device_attr`, and it stays when a device is renamed.
    """
    entry_id = runtime.entry.entry_id
    device = dr.async_get(runtime.hass).async_get_device_by_identifier(
        (DOMAIN, key or entry_id), entry_id
    )
    return device.id if device else None


def gateway_subject(entry: BmsGatewayConfigEntry) -> Subject[Snapshot]:
    """Return the gateway; without a battery online there is no bank."""
    return Subject(
        entry.entry_id,
        lambda snapshot: snapshot,
        lambda snapshot, _: is_bank_known(snapshot),
    )


def battery_subject(subentry: ConfigSubentry) -> Subject[BatteryState]:
    """Return a battery; its values are valid while it is received."""
    return Subject(
        subentry.subentry_id,
        lambda snapshot: snapshot.batteries.get(subentry.subentry_id),
        lambda _, battery: is_received(battery),
    )


def inverter_subject(subentry: ConfigSubentry) -> Subject[InverterState]:
    """Return an inverter; its sent values are valid while it listens and we send."""
    return Subject(
        subentry.subentry_id,
        lambda snapshot: snapshot.inverters.get(subentry.subentry_id),
        lambda snapshot, inverter: is_served(inverter, snapshot.status),
    )


def port_subject(subentry: ConfigSubentry) -> Subject[PortState]:
    """Return the port of a battery or inverter; its counters are always valid."""
    return Subject(
        subentry.subentry_id,
        lambda snapshot: snapshot.ports.get(subentry.subentry_id),
        lambda *_: True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables[DescriptionT: BmsEntityDescription[Any]]:
    """The descriptions of a platform for each kind of device and for ports."""

    gateway: tuple[DescriptionT, ...]
    battery: tuple[DescriptionT, ...]
    inverter: tuple[DescriptionT, ...]
    port: tuple[DescriptionT, ...]


@callback
def async_add_tables[DescriptionT: BmsEntityDescription[Any]](
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[BmsGatewayRuntime, Subject[Any], DescriptionT], Entity],
    tables: Tables[DescriptionT],
) -> None:
    """Add a platform's entities for all existing devices and for later ones."""

    def rows(
        subject: Subject[Any], table: tuple[DescriptionT, ...]
    ) -> Iterator[Entity]:
        return (make(entry.runtime_data, subject, row) for row in table)

    @callback
    def add(subentry: ConfigSubentry) -> None:
        if subentry.subentry_type == SUBENTRY_BATTERY:
            entities = rows(battery_subject(subentry), tables.battery)
        else:
            entities = rows(inverter_subject(subentry), tables.inverter)
        interface = Interface(subentry.data[CONF_INTERFACE])
        port = tuple(row for row in tables.port if interface in row.interfaces)
        ports = rows(port_subject(subentry), port)
        async_add_entities([*entities, *ports], config_subentry_id=subentry.subentry_id)

    async_add_entities(rows(gateway_subject(entry), tables.gateway))
    entry.runtime_data.devices.async_on_subentry(add)
