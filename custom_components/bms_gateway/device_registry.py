"""The devices of a gateway in the device registry."""

from collections.abc import Callable
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.typing import UNDEFINED

from .const import DOMAIN, SUBENTRY_INVERTER
from .engine.model import Readings, Snapshot

type SubentryListener = Callable[[ConfigSubentry], None]

_GATEWAY_MODEL: Final = "Virtual battery"
_MODELS: Final = {SUBENTRY_INVERTER: "Inverter"}
"""By kind of subentry; a battery reports its own model. services.yaml names them, too.
"""


class Devices:
    """Keeps the device registry in step with an entry, its subentries and telemetry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Register the gateway first: the other devices refer to it."""
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._known: dict[str, ConfigSubentry] = {}
        self._reported: dict[str, Readings] = {}
        self._listeners: list[SubentryListener] = []
        self.async_sync()

    @callback
    def async_on_subentry(self, listener: SubentryListener) -> None:
        """Call the listener for each existing subentry, and later for each new one."""
        self._listeners.append(listener)
        for subentry in self._known.values():
            listener(subentry)

    @callback
    def async_sync(self) -> None:
        """Register new devices and rename those whose title has changed."""
        gateway = self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={(DOMAIN, self._entry.entry_id)},
            name=self._entry.title,
            model=_GATEWAY_MODEL,
        )
        for subentry in self._entry.subentries.values():
            self._register(subentry, gateway.id)
        known, self._known = self._known, dict(self._entry.subentries)
        for subentry_id in self._known.keys() - known.keys():
            for listener in self._listeners:
                listener(self._known[subentry_id])

    @callback
    def async_update(self, snapshot: Snapshot) -> None:
        """Update manufacturer, model, firmware and serial number from telemetry."""
        for battery_id, battery in snapshot.batteries.items():
            if (reported := _identity(battery.readings)) != self._reported.get(
                battery_id
            ):
                self._reported[battery_id] = reported
                self._describe(battery_id, reported)

    def _register(self, subentry: ConfigSubentry, gateway_id: str) -> None:
        self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            config_subentry_id=subentry.subentry_id,
            identifiers={(DOMAIN, subentry.subentry_id)},
            name=subentry.title,
            model=_MODELS.get(subentry.subentry_type, UNDEFINED),
            via_device_id=gateway_id,
        )

    def _describe(self, battery_id: str, reported: Readings) -> None:
        device = self._registry.async_get_device_by_identifier(
            (DOMAIN, battery_id), self._entry.entry_id
        )
        if device is None:
            return
        self._registry.async_update_device(
            device.id,
            manufacturer=reported.name or device.manufacturer,
            model=reported.product or reported.family or device.model,
            model_id=(reported.product and reported.family) or device.model_id,
            sw_version=reported.version or device.sw_version,
            serial_number=reported.serial or device.serial_number,
        )


def _identity(readings: Readings) -> Readings:
    """Return only the readings that identify the battery."""
    return Readings(
        name=readings.name,
        product=readings.product,
        version=readings.version,
        serial=readings.serial,
        family=readings.family,
    )
