"""Decides what of a new snapshot is shown at once, and what waits for the next tick.

`AT_ONCE` lists what never waits. A limit waits unless it falls far, leaves or reaches
0, or has another reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from ..engine.model import (
    BankState,
    BatteryState,
    Controller,
    InverterState,
    Limit,
    PortState,
    Readings,
    Rule,
    Snapshot,
)
from .availability import is_bank_known, is_received
from .states import NOTABLE_MOVE

_ALARMS_AND_REQUESTS: Final = (
    "force_charge",
    "force_charge_2",
    "full_charge",
    "protections",
    "warnings",
)
AT_ONCE: Final[Mapping[type, tuple[str, ...]]] = {
    Snapshot: ("status",),
    BankState: _ALARMS_AND_REQUESTS,
    BatteryState: (
        "status",
        "dialect",
        "contradicting",
        "odd_share",
        "wrong_sign",
        "carries_current_out_of_service",
        "inverter_detected",
        "duplicate_of",
        "has_duplicate_sender",
        "missing",
        "modules_missing",
        "soc_jumped_at",
    ),
    Readings: (
        *_ALARMS_AND_REQUESTS,
        *("charge_enabled", "discharge_enabled"),
        *("name", "product", "version", "serial", "family"),
        *("charge_request", "heating_request"),
    ),
    InverterState: ("listening", "connected", "battery_detected", "disobeys"),
    PortState: ("status", "fault", "reason", "detail"),
}
"""The fields of a snapshot with values of kind STATE."""

_STEADY: Final = frozenset({Rule.SETPOINT, Rule.TOTAL, Rule.RATING, Rule.VOLTAGE})
"""Rules whose figure seldom changes, and is meaningful when it does."""
_OWN_LIMITS: Final = ("charge_current_limit", "discharge_current_limit")


def why(limit: Limit) -> tuple[object, ...]:
    """Return the reason of a limit, with the figure of its rule if that is steady."""
    figure = limit.number if limit.rule in _STEADY else None
    return (limit.rule, limit.source, limit.device, figure)


def show(shown: Snapshot, latest: Snapshot, moved: set[str] | None = None) -> Snapshot:
    """Return the snapshot to show until the update interval ends.

    Equal to `shown` unless `latest` holds something that cannot wait. New information
    (a battery online, an inverter's first telegram) is taken whole. `moved`: the limits
    that were shown out of turn lately; those shown now are added. They wait, because
    one that flutters would fill a database, unless the displayed value would be too
    high: a limit that falls far, to 0, or by a rule not seen lately never waits, nor
    does one that leaves 0.
    """
    moved = set() if moved is None else moved
    return replace(
        _take(shown, latest),
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
    return _take(shown.bank, latest.bank)


def _battery(
    moved: set[str], shown: BatteryState, latest: BatteryState
) -> BatteryState:
    if is_received(shown) != is_received(latest):
        return latest
    return replace(
        _take(shown, latest),
        modules_most=(
            latest.modules_most if latest.modules_missing else shown.modules_most
        ),
        readings=_readings(moved, latest.id, shown.readings, latest.readings),
    )


def _readings(moved: set[str], key: str, shown: Readings, latest: Readings) -> Readings:
    limits = []
    for name in _OWN_LIMITS:
        old, new = getattr(shown, name), getattr(latest, name)
        if _is_due(moved, f"{key} {name}", _is_urgent(old, new), _is_notable(old, new)):
            limits.append(name)
    return _take(shown, latest, *limits)


def _inverter(
    moved: set[str], shown: InverterState, latest: InverterState
) -> InverterState:
    if shown.confirmed is None and latest.confirmed is not None:
        return latest
    key = latest.id
    return replace(
        _take(shown, latest),
        charge=_limit(moved, f"{key} charge", shown.charge, latest.charge),
        discharge=_limit(moved, f"{key} discharge", shown.discharge, latest.discharge),
    )


def _port(shown: PortState, latest: PortState) -> PortState:
    # Its error counters may change with every frame
    if _condition(shown.controller) != _condition(latest.controller):
        return _take(shown, latest, "controller")
    return _take(shown, latest)


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
        # Two rules that alternate on the way down are shown once each
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
    """Return whether a limit is shown out of turn, and record it."""
    is_due = urgent or (notable and key not in moved)
    if is_due:
        moved.add(key)
    return is_due


def _is_urgent(shown: float | None, latest: float | None) -> bool:
    """Return whether the displayed limit is invalid or far too high."""
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


def _take[S: (Snapshot, BankState, BatteryState, Readings, InverterState, PortState)](
    shown: S, latest: S, *names: str
) -> S:
    """Return `shown` with the urgent and the named fields of `latest`."""
    changes: dict[str, Any] = {
        name: new
        for name in (*AT_ONCE[type(shown)], *names)
        if (new := getattr(latest, name)) != getattr(shown, name)
    }
    return replace(shown, **changes) if changes else shown
