"""Whether the first telegrams of a battery agree about what it allows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from .allowance import allowed
from .model import BatteryState, Direction, Readings

AGREE: Final = 0.9
"""Telegrams agree about a limit if the lowest is at least this part of the highest."""

_FIELDS: Final = {
    Direction.CHARGE: ("charge_current_limit", "charge_enabled"),
    Direction.DISCHARGE: ("discharge_current_limit", "discharge_enabled"),
}
"""What says what a battery allows in a direction, besides its protections."""


def extremes(
    state: BatteryState, lately: Sequence[Readings]
) -> tuple[BatteryState, BatteryState]:
    """Return a battery as it allows most and least by what it said lately and now.

    Where that agrees about a direction, both allow what it says now.
    """
    now = most = least = state.readings
    for direction, (limit, enable) in _FIELDS.items():
        amps = [allowed(readings, direction) for readings in (*lately, now)]
        if min(amps) < AGREE * max(amps):
            permit: dict[str, Any] = {enable: True, "protections": None}
            highest: dict[str, Any] = {limit: max(amps)}
            lowest: dict[str, Any] = {limit: min(amps)}
            most = replace(most, **highest, **permit)
            least = replace(least, **lowest)
    return replace(state, readings=most), replace(state, readings=least)
