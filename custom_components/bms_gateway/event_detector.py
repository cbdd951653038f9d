"""Finds events between snapshots: alarms, losses, ignored requests, disobedience."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

from .engine.model import (
    Alarm,
    BatteryState,
    BatteryStatus,
    Direction,
    Readings,
    Snapshot,
    Status,
)

HOUR: Final = 3600.0
LOSSES_PER_HOUR: Final = 3
"""More losses in an hour are not accidental: a plug, a cable, a supply."""
REQUEST_IGNORED_AFTER: Final = 600.0
"""Seconds after which a charge request counts as ignored. One that is unknown for as
long is dropped."""


class EventType(StrEnum):
    """The types of event."""

    PROTECTION_RAISED = "protection_raised"
    PROTECTION_CLEARED = "protection_cleared"
    WARNING_RAISED = "warning_raised"
    WARNING_CLEARED = "warning_cleared"
    BATTERY_LOST = "battery_lost"
    BATTERY_GAP = "battery_gap"
    """A battery is silent briefly while others continue: the last one, or one with
    habitual short gaps."""
    BATTERY_RESTORED = "battery_restored"
    MODULES_MISSING = "modules_missing"
    """A battery counts fewer modules than before."""
    MODULES_RESTORED = "modules_restored"
    OUT_OF_SERVICE_CURRENT = "out_of_service_current"
    """A battery carries current although it was taken out of service."""
    CHARGE_REQUEST_UNMET = "charge_request_unmet"
    """A battery has requested charge for REQUEST_IGNORED_AFTER."""
    INVERTER_OVER_LIMIT = "inverter_over_limit"
    """An inverter takes more current than it was sent."""


_ALARMS: Final = (
    ("protections", EventType.PROTECTION_RAISED, EventType.PROTECTION_CLEARED),
    ("warnings", EventType.WARNING_RAISED, EventType.WARNING_CLEARED),
)
_REQUESTS: Final = attrgetter("force_charge", "force_charge_2", "charge_request")


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a battery or inverter; None: of one of several inverters."""

    kind: EventType
    device_id: str | None
    alarm: Alarm | None = None
    modules: int | None = None
    """The number of missing modules."""
    direction: Direction | None = None


class _Request(NamedTuple):
    """A battery's charge request, with the times it was first and last known."""

    since: float
    until: float
    requested: tuple[bool | None, ...]
    """By the fields of `_REQUESTS`, as last known."""


