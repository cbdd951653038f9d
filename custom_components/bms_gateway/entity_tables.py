"""Adds the entities of all devices, present and future, by tables of descriptions.

Some exist only once their battery has reported a value, and from then on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import (
    AddConfigEntryEntitiesCallback,
    EntityPlatform,
    async_get_current_platform,
)

from .config_entry import CONF_INTERFACE
from .const import DOMAIN, SUBENTRY_BATTERY
from .engine.config import Interface
from .engine.model import BatteryState, InverterState, PortState, Snapshot
from .entity import BmsEntityDescription, Subject
from .runtime import BmsGatewayConfigEntry, BmsGatewayRuntime
from .throttle.availability import is_bank_known, is_received, is_served


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
    coordinator = entry.runtime_data.coordinator
    platform = async_get_current_platform()

    def rows(subject: Subject[Any], table: Iterable[DescriptionT]) -> Iterator[Entity]:
        return (make(entry.runtime_data, subject, row) for row in table)

    def is_reported(subject: Subject[Any], row: DescriptionT) -> bool:
        state = subject.find(coordinator.data)
        return state is not None and row.value_fn(state) is not None

    @callback
    def add(subentry: ConfigSubentry) -> None:
        if subentry.subentry_type == SUBENTRY_BATTERY:
            subject: Subject[Any] = battery_subject(subentry)
            table = tables.battery
        else:
            subject, table = inverter_subject(subentry), tables.inverter
        waiting = [
            row
            for row in table
            if row.if_reported and not was_reported(platform, subject, row)
        ]
        interface = Interface(subentry.data[CONF_INTERFACE])
        port = tuple(row for row in tables.port if interface in row.interfaces)
        async_add_entities(
            [
                *rows(subject, (row for row in table if row not in waiting)),
                *rows(port_subject(subentry), port),
            ],
            config_subentry_id=subentry.subentry_id,
        )

        @callback
        def add_reported() -> None:
            if due := [row for row in waiting if is_reported(subject, row)]:
                waiting[:] = [row for row in waiting if row not in due]
                async_add_entities(
                    rows(subject, due), config_subentry_id=subentry.subentry_id
                )

        if waiting:
            entry.async_on_unload(coordinator.async_add_listener(add_reported))

    async_add_entities(rows(gateway_subject(entry), tables.gateway))
    entry.runtime_data.devices.async_on_subentry(add)


def was_reported(
    platform: EntityPlatform, subject: Subject[Any], row: BmsEntityDescription[Any]
) -> bool:
    """Return whether a value was reported before the last start of the gateway."""
    unique_id = f"{subject.device_id}_{row.key}"
    registry = er.async_get(platform.hass)
    return registry.async_get_entity_id(platform.domain, DOMAIN, unique_id) is not None


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
