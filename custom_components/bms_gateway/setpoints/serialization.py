"""What is kept of a gateway, as JSON: what is not exactly that is refused as a whole.

But for what is learnt: a slice that cannot be one is learnt anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
import math
from typing import Any, Final, TypeIs

from ..engine.model import Direction
from ..engine.setpoints import AllSetpoints, Setpoints, TemporaryLimit

SETPOINT_FIELDS: Final = tuple(each.name for each in fields(Setpoints))

NOTHING_ASKED: Final = AllSetpoints()

HOUR: Final = 3600.0
MOST_HOURS: Final = 24
"""For so many hours at the most is counted how long a setpoint stops a direction."""

_MOST: Final = 1e10
"""More than any current, power or voltage."""
_LONGEST: Final = 2 * 365 * 24 * 3600.0
"""Seconds; twice what may be left of a lease at the most."""
_NOISE: Final = 1e-3
"""Seconds by which differences of times err, by the binary fraction, and more."""
_LEAST_SHARE: Final = 1e-6
"""Less than any battery carries: nothing can be shared out by slices near 0."""

type ChangeKey = tuple[str | None, str]
"""An inverter's id, None for the bank, and the field of `Setpoints`."""


@dataclass(frozen=True, slots=True)
class Change:
    """Who set a setpoint, and since when it stands, in seconds of the gateway's clock.

    Only time counts in which the gateway runs: the clock of the day may jump by years
    once a computer without a clock of its own has found a time server.
    """

    by: str
    since: float


def stops(name: str, value: float | bool | None) -> bool:
    """Return whether a field of `Setpoints` with this value holds a direction at 0 A."""
    return value is False or (value == 0 and name != "charge_voltage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What outlives a restart. Leases end so many seconds after 0: what is left.

    Setpoints stand since so many before 0.
    """

    setpoints: AllSetpoints = NOTHING_ASKED
    changes: Mapping[ChangeKey, Change] = field(default_factory=dict)
    learnt: Mapping[str, float] = field(default_factory=dict)
    """What part of the current each battery carries, by its id."""
    confirmed: bool = True
    """Whether a person chose the setpoints; False after they were unreadable."""


def coarse(kept: Kept) -> Kept:
    """Return the same with its times in steps, so that seldom anything else is kept.

    What is left of leases in whole seconds, never less; for how long a setpoint has
    stopped a direction in whole hours, never more.
    """
    setpoints = kept.setpoints
    return replace(
        kept,
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
            for key, change in kept.changes.items()
        },
    )


def dump(kept: Kept) -> dict[str, Any]:
    """Return what is kept as JSON knows it."""
    setpoints = kept.setpoints
    return {
        "confirmed": kept.confirmed,
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
            for (device_id, name), change in kept.changes.items()
        ],
        "current_shares": dict(kept.learnt),
    }


def parse(data: object) -> Kept:
    """Return what was kept; raise ValueError for anything unexpected."""
    match data:
        case {
            "confirmed": bool(confirmed),
            "bank": bank,
            "inverters": dict(inverters),
            "temporary_limits": list(temporary_limits),
            "out_of_service": list(out_of_service),
            "changes": list(changes),
            "current_shares": dict(learnt),
        }:
            return Kept(
                setpoints=AllSetpoints(
                    bank=_setpoints(bank),
                    inverters={key: _setpoints(of) for key, of in inverters.items()},
                    temporary_limits=tuple(map(_temporary_limit, temporary_limits)),
                    out_of_service=frozenset(map(_text, out_of_service)),
                ),
                changes=dict(map(_change, changes)),
                learnt=shares(learnt),
                confirmed=confirmed,
            )
        case _:
            raise ValueError("not a store of setpoints")


def shares(learnt: Mapping[str, object]) -> dict[str, float]:
    """Return those that can be slices; the others begin by capacity."""
    return {
        key: float(part)
        for key, part in learnt.items()
        if _is_number(part) and _LEAST_SHARE <= part <= 1
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
            raise ValueError("not a lease")


def _change(data: object) -> tuple[ChangeKey, Change]:
    match data:
        case {
            "device_id": device_id,
            "field": str(name),
            "by": str(by),
            "hours": hours,
        } if name in SETPOINT_FIELDS:
            since = -HOUR * _number(hours, MOST_HOURS)
            return (_maybe(_text, device_id), name), Change(by, since)
        case _:
            raise ValueError("not a change")


def _hours(setpoints: AllSetpoints, key: ChangeKey, change: Change) -> int:
    """Return for how many whole hours a setpoint has stopped a direction."""
    device_id, name = key
    if not stops(name, getattr(setpoints.of(device_id), name)):
        return 0
    return min(MOST_HOURS, max(0, int((_NOISE - change.since) / HOUR)))


def _maybe[T](read: Callable[[object], T], value: object) -> T | None:
    return None if value is None else read(value)


def _is_number(value: object) -> TypeIs[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object, most: float = _MOST) -> float:
    # Also not a number is not between these
    if not _is_number(value) or not 0 <= value <= most:
        raise ValueError("not a number in range")
    return float(value)


def _duration(value: object) -> float:
    return _number(value, _LONGEST)


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case _:
            raise ValueError("not a text")
