"""Start-up check: the lowest of a battery's first limits if they disagree."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ..model import BatteryState, Direction, Readings
from .limits import allowed

AGREEMENT: Final = 0.9
"""Telegrams agree on a limit if the lowest is at least this part of the highest."""

_LIMITS: Final = {
    Direction.CHARGE: "charge_current_limit",
    Direction.DISCHARGE: "discharge_current_limit",
}


def with_lowest_recent_limits(
    state: BatteryState, recent_readings: Sequence[Readings]
) -> BatteryState:
    """Return a battery with the lowest limits of its recent and present readings.

    In a direction in which they agree, the present limit stays.
    """
    now = readings = state.readings
    for direction, limit in _LIMITS.items():
        amps = [allowed(each, direction) for each in (*recent_readings, now)]
        if min(amps) < AGREEMENT * max(amps):
            lowest: dict[str, Any] = {limit: min(amps)}
            readings = replace(readings, **lowest)
    return replace(state, readings=readings)
