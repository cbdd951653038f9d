"""Energy totals: counted from every snapshot, shown once they are saved on disk."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
import logging
import math
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from ..engine.aggregate.energy import (
    NO_ENERGY,
    Energy,
    Meter,
    bank_sample,
    battery_sample,
)
from ..engine.gateway import Gateway
from ..engine.model import Snapshot
from ..verified_store import Data, VerifiedStore

SAVE_INTERVAL: Final = timedelta(seconds=60)
"""The most energy a crash can lose. A fixed interval: a save that every change
postpones would never happen."""


_LOGGER = logging.getLogger(__name__)


class EnergyStore:
    """The energy totals of a gateway: the bank's by entry id, each battery's by its id.

    Only totals that were saved and read back are shown, so that a crash cannot make
    them run backwards. A total that the store has lost continues from the last value of
    its sensor (`async_continue_from`).
    """

    def __init__(self, hass: HomeAssistant, entry_id: str, name: str) -> None:
        """Count for the gateway with this config entry and name."""
        self._hass = hass
        self._entry_id = entry_id
        self._name = name
        self._store = VerifiedStore(hass, f"{entry_id}.energy")
        self._meters: dict[str, Meter] = {}
        self._saved: Mapping[str, Energy] = {}
        self._stop_listening: list[Callable[[], None]] = []
        self._listeners: list[Callable[[], None]] = []

    @property
    def saved(self) -> bool:
        """Whether the last save reached the disk; if not, displayed totals stay."""
        return self._store.saved

    async def async_load(self) -> None:
        """Load the stored totals; unreadable ones continue from their sensors."""
        try:
            self._saved = _energies(await self._store.async_load())
        except ValueError:
            _LOGGER.warning(
                "The energy totals of %s cannot be read; they continue from the last"
                " values of their sensors",
                self._name,
            )
        self._meters = {key: Meter(energy) for key, energy in self._saved.items()}

    @callback
    def async_follow(self, gateway: Gateway) -> None:
        """Start counting, and saving at each interval."""
        self._stop_listening = [
            gateway.subscribe(self._count),
            async_track_time_interval(
                self._hass,
                self._async_save_at,
                SAVE_INTERVAL,
                name=f"{self._name} energy",
                cancel_on_shutdown=True,
            ),
        ]

    @callback
    def async_on_save(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener at each save, failed or not; return how to unsubscribe."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    async def async_end(self) -> None:
        """Stop counting and save the totals."""
        for stop in self._stop_listening:
            stop()
        self._stop_listening.clear()
        await self.async_save()

    def shown(self, device_id: str) -> Energy:
        """Return the saved total of a battery, or of the bank by the entry's id."""
        return self._saved.get(device_id, NO_ENERGY)

    async def async_continue_from(self, device_id: str, shown: Energy) -> None:
        """Raise a total to at least the value shown before this start."""
        meter = self._meter(device_id)
        if (total := _highest(meter.total, shown)) != meter.total:
            meter.total = total
            await self.async_save()

    async def async_save(self) -> None:
        """Write the totals if any has changed; show them once they are on disk."""
        was_saved = self.saved
        on_disk = await self._store.async_write(self._dumped)
        totals = self._saved if on_disk is None else _energies(on_disk)
        if totals == self._saved and self.saved == was_saved:
            return
        self._saved = totals
        for listener in tuple(self._listeners):
            listener()

    async def async_keep_only(self, battery_ids: Iterable[str]) -> None:
        """Drop the totals of removed batteries."""
        keep = {self._entry_id, *battery_ids}
        self._meters = {key: m for key, m in self._meters.items() if key in keep}
        await self.async_save()

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()

    async def _async_save_at(self, _now: datetime) -> None:
        await self.async_save()

    @callback
    def _count(self, snapshot: Snapshot) -> None:
        self._meter(self._entry_id).take(bank_sample(snapshot))
        for battery_id, battery in snapshot.batteries.items():
            self._meter(battery_id).take(battery_sample(battery))

    def _meter(self, key: str) -> Meter:
        return self._meters.setdefault(key, Meter())

    def _dumped(self) -> Data:
        return {
            key: {
                "charged": meter.total.charged,
                "discharged": meter.total.discharged,
            }
            for key, meter in self._meters.items()
        }


def _energies(data: object) -> dict[str, Energy]:
    """Return the stored energies, empty if there never were any; else ValueError."""
    match data:
        case None:
            return {}
        case dict():
            return {str(key): _energy(each) for key, each in data.items()}
        case _:
            raise ValueError("not a store of energies")


def _energy(data: object) -> Energy:
    match data:
        case {
            "charged": int() | float() as charged,
            "discharged": int() | float() as discharged,
        } if _is_total(charged) and _is_total(discharged):
            return Energy(float(charged), float(discharged))
        case _:
            raise ValueError("not an energy")


def _is_total(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _highest(one: Energy, other: Energy) -> Energy:
    return Energy(
        max(one.charged, other.charged), max(one.discharged, other.discharged)
    )
