"""Sensors of a battery: what it reports, and how reliably it is received."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import EntityCategory

from ..engine.battery.capacity import capacity_kwh, remaining_ah, stored_kwh
from ..engine.model import BatteryState, BatteryStatus, Dialect, Direction, Readings
from ..throttle.states import Kind
from .base import (
    BmsBinarySensorDescription,
    BmsSensorDescription,
    alarms,
    choice,
    connection,
    counter,
    flag,
    moment,
    number,
    seconds,
)
from .quantities import (
    amp_hours,
    amps,
    cell_volts,
    degrees,
    energy,
    percent,
    stored_energy,
    volts,
    watts,
)

_DIAGNOSTIC: Final[dict[str, Any]] = {"entity_category": EntityCategory.DIAGNOSTIC}
_RARE: Final[dict[str, Any]] = {**_DIAGNOSTIC, "entity_registry_enabled_default": False}
_SOME: Final[dict[str, Any]] = {"if_reported": True}
"""For values that only some batteries report."""
_RARE_SOME: Final[dict[str, Any]] = {**_RARE, **_SOME}


def _power(battery: BatteryState) -> float | None:
    """Return what flows, in W, charge positive."""
    voltage, current = battery.readings.voltage, battery.readings.current
    return None if voltage is None or current is None else voltage * current


def _cell(name: str | None) -> Mapping[str, str]:
    """Return which cell it is, if the battery reports it."""
    return {"cell": name} if name else {}


def _addresses(readings: Readings) -> Mapping[str, str]:
    """Return which addresses are online, if the battery reports it."""
    return {"addresses": readings.module_map} if readings.module_map else {}


def _cell_spread(readings: Readings) -> float | None:
    """Return how far the cells are apart in V."""
    low, high = readings.cell_voltage_min, readings.cell_voltage_max
    return None if low is None or high is None else high - low


SENSORS: Final[tuple[BmsSensorDescription[BatteryState], ...]] = (
    choice(
        "state",
        lambda battery: battery.status,
        BatteryStatus,
        always=True,
        **_DIAGNOSTIC,
    ),
    choice("dialect", lambda battery: battery.dialect, Dialect, **_DIAGNOSTIC),
    percent("soc", lambda battery: battery.readings.soc, SensorDeviceClass.BATTERY),
    percent("soh", lambda battery: battery.readings.soh),
    volts("voltage", lambda battery: battery.readings.voltage, kind=Kind.VOLTAGE),
    amps("current", lambda battery: battery.readings.current, kind=Kind.CURRENT),
    watts("power", _power),
    degrees("temperature", lambda battery: battery.readings.temperature),
    cell_volts(
        "cell_voltage_min",
        lambda battery: battery.readings.cell_voltage_min,
        attributes_fn=lambda battery, _: _cell(battery.readings.cell_voltage_min_id),
        **_SOME,
    ),
    cell_volts(
        "cell_voltage_max",
        lambda battery: battery.readings.cell_voltage_max,
        attributes_fn=lambda battery, _: _cell(battery.readings.cell_voltage_max_id),
        **_SOME,
    ),
    cell_volts(
        "cell_voltage_spread",
        lambda battery: _cell_spread(battery.readings),
        kind=Kind.CELL_VOLTAGE_SPREAD,
        **_SOME,
    ),
    degrees(
        "cell_temperature_min",
        lambda battery: battery.readings.cell_temperature_min,
        attributes_fn=lambda battery, _: _cell(
            battery.readings.cell_temperature_min_id
        ),
        **_RARE_SOME,
    ),
    degrees(
        "cell_temperature_max",
        lambda battery: battery.readings.cell_temperature_max,
        attributes_fn=lambda battery, _: _cell(
            battery.readings.cell_temperature_max_id
        ),
        **_RARE_SOME,
    ),
    amp_hours("capacity", lambda battery: battery.readings.installed_ah, **_RARE_SOME),
    amp_hours("remaining", remaining_ah, **_RARE),
    stored_energy("capacity_energy", capacity_kwh, **_RARE),
    stored_energy("stored_energy", stored_kwh, **_RARE),
    volts(
        "charge_voltage_limit",
        lambda battery: battery.readings.charge_voltage_limit,
        **_DIAGNOSTIC,
    ),
    volts(
        "discharge_voltage_limit",
        lambda battery: battery.readings.discharge_voltage_limit,
        **_RARE,
    ),
    amps(
        "charge_current_limit",
        lambda battery: battery.readings.charge_current_limit,
        **_DIAGNOSTIC,
    ),
    amps(
        "discharge_current_limit",
        lambda battery: battery.readings.discharge_current_limit,
        **_DIAGNOSTIC,
    ),
    number(
        "modules",
        lambda battery: battery.readings.modules,
        attributes_fn=lambda battery, _: _addresses(battery.readings),
        **_RARE_SOME,
    ),
    number(
        "modules_online", lambda battery: battery.readings.modules_online, **_RARE_SOME
    ),
    number(
        "modules_offline",
        lambda battery: battery.readings.modules_offline,
        **_RARE_SOME,
    ),
    number(
        "modules_blocking_charge",
        lambda battery: battery.readings.modules_blocking_charge,
        **_RARE_SOME,
    ),
    number(
        "modules_blocking_discharge",
        lambda battery: battery.readings.modules_blocking_discharge,
        **_RARE_SOME,
    ),
    energy(
        "charged_energy", lambda battery: battery.readings.charged_kwh, **_RARE_SOME
    ),
    energy(
        "discharged_energy",
        lambda battery: battery.readings.discharged_kwh,
        **_RARE_SOME,
    ),
    counter("cycles", lambda battery: battery.readings.cycles, **_SOME),
    percent(
        "current_share",
        lambda battery: None if (part := battery.current_share) is None else 100 * part,
        **_RARE,
    ),
    amps("circulating_current", lambda battery: battery.circulating_current, **_RARE),
    moment("last_telegram", lambda battery: battery.last_frame_at),
    seconds("telegram_period", lambda battery: battery.period, **_RARE),
    counter("telegrams", lambda battery: battery.telegrams),
    counter("losses", lambda battery: battery.losses, always=True),
    counter("invalid_frames", lambda battery: battery.invalid),
)

BINARY_SENSORS: Final[tuple[BmsBinarySensorDescription[BatteryState], ...]] = (
    connection("online", lambda battery: battery.online),
    alarms("protections", lambda battery: battery.readings.protections),
    alarms("warnings", lambda battery: battery.readings.warnings),
    flag(
        "charge_enabled",
        lambda battery: battery.readings.charge_enabled,
        **_DIAGNOSTIC,
    ),
    flag(
        "discharge_enabled",
        lambda battery: battery.readings.discharge_enabled,
        **_DIAGNOSTIC,
    ),
    flag(
        "force_charge",
        lambda battery: battery.readings.force_charge,
        **_DIAGNOSTIC,
    ),
    flag(
        "force_charge_2",
        lambda battery: battery.readings.force_charge_2,
        **_RARE,
    ),
    flag("full_charge", lambda battery: battery.readings.full_charge, **_RARE),
    flag(
        "charge_request",
        lambda battery: battery.readings.charge_request,
        **_RARE_SOME,
    ),
    flag(
        "heating_request",
        lambda battery: battery.readings.heating_request,
        **_RARE_SOME,
    ),
    flag("excluded_charge", lambda b: Direction.CHARGE in b.excluded, **_RARE),
    flag("excluded_discharge", lambda b: Direction.DISCHARGE in b.excluded, **_RARE),
)
