"""Sensors of a gateway: the bank, its limits and the rules that bind them."""

from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import EntityCategory

from ..engine.model import BankState, Direction, Limit, Snapshot, Status
from ..throttle.states import Kind
from .base import (
    BmsBinarySensorDescription,
    BmsSensorDescription,
    alarms,
    choice,
    duration,
    flag,
    number,
)
from .limits import limit, reason
from .quantities import (
    amp_hours,
    amps,
    cell_volts,
    degrees,
    percent,
    stored_energy,
    volts,
    watts,
)

_DIAGNOSTIC: Final[dict[str, Any]] = {"entity_category": EntityCategory.DIAGNOSTIC}
_RARE: Final[dict[str, Any]] = {**_DIAGNOSTIC, "entity_registry_enabled_default": False}


def _allows(found: Limit | None) -> bool | None:
    """Return whether any current is allowed; None while that is unknown."""
    return found.amps > 0 if found else None


def _cell_spread(bank: BankState) -> float | None:
    """Return how far the cells of all batteries are apart in V."""
    low, high = bank.cell_voltage_min, bank.cell_voltage_max
    return None if low is None or high is None else high - low


SENSORS: Final[tuple[BmsSensorDescription[Snapshot], ...]] = (
    choice("status", lambda now: now.status, Status, always=True),
    percent(
        "soc",
        lambda now: now.bank.soc,
        SensorDeviceClass.BATTERY,
        kind=Kind.STATE_OF_CHARGE,
    ),
    # Without the class: a device with several of it is shown with any of them
    percent("soc_min", lambda now: now.bank.soc_min, **_DIAGNOSTIC),
    percent("soc_max", lambda now: now.bank.soc_max, **_DIAGNOSTIC),
    percent("soh", lambda now: now.bank.soh),
    percent("soh_min", lambda now: now.bank.soh_min, **_RARE),
    volts("voltage", lambda now: now.bank.voltage, kind=Kind.VOLTAGE),
    volts(
        "voltage_spread",
        lambda now: now.bank.voltage_spread,
        precision=2,
        kind=Kind.VOLTAGE_SPREAD,
        **_DIAGNOSTIC,
    ),
    amps(
        "current",
        lambda now: now.bank.current,
        attributes_fn=lambda now, _: {"estimated": now.bank.current_estimated},
        kind=Kind.CURRENT,
    ),
    watts("power", lambda now: now.bank.power),
    degrees("temperature", lambda now: now.bank.temperature),
    degrees(
        "temperature_min",
        lambda now: now.bank.temperature_min,
        **_DIAGNOSTIC,
    ),
    degrees(
        "temperature_max",
        lambda now: now.bank.temperature_max,
        **_DIAGNOSTIC,
    ),
    cell_volts(
        "cell_voltage_min",
        lambda now: now.bank.cell_voltage_min,
        entity_registry_enabled_default=False,
    ),
    cell_volts(
        "cell_voltage_max",
        lambda now: now.bank.cell_voltage_max,
        entity_registry_enabled_default=False,
    ),
    cell_volts(
        "cell_voltage_spread",
        lambda now: _cell_spread(now.bank),
        kind=Kind.CELL_VOLTAGE_SPREAD,
    ),
    degrees(
        "cell_temperature_min",
        lambda now: now.bank.cell_temperature_min,
        **_RARE,
    ),
    degrees(
        "cell_temperature_max",
        lambda now: now.bank.cell_temperature_max,
        **_RARE,
    ),
    amp_hours("capacity", lambda now: now.bank.capacity_ah, **_DIAGNOSTIC),
    amp_hours("remaining", lambda now: now.bank.remaining_ah, **_RARE),
    stored_energy("capacity_energy", lambda now: now.bank.capacity_kwh, **_DIAGNOSTIC),
    stored_energy("stored_energy", lambda now: now.bank.stored_kwh),
    duration("time_to_full", lambda now: now.bank.time_to_full),
    duration("time_to_empty", lambda now: now.bank.time_to_empty),
    number(
        "modules",
        lambda now: now.bank.modules,
        **_RARE,
    ),
    volts("charge_voltage_limit", lambda now: now.charge_voltage_limit),
    volts(
        "discharge_voltage_limit",
        lambda now: now.discharge_voltage_limit,
        **_DIAGNOSTIC,
    ),
    limit("charge_current_limit", lambda now: now.charge),
    limit("discharge_current_limit", lambda now: now.discharge),
    # Also while no battery is online, as long as the inverters are sent 0 A
    reason(
        "charge_limited_by",
        Direction.CHARGE,
        lambda now: now.charge,
        always_fn=lambda now: now.charge is not None,
    ),
    reason(
        "discharge_limited_by",
        Direction.DISCHARGE,
        lambda now: now.discharge,
        always_fn=lambda now: now.discharge is not None,
    ),
)

BINARY_SENSORS: Final[tuple[BmsBinarySensorDescription[Snapshot], ...]] = (
    alarms("protections", lambda now: now.bank.protections),
    alarms("warnings", lambda now: now.bank.warnings),
    flag("charge_enabled", lambda now: _allows(now.charge)),
    flag("discharge_enabled", lambda now: _allows(now.discharge)),
    flag(
        "force_charge",
        lambda now: now.bank.force_charge,
        **_DIAGNOSTIC,
    ),
    flag(
        "force_charge_2",
        lambda now: now.bank.force_charge_2,
        **_RARE,
    ),
    flag(
        "full_charge",
        lambda now: now.bank.full_charge,
        **_RARE,
    ),
)
