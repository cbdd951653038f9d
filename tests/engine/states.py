"""Battery states made by hand, for tests of the rules."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from custom_components.bms_gateway.engine.config import LossPolicy
from custom_components.bms_gateway.engine.limits.context import Context
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    BatteryStatus,
    Direction,
    Readings,
)

READINGS: Final = Readings(
    charge_voltage_limit=56.0,
    charge_current_limit=100.0,
    discharge_current_limit=100.0,
    discharge_voltage_limit=46.0,
    soc=50.0,
    soh=99.0,
    voltage=52.0,
    current=0.0,
    charge_enabled=True,
    discharge_enabled=True,
    protections=frozenset(),
    warnings=frozenset(),
)


def online(key: str = "b1", capacity: float = 100.0, **changes: Any) -> BatteryState:
    """Return a battery online; `changes`: of its readings."""
    readings = replace(READINGS, **changes)
    return BatteryState(
        id=key,
        status=BatteryStatus.ONLINE,
        capacity_ah=capacity,
        readings=readings,
        last=readings,
        largest_charge_limit=100.0,
    )


def lost(
    key: str = "lost", capacity: float = 100.0, *, at: float = 0.0, **last: Any
) -> BatteryState:
    """Return a lost battery; `last`: its last values."""
    return replace(
        online(key, capacity, **last),
        status=BatteryStatus.LOST,
        readings=Readings(),
        lost_at=at,
    )


def never_reported(key: str = "silent", capacity: float = 100.0) -> BatteryState:
    """Return a lost battery that never reported."""
    return BatteryState(
        id=key, status=BatteryStatus.WAITING, capacity_ah=capacity, lost_at=0.0
    )


def context(
    *batteries: BatteryState,
    now: float = 0.0,
    blocked: Collection[Direction] = (),
) -> Context:
    """Return batteries at one moment; those not online are lost."""
    return Context(
        now,
        tuple(b for b in batteries if b.online),
        tuple(b for b in batteries if not b.online),
        {d: LossPolicy.BLOCK if d in blocked else None for d in Direction},
    )
