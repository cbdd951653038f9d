"""What the port of a battery or inverter shows."""

from typing import Final

from homeassistant.const import EntityCategory

from ..engine.model import PortState, PortStatus
from .kinds import BmsBinarySensorDescription, BmsSensorDescription, connection, counter

SENSORS: Final[tuple[BmsSensorDescription[PortState], ...]] = (
    counter("frames_received", lambda port: port.received),
    counter("frames_sent", lambda port: port.sent),
    counter("port_errors", lambda port: port.errors),
)

BINARY_SENSORS: Final[tuple[BmsBinarySensorDescription[PortState], ...]] = (
    connection(
        "port",
        lambda port: port.status is PortStatus.OPEN,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)
