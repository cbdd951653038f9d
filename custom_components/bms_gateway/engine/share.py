"""One limit becomes m: how the bank's current is shared over the inverters."""

from collections.abc import Sequence
from dataclasses import dataclass

from .model import Rule
from .rounding import round_down

_NOTHING_LEFT = 1e-9
"""A; less than this is not worth another round."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one inverter can take in one direction, all in A.

    `weight`: its part in relation to the others. `cap`: its rating or its setpoint, as
    `rule` says. `told`: what it was last told and may still act upon. `reachable`: whether it can
    be told anything now; one that cannot holds what it was told.
    """

    weight: float
    cap: float
    told: float = 0.0
    reachable: bool = True
    rule: Rule = Rule.RATING


def share(limit: float, claims: Sequence[Claim]) -> list[float]:
    """Return each inverter's target in A, whole counts of 0.1 A, at most its cap.

    What an inverter cannot take goes to the others. One that cannot be reached keeps
    what it was told: the others share the rest.
    """
    held = sum(claim.told for claim in claims if not claim.reachable)
    parts = _fill(max(0.0, limit - held), [c if c.reachable else None for c in claims])
    return [round_down(part) for part in parts]


def _fill(limit: float, claims: Sequence[Claim | None]) -> list[float]:
    """Pour `limit` into the claims by weight, never over a cap."""
    parts = [0.0] * len(claims)
    open_ = {i: claim for i, claim in enumerate(claims) if claim and claim.cap > 0}
    left = limit
    while open_ and left > _NOTHING_LEFT:
        weights = sum(claim.weight for claim in open_.values())
        if weights <= 0:
            open_ = {i: Claim(1.0, claim.cap) for i, claim in open_.items()}
            continue
        full = {
            i: claim
            for i, claim in open_.items()
            if left * claim.weight / weights >= claim.cap
        }
        if not full:
            for i, claim in open_.items():
                parts[i] = left * claim.weight / weights
            break
        for i, claim in full.items():
            parts[i] = claim.cap
            left -= claim.cap
            del open_[i]
    return parts


def may_tell(index: int, target: float, limit: float, claims: Sequence[Claim]) -> float:
    """Return what inverter `index` may be told now on its way to `target`, in A.

    Going down is always allowed. Going up only as far as what the others still hold
    leaves room, so that the sum of what all were told never exceeds `limit`.
    """
    told = claims[index].told
    if target <= told:
        return target
    others = sum(claim.told for i, claim in enumerate(claims) if i != index)
    return max(min(told, target), round_down(min(target, limit - others)), 0.0)
