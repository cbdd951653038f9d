"""The setpoints on disk: loaded before anything is sent, saved at each change."""

from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import asdict, replace
import math
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .engine.setpoints import AllSetpoints, Setpoints

STORAGE_VERSION: Final = 1

NOTHING_ALLOWED: Final = Setpoints(charge_current=0.0, discharge_current=0.0)


class SetpointStore:
    """What people asked of one gateway, kept over restarts.

    What cannot be read counts as 0 A everywhere, over restarts too, until a person
    has confirmed new values.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Keep the setpoints of the gateway with this config entry."""
        self._hass = hass
        self._store = Store[dict[str, Any]](
            hass, STORAGE_VERSION, f"{DOMAIN}.{entry_id}.setpoints"
        )
        self.setpoints = AllSetpoints()
        self.confirmed = True
        """Whether a person chose these values; False after a store was unreadable."""

    async def async_load(self, inverter_ids: Iterable[str]) -> AllSetpoints:
        """Return what was stored; 0 A for all of them if it cannot be read."""
        was_there = await self._hass.async_add_executor_job(_was_there, self._path)
        try:
            self._read(await self._async_load_data(was_there))
        except ValueError:
            self.confirmed = False
            ids = dict.fromkeys(inverter_ids, NOTHING_ALLOWED)
            # At once: Home Assistant has renamed a corrupt file, so that after the
            # next start it would look as if there had never been one
            await self.async_save(AllSetpoints(bank=NOTHING_ALLOWED, inverters=ids))
        return self.setpoints

    async def async_save(self, setpoints: AllSetpoints) -> None:
        """Take new values and write them now."""
        self.setpoints = setpoints
        await self._store.async_save(
            {
                "confirmed": self.confirmed,
                "bank": asdict(setpoints.bank),
                "inverters": {
                    key: asdict(of) for key, of in setpoints.inverters.items()
                },
                "out_of_service": sorted(setpoints.out_of_service),
            }
        )

    async def async_confirm(self, setpoints: AllSetpoints) -> None:
        """Take the values with which a person ends the state after a corrupt store."""
        self.confirmed = True
        await self.async_save(setpoints)

    async def async_keep_only(self, device_ids: AbstractSet[str]) -> None:
        """Forget batteries and inverters that are no more."""
        old = self.setpoints
        kept = replace(
            old,
            inverters={k: of for k, of in old.inverters.items() if k in device_ids},
            leases=tuple(
                lease
                for lease in old.leases
                if lease.device_id is None or lease.device_id in device_ids
            ),
            out_of_service=old.out_of_service & device_ids,
        )
        if kept != old:
            await self.async_save(kept)

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()

    @property
    def _path(self) -> Path:
        return Path(self._store.path)

    async def _async_load_data(self, was_there: bool) -> Mapping[str, Any] | None:
        """Return the content, None if there never was any; else raise ValueError."""
        try:
            data = await self._store.async_load()
        except (HomeAssistantError, KeyError, TypeError, NotImplementedError) as err:
            raise ValueError("cannot be loaded") from err
        if data is None and was_there:
            raise ValueError("corrupt")
        return data

    def _read(self, data: Mapping[str, Any] | None) -> None:
        """Take over what was loaded; raise ValueError for anything unexpected."""
        if data is None:
            return
        match data:
            case {
                "confirmed": bool(confirmed),
                "bank": dict(bank),
                "inverters": dict(inverters),
                "out_of_service": list(out_of_service),
            }:
                self.setpoints = AllSetpoints(
                    bank=_setpoints(bank),
                    inverters={key: _setpoints(of) for key, of in inverters.items()},
                    out_of_service=frozenset(map(_text, out_of_service)),
                )
                self.confirmed = confirmed
            case _:
                raise ValueError("not a store of setpoints")


def _was_there(path: Path) -> bool:
    """Return whether the file, or a corrupt one that was put aside, exists."""
    return path.exists() or any(path.parent.glob(f"{path.name}.corrupt.*"))


def _setpoints(data: object) -> Setpoints:
    match data:
        case {
            "charge_current": charge,
            "discharge_current": discharge,
            "charge_voltage": voltage,
            "charging_allowed": bool(charging),
            "discharging_allowed": bool(discharging),
        }:
            return Setpoints(
                charge_current=_number(charge),
                discharge_current=_number(discharge),
                charge_voltage=_number(voltage),
                charging_allowed=charging,
                discharging_allowed=discharging,
            )
        case _:
            raise ValueError("not setpoints")


def _number(value: object) -> float | None:
    match value:
        case None:
            return None
        case bool():
            raise ValueError("not a number")
        case int() | float() if math.isfinite(value) and value >= 0:
            return float(value)
        case _:
            raise ValueError("not a number in range")


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case _:
            raise ValueError("not a text")
