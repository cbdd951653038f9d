"""Converts stored data of a gateway to and from JSON; rejects anything unexpected.

Except for learned data: an impossible current share is learned anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
import math
from typing import Any, Final, TypeIs

from ..engine.model import Direction
from ..engine.setpoints import AllSetpoints, Setpoints
from ..engine.temporary_limits import TemporaryLimit

SETPOINT_FIELDS: Final = tuple(each.name for each in fields(Setpoints))

NO_SETPOINTS_SET: Final = AllSetpoints()

HOUR: Final = 3600.0
MAX_HOURS: Final = 24
"""The most hours that are counted for a setpoint that stops a direction."""

_MAX: Final = 1e10
"""More than any current, power or voltage."""
_MAX_SECONDS: Final = 2 * 365 * 24 * 3600.0
"""Seconds; twice the longest remaining time of a temporary limit."""
_NOISE: Final = 1e-3
"""Seconds; more than differences of times err by the binary fraction."""
_MIN_SHARE: Final = 1e-6
"""Less than any battery carries: current cannot be shared by values near 0."""

type ChangeKey = tuple[str | None, str]
"""An inverter's id, None for the bank, and the field of `Setpoints`."""


@dataclass(frozen=True, slots=True)
class Change:
    """The requester of a setpoint, and its start in seconds of the gateway's clock.

    Only time counts in which the gateway runs: the wall clock may jump by years when a
    computer without a clock of its own finds a time server.
    """

    by: str
    since: float


def stops(name: str, value: float | bool | None) -> bool:
    """Return whether this value of a `Setpoints` field holds a direction at 0 A."""
    return value is False or (value == 0 and name != "charge_voltage")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredData:
    """Data that outlives a restart. Ends of temporary limits are remaining seconds.

    Setpoints start that many seconds before 0.
    """

    setpoints: AllSetpoints = NO_SETPOINTS_SET
    changes: Mapping[ChangeKey, Change] = field(default_factory=dict)
    learned: Mapping[str, float] = field(default_factory=dict)
    """The current share of each battery by its id."""
    confirmed: bool = True
    """Whether the user chose the setpoints; False after they were unreadable."""


def coarse(stored: StoredData) -> StoredData:
    """Return the data with its times in coarse steps, so that it seldom changes.

    The rest of a temporary limit in whole seconds, never less; the time for which a
    setpoint has stopped a direction in whole hours, never more.
    """
    setpoints = stored.setpoints
    return replace(
        stored,
        setpoints=replace(
            setpoints,
            temporary_limits=tuple(
                temporary_limit
                if temporary_limit.until is None
                else replace(
                    temporary_limit,
                    until=float(math.ceil(temporary_limit.until - _NOISE)),
                )
                for temporary_limit in setpoints.temporary_limits
            ),
        ),
        changes={
            key: replace(change, since=-HOUR * _hours(setpoints, key, change))
            for key, change in stored.changes.items()
        },
    )


def dump(stored: StoredData) -> dict[str, Any]:
    """Return the data as JSON types."""
    setpoints = stored.setpoints
    return {
        "confirmed": stored.confirmed,
        "bank": asdict(setpoints.bank),
        "inverters": {key: asdict(of) for key, of in setpoints.inverters.items()},
        "temporary_limits": [
            asdict(temporary_limit) for temporary_limit in setpoints.temporary_limits
        ],
        "out_of_service": sorted(setpoints.out_of_service),
        "changes": [
            {
                "device_id": device_id,
                "field": name,
                "by": change.by,
                "hours": round(-change.since / HOUR),
            }
            for (device_id, name), change in stored.changes.items()
        ],
        "current_shares": dict(stored.learned),
    }


def parse(data: object) -> StoredData:
    """Return the stored data; raise ValueError for anything unexpected."""
    match data:
        case {
            "confirmed": bool(confirmed),
            "bank": bank,
            "inverters": dict(inverters),
            "temporary_limits": list(temporary_limits),
            "out_of_service": list(out_of_service),
            "changes": list(changes),
            "current_shares": dict(learned),
        }:
            return StoredData(
                setpoints=AllSetpoints(
                    bank=_setpoints(bank),
                    inverters={key: _setpoints(of) for key, of in inverters.items()},
                    temporary_limits=tuple(map(_temporary_limit, temporary_limits)),
                    out_of_service=frozenset(map(_text, out_of_service)),
                ),
                changes=dict(map(_change, changes)),
                learned=shares(learned),
                confirmed=confirmed,
            )
        case _:
            raise ValueError("not a store of setpoints")


def shares(learned: Mapping[str, object]) -> dict[str, float]:
    """Return the values that can be current shares; others start by capacity."""
    return {
        key: float(part)
        for key, part in learned.items()
        if _is_number(part) and _MIN_SHARE <= part <= 1
    }


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
                charge_current=_maybe(_number, charge),
                discharge_current=_maybe(_number, discharge),
                charge_voltage=_maybe(_number, voltage),
                charging_allowed=charging,
                discharging_allowed=discharging,
            )
        case _:
            raise ValueError("not setpoints")


def _temporary_limit(data: object) -> TemporaryLimit:
    match data:
        case {
            "device_id": device_id,
            "direction": str(direction),
            "owner": str(owner),
            "amps": amps,
            "watts": watts,
            "until": until,
            **more,
        } if (amps is None) != (watts is None):
            return TemporaryLimit(
                device_id=_maybe(_text, device_id),
                direction=Direction(direction),
                owner=owner,
                amps=_maybe(_number, amps),
                watts=_maybe(_number, watts),
                until=_maybe(_duration, until),
                by=_maybe(_text, more.get("by")),
            )
        case _:
            raise ValueError("not a temporary limit")


def _change(data: object) -> tuple[ChangeKey, Change]:
    match data:
        case {
            "device_id": device_id,
            "field": str(name),
            "by": str(by),
            "hours": hours,
        } if name in SETPOINT_FIELDS:
            since = -HOUR * _number(hours, MAX_HOURS)
            return (_maybe(_text, device_id), name), Change(by, since)
        case _:
            raise ValueError("not a change")


def _hours(setpoints: AllSetpoints, key: ChangeKey, change: Change) -> int:
    """Return for how many whole hours a setpoint has stopped a direction."""
    device_id, name = key
    if not stops(name, getattr(setpoints.of(device_id), name)):
        return 0
    return min(MAX_HOURS, max(0, int((_NOISE - change.since) / HOUR)))


def _maybe[T](read: Callable[[object], T], value: object) -> T | None:
    return None if value is None else read(value)


def _is_number(value: object) -> TypeIs[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object, most: float = _MAX) -> float:
    # NaN is not in this range either
    if not _is_number(value) or not 0 <= value <= most:
        raise ValueError("not a number in range")
    return float(value)


def _duration(value: object) -> float:
    return _number(value, _MAX_SECONDS)


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case _:
            raise ValueError("not a text")
