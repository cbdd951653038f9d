"""Adds the entities of all devices, present and future, by tables of descriptions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .config_entry import CONF_INTERFACE
from .const import SUBENTRY_BATTERY
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
