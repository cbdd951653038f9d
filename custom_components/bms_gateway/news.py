"""What of a new snapshot is shown at once, and what waits for the update interval.

Live values wait: a recorder on a small computer must not suffer. Alarms, losses,
status, enables and reasons do not.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

from .engine.model import (
    BankState,
    BatteryState,
    InverterState,
    Life,
    Limit,
    PortState,
    Readings,
    Snapshot,
    Status,
)

NOTABLE_MOVE: Final = 0.1
"""The part of itself by which a limit has to move to be shown at once."""

_ALARMS_AND_REQUESTS: Final = (
    "force_charge",
    "force_charge_2",
    "full_charge",
    "protections",
    "warnings",
)
_ENABLES: Final = ("charge_enabled", "discharge_enabled")
_IDENTITY: Final = ("name", "product", "version", "serial", "family")
_OF_A_BATTERY: Final = (
    *_ALARMS_AND_REQUESTS,
    *_ENABLES,
    *_IDENTITY,
    "charge_request",
)
_OWN_LIMITS: Final = ("charge_current_limit", "discharge_current_limit")


def is_heard(battery: BatteryState) -> bool:
    """Return whether a battery speaks now, so that its values mean something."""
    match battery.life:
        case Life.ONLINE | Life.REJOINING:
            return True
        case Life.OUT_OF_SERVICE:
            return battery.readings.voltage is not None
        case _:
            return False


def is_bank_known(snapshot: Snapshot) -> bool:
    """Return whether any battery is online: without one there is no bank."""
    return any(battery.online for battery in snapshot.batteries.values())


def is_told(inverter: InverterState, status: Status) -> bool:
    """Return whether the inverter listens and is told anything."""
    return inverter.listening is True and status is not Status.SILENT


def show(shown: Snapshot, latest: Snapshot, since: Snapshot | None = None) -> Snapshot:
    """Return what is shown until the update interval ends.

    Equal to `shown` unless `latest` holds something that cannot wait. What came anew
    (a battery online, an inverter's first set) is taken whole. `since`: what was shown
    when the interval began. A limit that has moved since then waits, lest one that
    flutters fills a database; only reaching and leaving 0 never waits.
    """
    since = since or shown
    return replace(
        shown,
        status=latest.status,
        bank=_bank(shown, latest),
        charge=_limit(since.charge, shown.charge, latest.charge),
        discharge=_limit(since.discharge, shown.discharge, latest.discharge),
        batteries=_each(since.batteries, shown.batteries, latest.batteries, _battery),
        inverters=_each(since.inverters, shown.inverters, latest.inverters, _inverter),
        ports=_each(since.ports, shown.ports, latest.ports, _port),
        excess=(
            shown.excess
            if shown.excess.keys() == latest.excess.keys()
            else latest.excess
        ),
    )


def _bank(shown: Snapshot, latest: Snapshot) -> BankState:
    was_known, is_known = is_bank_known(shown), is_bank_known(latest)
    if was_known != is_known or (shown.bank.soc is None) != (latest.bank.soc is None):
        return latest.bank
    return _take(shown.bank, latest.bank, *_ALARMS_AND_REQUESTS)


def _battery(
    since: BatteryState, shown: BatteryState, latest: BatteryState
) -> BatteryState:
    if is_heard(shown) != is_heard(latest):
        return latest
    return replace(
        shown,
        life=latest.life,
        dialect=latest.dialect,
        odd_slice=latest.odd_slice,
        wrong_sign=latest.wrong_sign,
        carries_out_of_service=latest.carries_out_of_service,
        inverter_heard=latest.inverter_heard,
        readings=_readings(since.readings, shown.readings, latest.readings),
    )


def _readings(since: Readings, shown: Readings, latest: Readings) -> Readings:
    limits = (
        name
        for name in _OWN_LIMITS
        if _is_notable(*(getattr(each, name) for each in (since, shown, latest)))
    )
    return _take(shown, latest, *_OF_A_BATTERY, *limits)


def _inverter(
    since: InverterState, shown: InverterState, latest: InverterState
) -> InverterState:
    if shown.told is None and latest.told is not None:
        return latest
    return replace(
        shown,
        listening=latest.listening,
        connected=latest.connected,
        battery_heard=latest.battery_heard,
        charge=_limit(since.charge, shown.charge, latest.charge),
        discharge=_limit(since.discharge, shown.discharge, latest.discharge),
    )


def _port(_: PortState, shown: PortState, latest: PortState) -> PortState:
    return _take(shown, latest, "status", "fault", "detail")


def _limit(
    since: Limit | None, shown: Limit | None, latest: Limit | None
) -> Limit | None:
    if shown is None or latest is None:
        return latest
    new_reason = (shown.rule, shown.source) != (latest.rule, latest.source)
    if new_reason and shown == since:
        return latest
    before = shown.amps if shown == since else None
    return latest if _is_notable(before, shown.amps, latest.amps) else shown


def _is_notable(since: float | None, shown: float | None, latest: float | None) -> bool:
    if shown is None or latest is None:
        return shown is not latest
    if (shown == 0) != (latest == 0):
        return True
    moved = abs(latest - shown)
    return since == shown and moved > 0 and moved >= NOTABLE_MOVE * shown


def _each[S](
    since: Mapping[str, S],
    shown: Mapping[str, S],
    latest: Mapping[str, S],
    merge: Callable[[S, S, S], S],
) -> Mapping[str, S]:
    return {
        key: merge(since.get(key, shown[key]), shown[key], value)
        if key in shown
        else value
        for key, value in latest.items()
    }


def _take[S: (BankState, Readings, PortState)](shown: S, latest: S, *names: str) -> S:
    """Return `shown` with the named fields of `latest`; itself if they are equal."""
    fields = attrgetter(*names)
    new = fields(latest)
    if fields(shown) == new:
        return shown
    changes: dict[str, Any] = dict(zip(names, new, strict=True))
    return replace(shown, **changes)
