"""One limit becomes m: how the bank's current is shared over the inverters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from ..model import Rule
from ..rounding import round_down

LEAST: Final = 1.0
"""A; an inverter that would get less is told 0: it could not follow it."""
RETURN: Final = 3.0
"""A; an inverter told 0 gets current again only from here on."""
_NOTHING_LEFT: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Claim:
    """What one inverter can take in one direction, all in A.

    `weight`: its part in relation to the others. `cap`: its rating or its setpoint, as
    `rule` and, of a setpoint or lease, its key or owner `source` say. `told`: what it
    was told last, the most of it where an echo failed to come; `surely`: the least.
    `held`: the most that it may still take of what it was told; the others have to
    leave that. `ceiling`: how far it may rise now. `reachable`: whether it can be told
    anything; one that cannot keeps what it holds. `active_at`: when it was last told
    more than 0.
    """

    weight: float
    cap: float
    rule: Rule = Rule.RATING
    source: str | None = None
    told: float = 0.0
    surely: float = inf
    held: float = 0.0
    ceiling: float = inf
    reachable: bool = True
    active_at: float = -inf


def share(limit: float, claims: Sequence[Claim]) -> list[float]:
    """Return each inverter's target in A, whole counts of 0.1 A, at most its cap.

    What an inverter cannot take goes to the others. One that cannot be reached keeps
    what it holds: the others share the rest. Too little for one is 0 for it; too
    little for any goes undivided to the one that was active last.
    """
    left = max(0.0, limit - sum(c.held for c in claims if not c.reachable))
    takers = {i: c for i, c in enumerate(claims) if c.reachable and c.cap >= LEAST}
    while takers:
        parts = _fill(left, takers)
        small = {i for i in takers if parts[i] < _least(takers[i])}
        if not small:
            break
        if small == takers.keys():
            last = max(takers, key=lambda i: (takers[i].active_at, takers[i].cap))
            if len(takers) == 1:
                takers = {}
            else:
                takers = {last: takers[last]}
            continue
        takers = {i: claim for i, claim in takers.items() if i not in small}
    targets = [0.0] * len(claims)
    for i in takers:
        targets[i] = round_down(parts[i])
    return targets


def _least(claim: Claim) -> float:
    """Return under which current in A an inverter is told 0."""
    return LEAST if claim.told > 0 else min(RETURN, claim.cap)


def _fill(limit: float, claims: dict[int, Claim]) -> dict[int, float]:
    """Pour `limit` into the claims by weight, never over a cap."""
    if not any(claim.weight > 0 for claim in claims.values()):
        claims = {i: replace(claim, weight=1.0) for i, claim in claims.items()}
    parts = dict.fromkeys(claims, 0.0)
    hungry = dict(claims)
    left = limit
    while hungry and left > _NOTHING_LEFT:
        weights = sum(claim.weight for claim in hungry.values())
        wanted = {
            i: left * (claim.weight / weights) if weights > 0 else 0.0
            for i, claim in hungry.items()
        }
        full = {i for i, claim in hungry.items() if wanted[i] >= claim.cap}
        if not full:
            parts |= wanted
            break
        for i in full:
            parts[i] = hungry.pop(i).cap
            left -= parts[i]
    return parts


def may_tell(index: int, target: float, limit: float, claims: Sequence[Claim]) -> float:
    """Return what inverter `index` may be told now on its way to `target`, in A.

    Going down is always allowed. Going up, or what may be up, only as far as what the
    others still hold leaves room, so that the sum of what all were told never exceeds
    `limit`, and no further than its ceiling.
    """
    claim = claims[index]
    surely = min(claim.told, claim.surely)
    if target <= surely:
        return target
    room = limit - sum(c.held for i, c in enumerate(claims) if i != index)
    return max(surely, round_down(min(target, room, claim.ceiling)))
