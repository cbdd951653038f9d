"""One limit becomes m: how the bank's current is shared over the inverters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from ..model import Direction, Limit, Rule
from ..rounding import round_down

LEAST: Final = 1.0
"""A; an inverter that would get less is told 0: it could not follow it."""
RETURN: Final = 3.0
"""A; an inverter told 0 gets current again only from here on."""
_NOTHING_LEFT: Final = 1e-9


type AllocationRequests = Mapping[Direction, Sequence[AllocationRequest]]
"""Of every inverter, in the order of the configuration; behind them those taken away."""


@dataclass(frozen=True, slots=True)
class AllocationRequest:
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
    rule: Rule = Rule.NONE
    source: str | None = None
    sent: float = 0.0
    at_least: float = inf
    reserved: float = 0.0
    ceiling: float = inf
    reachable: bool = True
    active_at: float = -inf

    def own(self, inverter_id: str) -> Limit:
        """Return the limit of the inverter itself, as that of a device."""
        return Limit(
            amps=self.cap,
            rule=self.rule,
            source=self.source,
            device=inverter_id,
            number=self.cap,
        )


def allocate(limit: float, requests: Sequence[AllocationRequest]) -> list[float]:
    """Return each inverter's target in A, whole counts of 0.1 A, at most its cap.

    What an inverter cannot take goes to the others. One that cannot be reached keeps
    what it holds: the others share the rest. Too little for one is 0 for it; too
    little for any goes undivided to the one that was active last.
    """
    left = max(0.0, limit - sum(c.reserved for c in requests if not c.reachable))
    takers = {i: c for i, c in enumerate(requests) if c.reachable and c.cap >= LEAST}
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
        takers = {i: request for i, request in takers.items() if i not in small}
    targets = [0.0] * len(requests)
    for i in takers:
        targets[i] = round_down(parts[i])
    return targets


def _least(request: AllocationRequest) -> float:
    """Return under which current in A an inverter is told 0."""
    return LEAST if request.sent > 0 else min(RETURN, request.cap)


def _fill(limit: float, requests: dict[int, AllocationRequest]) -> dict[int, float]:
    """Pour `limit` into the claims by weight, never over a cap."""
    if not any(request.weight > 0 for request in requests.values()):
        requests = {i: replace(request, weight=1.0) for i, request in requests.items()}
    parts = dict.fromkeys(requests, 0.0)
    hungry = dict(requests)
    left = limit
    while hungry and left > _NOTHING_LEFT:
        weights = sum(request.weight for request in hungry.values())
        wanted = {
            i: left * (request.weight / weights) if weights > 0 else 0.0
            for i, request in hungry.items()
        }
        full = {i for i, request in hungry.items() if wanted[i] >= request.cap}
        if not full:
            parts |= wanted
            break
        for i in full:
            parts[i] = hungry.pop(i).cap
            left -= parts[i]
    return parts


def permitted_now(
    index: int, target: float, limit: float, requests: Sequence[AllocationRequest]
) -> float:
    """Return what inverter `index` may be told now on its way to `target`, in A.

    Going down is always allowed. Going up, or what may be up, only as far as what the
    others still hold leaves room, so that the sum of what all were told never exceeds
    `limit`, and no further than its ceiling.
    """
    request = requests[index]
    at_least = min(request.sent, request.at_least)
    if target <= at_least:
        return target
    room = limit - sum(c.reserved for i, c in enumerate(requests) if i != index)
    return max(at_least, round_down(min(target, room, request.ceiling)))


@dataclass(frozen=True, slots=True)
class Allocation:
    """How the bank's limits are shared at one moment: calculated once for all inverters."""

    requests: AllocationRequests
    targets: Mapping[Direction, Sequence[float]]
    """A; of each inverter, in the order of the requests."""

    @classmethod
    def of(
        cls, limits: Mapping[Direction, Limit], requests: AllocationRequests
    ) -> Allocation:
        """Share the bank's limits over the inverters."""
        targets = {d: allocate(limits[d].amps, requests[d]) for d in Direction}
        return cls(requests, targets)
