"""Setpoints as number entities; a setpoint can only lower a limit."""

from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Any, Final, override

from homeassistant.components.number import (
    ATTR_MAX,
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import (
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN, SUBENTRY_INVERTER
from .engine.config import GatewayConfig
from .engine.model import Direction, Snapshot
from .runtime import BmsGatewayConfigEntry
from .setpoints.entity import SetpointFieldEntity
from .setpoints.ranges import charge_voltage_range, max_amps, without_noise

# Lowering a limit must never wait for another call
PARALLEL_UPDATES = 0
NOISE: Final = 1e-9
"""By how much a value may exceed the maximum and still count as the maximum: Home
Assistant rejects a higher one before the entity sees it, and a template that means 66.6
may produce 66.60000000000001."""


@dataclass(frozen=True, kw_only=True)
class BmsNumberDescription(NumberEntityDescription):
    """A setpoint: its field of `Setpoints`, and its range; the maximum means no limit.

    Currents have no entity category: they are controls, and Home Assistant finds only
    such for an action that targets a device, an area or a floor, or is spoken. The
    voltage is configuration, so that such an action never sets it to a current.
    """

    field: str
    range_fn: Callable[[GatewayConfig, Snapshot, str | None], tuple[float, float]]
    """Returns the range from the configuration, what is known now and, for an inverter,
    its id."""
    mode: NumberMode | None = NumberMode.BOX
    native_step: float | None = 0.1


def _amps(field: str, direction: Direction) -> BmsNumberDescription:
    return BmsNumberDescription(
        key=f"{field}_setpoint",
        field=field,
        range_fn=lambda config, _, key: (0.0, max_amps(config, key, direction)),
        device_class=NumberDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
    )


INVERTER: Final = (
    _amps("charge_current", Direction.CHARGE),
    _amps("discharge_current", Direction.DISCHARGE),
)
BANK: Final = (
    *INVERTER,
    BmsNumberDescription(
        key="charge_voltage_setpoint",
        # A number for a device would set it to amperes otherwise
        entity_category=EntityCategory.CONFIG,
        field="charge_voltage",
        range_fn=lambda config, now, _: charge_voltage_range(
            config, now.batteries.values()
        ),
        device_class=NumberDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.VOLT,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BmsGatewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the setpoints of the bank and of every inverter."""
    runtime = entry.runtime_data

    @callback
    def add(subentry: ConfigSubentry) -> None:
        if subentry.subentry_type == SUBENTRY_INVERTER:
            async_add_entities(
                [Setpoint(runtime, row, subentry.subentry_id) for row in INVERTER],
                config_subentry_id=subentry.subentry_id,
            )

    async_add_entities(Setpoint(runtime, row) for row in BANK)
    runtime.devices.async_on_subentry(add)


class Setpoint(SetpointFieldEntity, NumberEntity):
    """A numeric setpoint.

    At its maximum it is no limit, and it stays at the maximum when that is raised. A
    setpoint above a maximum that was lowered later is kept.
    """

    entity_description: BmsNumberDescription

    @property
    def _range(self) -> tuple[float, float]:
        """The lowest value, and the one that means no limit."""
        return self.entity_description.range_fn(
            self.coordinator.config,
            self._runtime.gateway.snapshot,
            self._inverter_id,
        )

    @property
    @override
    def native_min_value(self) -> float:
        """Return the lowest value."""
        return self._range[0]

    @property
    @override
    def native_max_value(self) -> float:
        """Return the value that means no limit, plus a margin for float noise."""
        return self._range[1] + NOISE

    @property
    @override
    def capability_attributes(self) -> dict[str, Any]:
        """Show the maximum without that margin, in the unit the user chose."""
        shown = super().capability_attributes
        room = self._range[1] / self.native_max_value
        return shown | {ATTR_MAX: without_noise(shown[ATTR_MAX] * room)}

    @property
    @override
    def native_value(self) -> float:
        """Return the setpoint, clamped to the range."""
        setpoint: float | None = getattr(self._setpoints, self.entity_description.field)
        low, high = self._range
        if setpoint is None:
            return high
        return without_noise(min(max(setpoint, low), high))

    @property
    @override
    def _displayed(self) -> tuple[float, ...]:
        """The number and its range, which is in its attributes."""
        return self.native_value, *self._range

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set a value; reject one that is not finite or out of range."""
        low, high = self._range
        value = without_noise(value)
        # NaN is neither below nor above: Home Assistant lets it through
        if not math.isfinite(value) or not low <= value <= self.native_max_value:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="setpoint_out_of_range",
                translation_placeholders={
                    "value": f"{value:g}",
                    "low": f"{low:g}",
                    "high": f"{high:g}",
                },
            )
        # With 0 added, -0 is 0
        setpoint = None if value >= high else value + 0.0
        await self._async_set_fields(**{self.entity_description.field: setpoint})
