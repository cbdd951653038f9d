"""The physical quantities of sensors: device class, unit, precision and pace."""

from typing import Any

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfPower,
    UnitOfRatio,
    UnitOfTemperature,
)

from ..throttle.states import Kind
from .base import BmsSensorDescription, Value


def volts[S](
    key: str, value_fn: Value[S], precision: int = 1, **more: Any
) -> BmsSensorDescription[S]:
    """Describe a voltage."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.VOLTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfElectricPotential.VOLT,
        suggested_display_precision=precision,
        **more,
    )


def cell_volts[S](
    key: str, value_fn: Value[S], kind: Kind = Kind.CELL_VOLTAGE, **more: Any
) -> BmsSensorDescription[S]:
    """Describe the voltage of a cell or the spread of several; for diagnosis."""
    return volts(
        key,
        value_fn,
        precision=3,
        kind=kind,
        entity_category=EntityCategory.DIAGNOSTIC,
        **more,
    )


def amps[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe a current or the limit of one."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.CURRENT,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=1,
        **more,
    )


def watts[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe a power."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        kind=Kind.POWER,
        **more,
    )


def degrees[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe a temperature."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.TEMPERATURE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        suggested_display_precision=1,
        kind=Kind.TEMPERATURE,
        **more,
    )


def percent[S](
    key: str,
    value_fn: Value[S],
    device_class: SensorDeviceClass | None = None,
    **more: Any,
) -> BmsSensorDescription[S]:
    """Describe a part of a whole; class BATTERY for a state of charge."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=device_class,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        **more,
    )


def amp_hours[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe a charge; Home Assistant knows neither a class nor a unit for it."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement="Ah",
        suggested_display_precision=0,
        **more,
    )


def energy[S](key: str, value_fn: Value[S], **more: Any) -> BmsSensorDescription[S]:
    """Describe an energy that a battery counted over its life."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        **more,
    )


def stored_energy[S](
    key: str, value_fn: Value[S], **more: Any
) -> BmsSensorDescription[S]:
    """Describe an energy that is there now, or that there is room for."""
    return BmsSensorDescription(
        key=key,
        value_fn=value_fn,
        device_class=SensorDeviceClass.ENERGY_STORAGE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        **more,
    )
