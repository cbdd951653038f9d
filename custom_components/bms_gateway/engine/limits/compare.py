"""What both strategies would allow, side by side: how far the plain sum goes too far."""

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
    """Return what strategy `sum` gives and what `share` would give.

    By the batteries online alone, each with the part of the current that it is known
    to carry, else its part of the capacity; empty without any of them.
    """
    online = [battery for battery in batteries if battery.online]
    return {direction: _compare(online, direction) for direction in Direction if online}


def _compare(online: Sequence[BatteryState], direction: Direction) -> Comparison:
    capacity = capacity_shares(online)
    shares = {
        b.id: capacity[b.id] if b.current_share is None else b.current_share
        for b in online
    }
    # Slices of lost batteries are missing here
    whole = sum(shares.values())
    amps = {battery.id: allowed(battery.readings, direction) for battery in online}
    total = sum(amps.values())
    held = min(amps[key] * whole / max(shares[key], _MIN_SHARE) for key in amps)
    permitted = all(permits(battery.readings, direction) for battery in online)
    return Comparison(sum=total if permitted else 0.0, share=min(total, held))
