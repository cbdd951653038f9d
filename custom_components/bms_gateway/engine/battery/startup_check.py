"""Whether the first telegrams of a battery agree about what it allows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ..model import BatteryState, Direction, Readings
from .limits import allowed

AGREEMENT: Final = 0.9
"""Telegrams agree about a limit if the lowest is at least this part of the highest."""

_LIMITS: Final = {
    Direction.CHARGE: "charge_current_limit",
    Direction.DISCHARGE: "discharge_current_limit",
}


def with_lowest_recent_limits(
    state: BatteryState, recent_readings: Sequence[Readings]
) -> BatteryState:
    """Return a battery as it allows least by what it said lately and now.

    Where that agrees about a direction, it allows what it says now.
    """
    now = readings = state.readings
    for direction, limit in _LIMITS.items():
        amps = [allowed(said, direction) for said in (*recent_readings, now)]
        if min(amps) < AGREEMENT * max(amps):
            lowest: dict[str, Any] = {limit: min(amps)}
            readings = replace(readings, **lowest)
    return replace(state, readings=readings)
