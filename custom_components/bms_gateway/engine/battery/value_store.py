"""The values that a battery reported, each with its frame and the age at which it expires."""

from collections.abc import Iterator, Mapping, Set as AbstractSet
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final

from ..model import Readings
from .readings import readings_of
from .timing.frame_periods import LIMITS_ID, FramePeriods

KEPT: Final = frozenset(
    {"name", "product_1", "product_2", "serial_1", "serial_2", "version", "family"}
    | {"installed_ah", "candidate_ah", "identity_ah", "firmware"}
)
"""Values that do not change while a battery is connected: kept at any age."""
REQUIRED: Final = frozenset(
    {"charge_voltage_limit", "charge_current_limit", "discharge_current_limit"}
)
OPTIONAL_CONTROL: Final = frozenset(
    {"charge_enabled", "discharge_enabled", "protections", "pair_protections"}
)
"""Control values that not every battery sends; awaited from one that does."""
SOC_HOLDS: Final = 60.0
"""Seconds for which the last state of charge holds while limits are fresh: it moves
slowly, and is no protection."""
FORBIDDEN_HOLDS: Final = 600.0
"""Seconds for which a cleared enable or a protection holds if its frame stays away while
limits are fresh."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One value, the ID of its frame, and when that was on the wire."""

    value: object
    can_id: int
    at: float


@dataclass(frozen=True, slots=True)
class _Cache:
    """Readings made before; they hold until a frame comes or a value expires."""

    readings: Readings | None = None
    since: float = inf
    until: float = -inf
    last: Readings | None = None


_EMPTY: Final = _Cache()


class ValueStore:
    """The last value of each attribute, and until when it counts."""

    def __init__(self, frame_periods: FramePeriods, capacity_ah: float) -> None:
        """Begin empty; `capacity_ah` as configured."""
        self._frame_periods = frame_periods
        self._capacity_ah = capacity_ah
        self._reported: dict[str, Reported] = {}
        self._known: dict[str, Any] = {}
        self._cache = _EMPTY

    def configure(self, capacity_ah: float) -> None:
        """Take over the capacity that the user changed, in Ah."""
        self._capacity_ah = capacity_ah
        self._cache = _EMPTY

    def expire_cache(self) -> None:
        """Drop the readings made before: a frame came, and time-outs may change."""
        self._cache = _EMPTY

    def put(self, name: str, value: object, can_id: int, at: float) -> None:
        """Store one value; None: it is unknown from now on."""
        self._reported[name] = Reported(value, can_id, at)
        if value is not None:
            self._known[name] = value

    def forget(self, names: AbstractSet[str]) -> None:
        """Forget values, also among those last known."""
        for name in names:
            self._reported.pop(name, None)
            self._known.pop(name, None)

    def remember(self, other: ValueStore) -> None:
        """Take over the last known values of another store."""
        self._known = other._known
        self._cache = _EMPTY

    def clear_value(self, name: str) -> None:
        """Make a value unknown, if there is one."""
        if (reported := self._reported.get(name)) is not None:
            self._reported[name] = replace(reported, value=None)

    @property
    def known(self) -> Mapping[str, Any]:
        """The last known value of each attribute, fresh or not."""
        return self._known

    def get(self, name: str) -> Reported | None:
        """Return the last report of an attribute; None: there is none."""
        return self._reported.get(name)

    def names_except(self, can_ids: AbstractSet[int]) -> set[str]:
        """Return the attributes that came in other frames than these and may change."""
        return {
            name
            for name, reported in self._reported.items()
            if name not in KEPT and reported.can_id not in can_ids
        }

    def is_new(self, name: str, value: object, at: float) -> bool:
        """Return whether a value differs from the stored one, or that one has expired."""
        reported = self._reported.get(name)
        if reported is None or reported.value != value:
            return True
        return name not in KEPT and not self.is_fresh(name, at)

    def is_fresh(self, name: str, now: float) -> bool:
        """Return whether there is a value that still counts at `now`."""
        reported = self._reported.get(name)
        return reported is not None and now < self._stale_at(name, reported)

    def awaited(self, now: float) -> Iterator[str]:
        """Yield the optional control values that the battery sends: a telegram needs them."""
        for name in OPTIONAL_CONTROL:
            reported = self._reported.get(name)
            if reported is None or reported.value is None:
                continue
            if self._frame_periods.fresh(reported.can_id, now):
                yield name

    @property
    def limits_at(self) -> float | None:
        """When the oldest of its present limits came, in s; None: not all of them came."""
        if not self._reported.keys() >= REQUIRED:
            return None
        return min(self._reported[name].at for name in REQUIRED)

    def readings(self, now: float) -> Readings:
        """Return the readings of the values that count at `now`."""
        cache = self._cache
        if cache.readings is not None and cache.since <= now < cache.until:
            return cache.readings
        ends = {
            name: inf if name in KEPT else self._stale_at(name, reported)
            for name, reported in self._reported.items()
        }
        fresh = {name: self._reported[name] for name, end in ends.items() if now < end}
        readings = readings_of(
            {name: reported.value for name, reported in fresh.items()},
            self._capacity_ah,
        )
        until = min((ends[name] for name in fresh), default=inf)
        self._cache = _Cache(readings, now, until, cache.last)
        return readings

    @property
    def last(self) -> Readings:
        """The readings of the last known values, fresh or not."""
        if (last := self._cache.last) is None:
            last = readings_of(self._known, self._capacity_ah)
            self._cache = replace(self._cache, last=last)
        return last

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when values expire that may outlive their frame."""
        for name, reported in self._reported.items():
            if name in ("soc", "voltage") or name in OPTIONAL_CONTROL:
                yield self._stale_at(name, reported)

    def _stale_at(self, name: str, reported: Reported) -> float:
        """Return when a value expires; some hold while limits are fresh."""
        end = reported.at + self._frame_periods.timeout(reported.can_id)
        if name == "voltage":
            return max(end, self._frame_periods.ends_with_limits(reported.at))
        if name == "soc":
            holds = SOC_HOLDS
        elif (
            name in OPTIONAL_CONTROL
            and _forbids(reported.value)
            and self._frame_periods.is_own(reported.can_id)
        ):
            holds = FORBIDDEN_HOLDS
        else:
            return end
        limits_end = self._frame_periods.stale_at(LIMITS_ID)
        return max(end, min(reported.at + holds, limits_end))


def _forbids(value: object) -> bool:
    """Return whether a value is a cleared enable, or a raised protection."""
    return value is False or (isinstance(value, frozenset) and bool(value))
