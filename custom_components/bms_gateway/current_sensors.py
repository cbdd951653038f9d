"""Passes readings of the inverters' DC current sensors to the gateway."""

from collections.abc import Callable
import contextlib
from math import isfinite
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, UnitOfElectricCurrent
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.helpers.event import (
    async_track_state_change_event,
    async_track_state_report_event,
)
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import ElectricCurrentConverter

from .const import SUBENTRY_INVERTER
from .engine.gateway import Gateway

CONF_CURRENT_SENSOR: Final = "current_sensor"
"""The entity that measures an inverter's DC current, charge positive."""


class CurrentSensors:
    """Follows the current sensors chosen for inverters."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, gateway: Gateway
    ) -> None:
        """Follow no sensor before `async_apply`."""
        self._hass = hass
        self._entry = entry
        self._gateway = gateway
        self._chosen: dict[str, str] = {}
        """Entity ids by the inverter's id."""
        self._undo: list[Callable[[], None]] = []

    @callback
    def async_apply(self) -> None:
        """Follow the sensors that are configured now."""
        inverters = self._entry.get_subentries_of_type(SUBENTRY_INVERTER)
        chosen = {
            each.subentry_id: entity_id
            for each in inverters
            if (entity_id := each.data.get(CONF_CURRENT_SENSOR))
        }
        if chosen == self._chosen:
            return
        self.async_end()
        self._chosen = chosen
        if not chosen:
            return
        entity_ids = set(chosen.values())
        # A sensor that reports the same value again fires no change event
        self._undo = [
            async_track_state_change_event(
                self._hass, entity_ids, self._async_state_reported
            ),
            async_track_state_report_event(
                self._hass, entity_ids, self._async_state_reported
            ),
        ]
        for entity_id in entity_ids:
            self._report(entity_id, self._hass.states.get(entity_id))

    @callback
    def async_end(self) -> None:
        """Stop following all sensors."""
        for undo in self._undo:
            undo()
        self._undo = []
        for inverter_id in self._chosen:
            self._gateway.sense(inverter_id, None)
        self._chosen = {}

    @callback
    def _async_state_reported(self, event: Event[Any]) -> None:
        self._report(event.data["entity_id"], event.data["new_state"])

    def _report(self, entity_id: str, state: State | None) -> None:
        """Pass a sensor's reading to the gateway with the time of its last report."""
        at = self._gateway.now
        if state is not None:
            age = (dt_util.utcnow() - state.last_reported).total_seconds()
            at -= max(0.0, age)
        for inverter_id, chosen in self._chosen.items():
            if chosen == entity_id:
                self._gateway.sense(inverter_id, amperes(state), at)


def amperes(state: State | None) -> float | None:
    """Return the current in A from a sensor's state; None if it has none."""
    if state is None:
        return None
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    if unit not in ElectricCurrentConverter.VALID_UNITS:
        return None
    with contextlib.suppress(ValueError):
        amps = ElectricCurrentConverter.convert(
            float(state.state), unit, UnitOfElectricCurrent.AMPERE
        )
        return amps if isfinite(amps) else None
    return None
