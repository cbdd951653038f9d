"""What all entities share: their device, when they are available, when they write."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple, override

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
from .coordinator import BmsGatewayConfigEntry, BmsGatewayCoordinator
from .engine.config import Interface
from .engine.model import BatteryState, Direction, InverterState, PortState, Snapshot
from .setpoints.temporary_limits import shown_temporary_limits
from .state_throttle import is_bank_known, is_heard, is_told


@dataclass(frozen=True, slots=True)
class Around:
    """Gives an entity's attributes what they contain besides its subject."""

    device_id: Callable[[str | None], str | None]
    """Home Assistant's id of the device of a battery, an inverter or (None) the gateway;
    None for any other text, such as the owner of a temporary limit."""
    temporary_limits: Callable[[str | None, Direction], list[dict[str, Any]]]
    """The live leases on an inverter or (None) the bank, for people."""


@dataclass(frozen=True, slots=True)
class Subject[S]:
    """What an entity tells about: a gateway, a battery, an inverter or a port."""

    device_id: str
    """The identifier of its device: the entry's or subentry's id."""
    find: Callable[[Snapshot], S | None]
    is_present: Callable[[Snapshot, S], bool]
    """Whether its values mean anything now; else its entities are unavailable."""


@dataclass(frozen=True, kw_only=True)
class BmsEntityDescription[S](EntityDescription):
    """How an entity comes by its value."""

    value_fn: Callable[[S], StateType]
    attributes_fn: Callable[[S, Around], Mapping[str, Any]] = lambda *_: {}
    exact_fn: Callable[[S], object] = lambda _: None
    """What does not wait though it be a lesser move than a step."""
    step: float = 0.0
    """A move that is shown at the next interval; a lesser one waits for SLOW, but 0
    and any other kind of change does not."""
    part: float = inf
    """A move by this part of the value is shown, too, though it be less than a step."""
    always: bool = False
    """Whether it has something to say while its subject is absent."""
    always_fn: Callable[[S], bool] = lambda _: False
    """Whether it has now."""
    interfaces: frozenset[Interface] = frozenset(Interface)
    """The interfaces of which a port has this entity."""


SLOW: Final = 300.0
"""Seconds after which a value is shown however little it has moved: Home Assistant's
statistics are no finer, and each row in a database costs."""


class Shown(NamedTuple):
    """What an entity shows."""

    available: bool
    value: StateType
    attributes: Mapping[str, Any]
    exact: object = None


ABSENT: Final = Shown(False, None, {})


class BmsEntity(CoordinatorEntity[BmsGatewayCoordinator]):
    """An entity of one of a gateway's devices."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: BmsGatewayCoordinator,
        device_id: str,
        description: EntityDescription,
    ) -> None:
        """Belong to the device of an entry or subentry."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_translation_key = description.key
        self._attr_unique_id = f"{device_id}_{description.key}"
        # The device itself is the business of `Devices`
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, device_id)})


class BmsValueEntity[S](BmsEntity):
    """An entity that shows a value of its subject, and writes only when it changed."""

    entity_description: BmsEntityDescription[S]

    def __init__(
        self,
        coordinator: BmsGatewayCoordinator,
        subject: Subject[S],
        description: BmsEntityDescription[S],
    ) -> None:
        """Show what is known by now."""
        super().__init__(coordinator, subject.device_id, description)
        self._subject = subject
        self._shown = self._look()
        self._shown_at = coordinator.data.at

    @property
    @override
    def available(self) -> bool:
        """Return whether the subject is there, or the entity does not need it."""
        return self._shown.available

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return what explains the value."""
        return self._shown.attributes

    @override
    async def async_added_to_hass(self) -> None:
        """Catch up on what came since the entity was made."""
        await super().async_added_to_hass()
        self._shown = self._look()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self._is_news(shown := self._look()):
            self._shown = shown
            self._shown_at = self.coordinator.data.at
            self.async_write_ha_state()

    def _is_news(self, shown: Shown) -> bool:
        """Return whether what it would show is worth to be written."""
        if self.coordinator.data.at - self._shown_at >= SLOW:
            return shown != self._shown
        description = self.entity_description
        calmed = partial(_calmed, step=description.step, part=description.part)
        value = calmed(self._shown.value, shown.value)
        attributes = {
            key: calmed(self._shown.attributes.get(key), each)
            for key, each in shown.attributes.items()
        }
        return shown._replace(value=value, attributes=attributes) != self._shown

    def _look(self) -> Shown:
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
            description.attributes_fn(subject, self._around()),
            description.exact_fn(subject),
        )

    def _around(self) -> Around:
        return Around(
            partial(registered_device_id, self.coordinator),
            partial(shown_temporary_limits, self.coordinator.setpoint_manager),
        )


def registered_device_id(
    coordinator: BmsGatewayCoordinator, key: str | None
) -> str | None:
    """Return Home Assistant's id of the device of a battery, an inverter or the gateway.

    `key`: the id of the subentry; None for the gateway. Automations use the result as
    it is, in targets and in `device_attr`, and it stays when a device is renamed.
    """
    entry_id = coordinator.config_entry.entry_id
    device = dr.async_get(coordinator.hass).async_get_device_by_identifier(
        (DOMAIN, key or entry_id), entry_id
    )
    return device.id if device else None


def _calmed[T](old: T, new: T, step: float, part: float) -> T:
    """Return the old one of two numbers that are less than a step or part apart."""
    if isinstance(old, float) and isinstance(new, float) and new != 0:
        moved = abs(new - old)
        return old if moved < step and moved < part * abs(old) else new
    return new


def gateway_subject(entry: BmsGatewayConfigEntry) -> Subject[Snapshot]:
    """Return the gateway: without a battery online there is no bank."""
    return Subject(
        entry.entry_id,
        lambda snapshot: snapshot,
        lambda snapshot, _: is_bank_known(snapshot),
    )


def battery_subject(subentry: ConfigSubentry) -> Subject[BatteryState]:
    """Return a battery: its values mean something while it is heard."""
    return Subject(
        subentry.subentry_id,
        lambda snapshot: snapshot.batteries.get(subentry.subentry_id),
        lambda _, battery: is_heard(battery),
    )


def inverter_subject(subentry: ConfigSubentry) -> Subject[InverterState]:
    """Return an inverter: what it was told stands while it listens and we send."""
    return Subject(
        subentry.subentry_id,
        lambda snapshot: snapshot.inverters.get(subentry.subentry_id),
        lambda snapshot, inverter: is_told(inverter, snapshot.status),
    )


def port_subject(subentry: ConfigSubentry) -> Subject[PortState]:
    """Return the port of a battery or inverter: what it counts always holds."""
    return Subject(
        subentry.subentry_id,
        lambda snapshot: snapshot.ports.get(subentry.subentry_id),
        lambda *_: True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables[DescriptionT: BmsEntityDescription[Any]]:
    """What a platform shows of each kind of device, and of every port."""

    gateway: tuple[DescriptionT, ...]
    battery: tuple[DescriptionT, ...]
    inverter: tuple[DescriptionT, ...]
    port: tuple[DescriptionT, ...]


@callback
def async_add_tables[DescriptionT: BmsEntityDescription[Any]](
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[BmsGatewayCoordinator, Subject[Any], DescriptionT], Entity],
    tables: Tables[DescriptionT],
) -> None:
    """Add a platform's entities for every device there is and for those to come."""

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