class EventDetector:
    """Compares each snapshot with the one before; times are of the gateway's clock."""

    def __init__(self) -> None:
        """Start without a previous snapshot."""
        self._alarms: dict[tuple[str, str], frozenset[Alarm]] = {}
        self._lost: dict[str, float] = {}
        self._losses: dict[str, deque[float]] = {}
        self._requests: dict[str, _Request] = {}
        self._bridged: set[str] = set()
        self._missing: dict[str, int] = {}
        self._carrying: set[str] = set()
        self._disobeying: frozenset[tuple[frozenset[str], Direction]] = frozenset()
        self.unsteady: frozenset[str] = frozenset()
        """Batteries lost more than LOSSES_PER_HOUR times within the last hour."""
        self.requesting: frozenset[str] = frozenset()
        """Batteries that have requested charge for REQUEST_IGNORED_AFTER."""

    @property
    def lost_since(self) -> Mapping[str, float]:
        """The time since when each lost battery has not been online."""
        return self._lost

    def update(self, snapshot: Snapshot, now: float) -> list[Event]:
        """Return the events since the last snapshot."""
        self._forget(snapshot)
        events = [
            event
            for battery in snapshot.batteries.values()
            for event in (
                *self._follow_alarms(battery.id, battery.readings),
                *self._follow_life(battery, now),
                *self._follow_modules(battery),
            )
        ]
        never_reported = dict.fromkeys(self._requests, Readings())
        received = {key: each.readings for key, each in snapshot.batteries.items()}
        for key, readings in (never_reported | received).items():
            self._follow_requests(key, readings, now)
        requesting = frozenset(
            key
            for key, request in self._requests.items()
            if request.until >= request.since + REQUEST_IGNORED_AFTER
        )
        events += [
            Event(EventType.CHARGE_REQUEST_UNMET, key)
            for key in sorted(requesting - self.requesting)
        ]
        self.requesting = requesting
        self.unsteady = self._unsteady(now)
        return [*events, *self._follow_inverters(snapshot)]

    def _follow_alarms(self, key: str, readings: Readings) -> Iterator[Event]:
        """Yield alarms that were raised or cleared; unknown is neither."""
        for field, raised, cleared in _ALARMS:
            now: frozenset[Alarm] | None = getattr(readings, field)
            if now is None:
                continue
            before = self._alarms.get((key, field), frozenset())
            self._alarms[key, field] = now
            for alarm in sorted(now - before):
                yield Event(raised, key, alarm)
            for alarm in sorted(before - now):
                yield Event(cleared, key, alarm)

    def _follow_requests(self, key: str, readings: Readings, now: float) -> None:
        """Track since when the battery has requested charge; unknown is ignored."""
        requests = _REQUESTS(readings)
        before = self._requests.pop(key, None) or _Request(now, now, requests)
        requested = tuple(
            was if new is None else new
            for was, new in zip(before.requested, requests, strict=True)
        )
        if any(requests):
            self._requests[key] = _Request(before.since, now, requested)
        elif any(requested) and now < before.until + REQUEST_IGNORED_AFTER:
            self._requests[key] = before._replace(requested=requested)

    def _follow_inverters(self, snapshot: Snapshot) -> Iterator[Event]:
        """Yield inverters that started to disobey since the last snapshot."""
        now = frozenset(
            (found.inverters, direction)
            for inverter in snapshot.inverters.values()
            for direction, found in inverter.disobeys.items()
        )
        new, self._disobeying = now - self._disobeying, now
        for keys, direction in sorted(new, key=lambda each: (sorted(each[0]), each[1])):
            key = next(iter(keys)) if len(keys) == 1 else None
            yield Event(EventType.INVERTER_OVER_LIMIT, key, direction=direction)

    def _follow_life(self, battery: BatteryState, now: float) -> Iterator[Event]:
        key = battery.id
        match battery.status:
            case BatteryStatus.BRIDGING if key not in self._bridged:
                self._bridged.add(key)
                yield Event(EventType.BATTERY_GAP, key)
            case BatteryStatus.LOST if key not in self._lost:
                self._lost[key] = now
                self._losses.setdefault(key, deque()).append(now)
                yield Event(EventType.BATTERY_LOST, key)
            case BatteryStatus.ONLINE if key in self._lost or key in self._bridged:
                self._lost.pop(key, None)
                self._bridged.discard(key)
                yield Event(EventType.BATTERY_RESTORED, key)
            case BatteryStatus.OUT_OF_SERVICE | BatteryStatus.DUPLICATE:
                self._lost.pop(key, None)
                self._bridged.discard(key)
        if not battery.carries_current_out_of_service:
            self._carrying.discard(key)
        elif key not in self._carrying:
            self._carrying.add(key)
            yield Event(EventType.OUT_OF_SERVICE_CURRENT, key)

    def _follow_modules(self, battery: BatteryState) -> Iterator[Event]:
        if battery.modules_most is None:
            # Counted anew, as after a change of capacity: no module came back
            self._missing.pop(battery.id, None)
            return
        missing = battery.modules_missing
        before = self._missing.get(battery.id, 0)
        self._missing[battery.id] = missing
        if missing != before:
            more = missing > before
            kind = EventType.MODULES_MISSING if more else EventType.MODULES_RESTORED
            yield Event(kind, battery.id, modules=missing)

    def _unsteady(self, now: float) -> frozenset[str]:
        for losses in self._losses.values():
            while losses and losses[0] <= now - HOUR:
                losses.popleft()
        return frozenset(
            k for k, at in self._losses.items() if len(at) > LOSSES_PER_HOUR
        )

    def _forget(self, snapshot: Snapshot) -> None:
        """Drop removed batteries; at start-up none is known yet."""
        if snapshot.status is Status.STARTING:
            return
        known = snapshot.batteries.keys()
        self._alarms = {k: each for k, each in self._alarms.items() if k[0] in known}
        self._losses = {k: each for k, each in self._losses.items() if k in known}
        self._requests = {k: each for k, each in self._requests.items() if k in known}
        self._lost = {k: since for k, since in self._lost.items() if k in known}
        self._carrying &= known
        self._bridged &= known
        self._missing = {k: each for k, each in self._missing.items() if k in known}
