"""Duplicate batteries: a battery received on several ports counts once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..model import BatteryState, BatteryStatus


def counted_once(
    states: Sequence[BatteryState],
    duplicates: Mapping[str, str],
    sure: Mapping[str, str],
) -> list[BatteryState]:
    """Return the states, all but one of each group of duplicates marked as DUPLICATE.

    The one that counts is in service and online, if any of them is: when its cable is
    pulled, or it is taken out of service, the battery is still received on another
    port. `duplicates`: by its id, the battery that each one probably duplicates;
    `sure`: those for which it is certain.
    """
    groups: dict[str, list[BatteryState]] = {}
    for state in states:
        groups.setdefault(duplicates.get(state.id, state.id), []).append(state)
    counted = {key: min(group, key=_rank).id for key, group in groups.items()}
    return [
        _as_duplicate(state, counted[duplicates.get(state.id, state.id)], sure)
        for state in states
    ]


def _rank(state: BatteryState) -> tuple[bool, bool]:
    is_out = (
        state.status is BatteryStatus.OUT_OF_SERVICE
        or state.carries_current_out_of_service
    )
    return is_out, not state.online


def _as_duplicate(
    state: BatteryState, counted: str, sure: Mapping[str, str]
) -> BatteryState:
    if state.id == counted:
        return state
    is_sure = sure.get(state.id, state.id) == sure.get(counted, counted)
    return replace(
        state,
        status=BatteryStatus.DUPLICATE,
        duplicate_of=counted if is_sure else None,
        lost_at=None,
        carries_current_out_of_service=False,
    )
