"""The monitor: updates devices, events and repairs from each snapshot."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .device_registry import Devices
from .energy.store import EnergyStore
from .engine.config import GatewayConfig
from .engine.model import Snapshot
from .event_detector import Event, EventDetector
from .issues.conditions import Conditions
from .issues.context import IssueContext
from .issues.registry import Issues
from .setpoints.store import SetpointStore

EVENT_DETECTORS: Final[HassKey[dict[str, EventDetector]]] = HassKey(
    f"{DOMAIN}_event_detectors"
)
"""The event detector of each entry by its id. It outlives a reload."""

type EventListener = Callable[[Event], None]


class Monitor:
    """Finds events and issues, with the state that this takes over time."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        devices: Devices,
        setpoint_store: SetpointStore,
        energy_store: EnergyStore,
    ) -> None:
        """Monitor the gateway with this config entry."""
        self._entry_id = entry.entry_id
        self._devices = devices
        self._setpoint_store = setpoint_store
        self._energy_store = energy_store
        # Conditions that existed before a reload raise no new events
        detectors = hass.data.setdefault(EVENT_DETECTORS, {})
        self._event_detector = detectors.setdefault(entry.entry_id, EventDetector())
        self._conditions = Conditions()
        self._issues = Issues(hass, entry.entry_id)
        self._events: list[Event] = []
        self._listeners: list[EventListener] = []

    @callback
    def async_on_event(self, listener: EventListener) -> Callable[[], None]:
        """Call `listener` with every event; return how to unsubscribe."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    @callback
    def async_update(self, latest: Snapshot, config: GatewayConfig) -> None:
        """Update devices and repairs, and collect events for `async_deliver`."""
        self._devices.async_update(latest)
        self._events += self._event_detector.update(latest, latest.at)
        self._conditions.update(latest, latest.at)
        setpoints, detector = self._setpoint_store, self._event_detector
        self._issues.async_update(
            IssueContext(
                entry_id=self._entry_id,
                snapshot=latest,
                config=config,
                setpoints=setpoints.setpoints,
                changes=setpoints.changes,
                confirmed=setpoints.confirmed,
                saved=setpoints.saved,
                energy_saved=self._energy_store.saved,
                unsteady=detector.unsteady,
                lost_since=detector.lost_since,
                requesting=detector.requesting,
                voltage_difference=self._conditions.voltage_difference,
                signs_of_life=self._conditions.signs_of_life,
                highest_limits=self._conditions.highest_limits,
            )
        )

    @callback
    def async_deliver(self) -> None:
        """Deliver the collected events, once entities show what led to them."""
        events, self._events = self._events, []
        for event in events:
            for listener in tuple(self._listeners):
                listener(event)

    @callback
    def async_end(self) -> None:
        """Delete all repairs that are not ignored."""
        self._issues.async_end()
