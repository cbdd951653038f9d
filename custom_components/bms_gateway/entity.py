"""Base of all entities: their device, their availability, and when they write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.typing import StateType
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import BmsGatewayCoordinator
from .engine.config import Interface
from .engine.model import Direction, Snapshot
from .runtime import BmsGatewayRuntime
from .setpoints.limit_list import shown_temporary_limits
from .throttle.states import Kind, Shown, is_worth_writing


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
    if_reported: bool = False
    """Whether it is added only once it has a value: not every battery reports one."""
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
