"""What of a new snapshot is shown at once, and what waits for the update interval.

Live values wait: a recorder on a small computer must not suffer. Alarms, losses,
status, enables and reasons do not.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any, Final

from .engine.model import (
    BankState,
    BatteryState,
    BatteryStatus,
    Controller,
    InverterState,
    Limit,
    PortState,
    Readings,
    Rule,
    Snapshot,
    Status,
)

NOTABLE_MOVE: Final = 0.1
"""The part of itself by which a limit has to move to be shown at once."""
PATIENCE: Final = 30.0
"""Seconds that a limit waits at most which has moved out of turn already."""

_STEADY: Final = frozenset({Rule.SETPOINT, Rule.TOTAL, Rule.RATING, Rule.VOLTAGE})
"""Rules whose figure seldom changes, and means something when it does."""

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
    match battery.status:
        case BatteryStatus.ONLINE | BatteryStatus.REJOINING:
            return True
        case BatteryStatus.OUT_OF_SERVICE:
            return battery.readings.voltage is not None
        case _:
            return False


def is_bank_known(snapshot: Snapshot) -> bool:
    """Return whether any battery is online: without one there is no bank."""
    return any(battery.online for battery in snapshot.batteries.values())


def is_told(inverter: InverterState, status: Status) -> bool:
    """Return whether the inverter listens and is told anything."""
    return inverter.listening is True and status is not Status.SILENT


def why(limit: Limit) -> tuple[object, ...]:
    """Return why a limit is so; with the figure of its rule where that is steady."""
    figure = limit.number if limit.rule in _STEADY else None
    return (limit.rule, limit.source, limit.device, figure)


def show(shown: Snapshot, latest: Snapshot, moved: set[str] | None = None) -> Snapshot:
    """Return what is shown until the update interval ends.

    Equal to `shown` unless `latest` holds something that cannot wait. What came anew
    (a battery online, an inverter's first set) is taken whole. `moved`: the limits that
    have moved out of turn lately, to which those that do so now are added. They wait,
    lest one that flutters fills a database, unless too much would be shown: one that
    falls never waits, be it far, to 0, or by a rule not seen lately; nor one that
    leaves 0.
    """
    moved = set() if moved is None else moved
    return replace(
        shown,
        status=latest.status,
        bank=_bank(shown, latest),
        charge=_limit(moved, "charge", shown.charge, latest.charge),
        discharge=_limit(moved, "discharge", shown.discharge, latest.discharge),
        batteries=_each(shown.batteries, latest.batteries, partial(_battery, moved)),
        inverters=_each(shown.inverters, latest.inverters, partial(_inverter, moved)),
        ports=_each(shown.ports, latest.ports, _port),
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
    moved: set[str], shown: BatteryState, latest: BatteryState
) -> BatteryState:
    if is_heard(shown) != is_heard(latest):
        return latest
    return replace(
        shown,
        status=latest.status,
        dialect=latest.dialect,
        odd_share=latest.odd_share,
        wrong_sign=latest.wrong_sign,
        carries_current_out_of_service=latest.carries_current_out_of_service,
        inverter_detected=latest.inverter_detected,
        duplicate_of=latest.duplicate_of,
        has_duplicate_sender=latest.has_duplicate_sender,
        missing=latest.missing,
        modules_most=(
            latest.modules_most if latest.modules_missing else shown.modules_most
        ),
        modules_missing=latest.modules_missing,
        soc_jumped_at=latest.soc_jumped_at,
        readings=_readings(moved, latest.id, shown.readings, latest.readings),
    )


def _readings(moved: set[str], key: str, shown: Readings, latest: Readings) -> Readings:
    limits = []
    for name in _OWN_LIMITS:
        old, new = getattr(shown, name), getattr(latest, name)
        if _is_due(moved, f"{key} {name}", _is_urgent(old, new), _is_notable(old, new)):
            limits.append(name)
    return _take(shown, latest, *_OF_A_BATTERY, *limits)


def _inverter(
    moved: set[str], shown: InverterState, latest: InverterState
) -> InverterState:
    if shown.confirmed is None and latest.confirmed is not None:
        return latest
    key = latest.id
    return replace(
        shown,
        listening=latest.listening,
        connected=latest.connected,
        battery_detected=latest.battery_detected,
        disobeys=latest.disobeys,
        charge=_limit(moved, f"{key} charge", shown.charge, latest.charge),
        discharge=_limit(moved, f"{key} discharge", shown.discharge, latest.discharge),
    )


def _port(shown: PortState, latest: PortState) -> PortState:
    names = ["status", "fault", "reason", "detail"]
    # Its error counters may move with every frame
    if _condition(shown.controller) != _condition(latest.controller):
        names.append("controller")
    return _take(shown, latest, *names)


def _condition(controller: Controller) -> tuple[object, ...]:
    return controller.carrier, controller.state


def _limit(
    moved: set[str], key: str, shown: Limit | None, latest: Limit | None
) -> Limit | None:
    if shown is None or latest is None:
        return latest
    by_rule = f"{key} {latest.rule}"
    fell_by_another_rule = (
        latest.amps < shown.amps
        and latest.rule is not shown.rule
        # Two rules that take turns on the way down are shown once each
        and by_rule not in moved
    )
    if _is_due(
        moved,
        key,
        fell_by_another_rule or _is_urgent(shown.amps, latest.amps),
        why(shown) != why(latest) or _is_notable(shown.amps, latest.amps),
    ):
        moved.add(by_rule)
        return latest
    return shown


def _is_due(moved: set[str], key: str, urgent: bool, notable: bool) -> bool:
    """Return whether a limit is shown out of turn, and remember that it is."""
    is_due = urgent or (notable and key not in moved)
    if is_due:
        moved.add(key)
    return is_due


def _is_urgent(shown: float | None, latest: float | None) -> bool:
    """Return whether what is shown means nothing any more, or is far too much."""
    if shown is None or latest is None:
        return shown is not latest
    return (shown == 0) != (latest == 0) or (
        latest < shown and _is_notable(shown, latest)
    )


def _is_notable(shown: float | None, latest: float | None) -> bool:
    if shown is None or latest is None:
        return False
    return latest != shown and abs(latest - shown) >= NOTABLE_MOVE * shown


def _each[S](
    shown: Mapping[str, S], latest: Mapping[str, S], merge: Callable[[S, S], S]
) -> Mapping[str, S]:
    return {
        key: merge(shown[key], value) if key in shown else value
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
