"""Sensors of the port of a battery or inverter."""

from collections.abc import Callable
from typing import Final

from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import EntityCategory

from ..engine.config import Interface
from ..engine.model import BusState, PortState, PortStatus
from .base import (
    BmsBinarySensorDescription,
    BmsSensorDescription,
    choice,
    connection,
    counter,
)

_WITH_CONTROLLER: Final = frozenset({Interface.SOCKETCAN, Interface.SLCAN})
"""The interfaces behind which there is a CAN controller that may report its state."""


def _error_counter(
    key: str, value_fn: Callable[[PortState], int | None]
) -> BmsSensorDescription[PortState]:
    """Describe one of the controller's counters, which rise with errors and fall again."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        always=True,
        interfaces=_WITH_CONTROLLER,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    )


SENSORS: Final[tuple[BmsSensorDescription[PortState], ...]] = (
    choice(
        "controller",
        lambda port: port.controller.state,
        BusState,
        always=True,
        interfaces=_WITH_CONTROLLER,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    _error_counter("transmit_errors", lambda port: port.controller.transmit_errors),
    _error_counter("receive_errors", lambda port: port.controller.receive_errors),
    counter("frames_received", lambda port: port.received),
    counter("frames_sent", lambda port: port.sent),
    counter("port_errors", lambda port: port.errors),
)

BINARY_SENSORS: Final[tuple[BmsBinarySensorDescription[PortState], ...]] = (
    connection(
        "port",
        lambda port: port.status is PortStatus.OPEN,
        attributes_fn=lambda port, _: {"fault": port.fault},
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    connection(
        "carrier",
        lambda port: port.controller.carrier,
        interfaces=frozenset({Interface.SOCKETCAN}),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)
