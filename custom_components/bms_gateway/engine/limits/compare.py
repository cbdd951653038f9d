"""Compares both strategies: by how much the plain sum exceeds the current shares."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..battery.limits import allowed, permits
from ..model import BatteryState, Direction
from .sharing.shares import capacity_shares

_MIN_SHARE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Comparison:
    """The bank's limit in one direction by each strategy, in A, at rest."""

    sum: float
    share: float


def compare(batteries: Iterable[BatteryState]) -> dict[Direction, Comparison]:
    """Return the limits by strategy `sum` and by strategy `share`.

    Only of the batteries online, each with its known current share, else its part of
    the capacity; empty if none is online.
    """
    online = [battery for battery in batteries if battery.online]
    return {direction: _compare(online, direction) for direction in Direction if online}


def _compare(online: Sequence[BatteryState], direction: Direction) -> Comparison:
    capacity = capacity_shares(online)
    shares = {
        b.id: capacity[b.id] if b.current_share is None else b.current_share
        for b in online
    }
    # The shares of lost batteries are missing here
    whole = sum(shares.values())
    amps = {battery.id: allowed(battery.readings, direction) for battery in online}
    total = sum(amps.values())
    held = min(amps[key] * whole / max(shares[key], _MIN_SHARE) for key in amps)
    permitted = all(permits(battery.readings, direction) for battery in online)
    return Comparison(sum=total if permitted else 0.0, share=min(total, held))
