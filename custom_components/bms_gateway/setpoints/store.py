"""The setpoint store: loaded before a port opens, saved when it is due."""

from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import replace
from typing import Final

from homeassistant.core import HomeAssistant

from ..engine.model import Clock
from ..engine.setpoints import AllSetpoints, Setpoints
from ..verified_store import VerifiedStore
from .serialization import (
    SETPOINT_FIELDS,
    Change,
    ChangeKey,
    StoredData,
    coarse,
    dump,
    parse,
    shares,
)
from .urgency import Urgency, urgency

NOTHING_ALLOWED: Final = Setpoints(charge_current=0.0, discharge_current=0.0)


class SetpointStore:
    """The setpoints and learned data of one gateway, kept over restarts.

    An unreadable store counts as 0 A everywhere, over restarts too, until the user has
    confirmed new values in the repair; until then setpoints can only be lowered.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Store the setpoints of the gateway with this config entry."""
        self._store = VerifiedStore(hass, f"{entry_id}.setpoints")
        self._clock: Clock = lambda: 0.0
        self.setpoints = AllSetpoints()
        self.changes: Mapping[ChangeKey, Change] = {}
        self.learned: Mapping[str, float] = {}
        self.confirmed = True
        """Whether the user chose these values; False after a store was unreadable."""

    @property
    def saved(self) -> bool:
        """Whether the last write reached the disk; if not, a restart would lose it."""
        return self._store.saved

    async def async_load(self, inverter_ids: Iterable[str]) -> None:
        """Load the stored data; 0 A for all devices if it cannot be read."""
        try:
            data = await self._store.async_load()
            self._take_over(StoredData() if data is None else parse(data))
        except ValueError:
            self.confirmed = False
            ids = dict.fromkeys(inverter_ids, NOTHING_ALLOWED)
            self.setpoints = AllSetpoints(bank=NOTHING_ALLOWED, inverters=ids)
            # At once: Home Assistant has renamed a corrupt file, so that after the next
            # start it would look as if there had never been one
            await self.async_write()

    def start(self, clock: Clock) -> AllSetpoints:
        """Return the setpoints; temporary limits count on by this clock from now."""
        now = clock()
        self._clock = clock
        self.setpoints = self.setpoints.without_ended(0.0).counted_from(now)
        self.changes = _counted_from(self.changes, now)
        return self.setpoints

    def take(self, setpoints: AllSetpoints, by: str) -> None:
        """Take new setpoints; `async_write` saves them."""
        change = Change(by, self._clock())
        self.changes = _changes(self.changes, self.setpoints, setpoints, change)
        self.setpoints = setpoints

    def confirm(self, setpoints: AllSetpoints, by: str) -> None:
        """Take the values that the user chose after an unreadable store."""
        self.confirmed = True
        # No user had requested the zeros
        self.setpoints = AllSetpoints()
        self.take(setpoints, by)

    def keep_only(self, device_ids: AbstractSet[str]) -> bool:
        """Drop removed batteries and inverters; return whether setpoints changed."""
        old, known = self.setpoints, {None, *device_ids}
        self.setpoints = replace(
            old,
            inverters={k: of for k, of in old.inverters.items() if k in known},
            temporary_limits=tuple(
                temporary_limit
                for temporary_limit in old.temporary_limits
                if temporary_limit.device_id in known
            ),
            out_of_service=old.out_of_service & device_ids,
        )
        self.changes = {k: each for k, each in self.changes.items() if k[0] in known}
        self.learned = {k: part for k, part in self.learned.items() if k in known}
        return self.setpoints != old

    @property
    def urgency(self) -> Urgency:
        """How soon the disk has to hold the present setpoints."""
        on_disk = self._store.on_disk
        if on_disk is None:
            return urgency(None, self._stored_data())
        return urgency(parse(on_disk) if on_disk else StoredData(), self._stored_data())

    async def async_save_periodically(self, learned: Mapping[str, float]) -> None:
        """Write remaining times and learned data if they moved far enough."""
        self._learn(learned)
        if self.urgency is not Urgency.NEVER:
            await self.async_write()

    async def async_end(self, learned: Mapping[str, float]) -> None:
        """Write any change: there is no later chance."""
        self._learn(learned)
        await self.async_write()

    async def async_write(self) -> None:
        """Write everything now unless the disk holds it; `saved` shows the result."""
        await self._store.async_write(lambda: dump(self._stored_data()))

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()

    def _learn(self, learned: Mapping[str, float]) -> None:
        self.learned = shares({key: min(part, 1.0) for key, part in learned.items()})

    def _stored_data(self) -> StoredData:
        now = self._clock()
        return coarse(
            StoredData(
                setpoints=self.setpoints.without_ended(now).counted_from(-now),
                changes=_counted_from(self.changes, -now),
                learned=self.learned,
                confirmed=self.confirmed,
            )
        )

    def _take_over(self, stored: StoredData) -> None:
        if not stored.confirmed and stored.setpoints.bank.exceed(NOTHING_ALLOWED):
            raise ValueError("more than 0 A, and not confirmed")
        self.setpoints, self.learned = stored.setpoints, stored.learned
        self.changes, self.confirmed = stored.changes, stored.confirmed


def _counted_from(
    changes: Mapping[ChangeKey, Change], seconds: float
) -> dict[ChangeKey, Change]:
    """Return the changes with their start moved by this many seconds."""
    return {
        key: replace(each, since=each.since + seconds) for key, each in changes.items()
    }


def _changes(
    known: Mapping[ChangeKey, Change],
    old: AllSetpoints,
    new: AllSetpoints,
    change: Change,
) -> dict[ChangeKey, Change]:
    """Return the requester of each setpoint, updated with the fields changed now."""
    devices = (None, *{*old.inverters, *new.inverters})
    return dict(known) | {
        (device_id, name): change
        for device_id in devices
        for name in SETPOINT_FIELDS
        if getattr(old.of(device_id), name) != getattr(new.of(device_id), name)
    }
