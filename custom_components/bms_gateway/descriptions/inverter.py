"""Sensors of an inverter: the confirmed limits, and whether it acknowledges frames."""

from typing import Final

from homeassistant.const import EntityCategory

from ..engine.model import Direction, InverterState
from .base import (
    BmsBinarySensorDescription,
    BmsSensorDescription,
    connection,
    counter,
    moment,
)
from .limits import limit, reason
from .quantities import volts

SENSORS: Final[tuple[BmsSensorDescription[InverterState], ...]] = (
    limit("charge_current_limit", lambda inverter: inverter.charge),
    limit("discharge_current_limit", lambda inverter: inverter.discharge),
    reason(
        "charge_limited_by",
        Direction.CHARGE,
        lambda inverter: inverter.charge,
        lambda inverter: inverter.id,
    ),
    reason(
        "discharge_limited_by",
        Direction.DISCHARGE,
        lambda inverter: inverter.discharge,
        lambda inverter: inverter.id,
    ),
    volts(
        "charge_voltage_limit",
        lambda inverter: (
            confirmed.charge_voltage_limit
            if (confirmed := inverter.confirmed)
            else None
        ),
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    volts(
        "discharge_voltage_limit",
        lambda inverter: (
            confirmed.discharge_voltage_limit
            if (confirmed := inverter.confirmed)
            else None
        ),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    moment("last_telegram_sent", lambda inverter: inverter.last_telegram_at),
    moment("last_request", lambda inverter: inverter.last_request_at),
    counter("telegrams_sent", lambda inverter: inverter.telegrams_sent, always=True),
    counter(
        "telegrams_dropped", lambda inverter: inverter.telegrams_dropped, always=True
    ),
)

BINARY_SENSORS: Final[tuple[BmsBinarySensorDescription[InverterState], ...]] = (
    connection("receiving", lambda inverter: inverter.listening),
    connection(
        "requesting",
        lambda inverter: inverter.connected,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)
