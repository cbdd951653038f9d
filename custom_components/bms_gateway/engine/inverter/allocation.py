"""Allocation: how the bank's limit is divided among the inverters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from ..model import SUBSTITUTE_FOR_ZERO, Direction, Limit, Rule
from ..rounding import round_down

MIN_CURRENT: Final = 1.0
"""A; an inverter that would get less is sent 0: it could not follow it."""
RESTART_CURRENT: Final = 3.0
"""A; after 0 A an inverter gets current again only from here on."""
_NOTHING_LEFT: Final = 1e-9


type AllocationRequests = Mapping[Direction, Sequence[AllocationRequest]]
"""Of every inverter, in the order of the configuration, followed by removed ones."""


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """The current that one inverter can take in one direction, all in A.

    `weight`: its part in relation to the others. `cap`: its rating or its setpoint, as
    `rule` and, for a setpoint or temporary limit, its key or owner `source` state.
    `sent`: the last limit sent, the highest possible one where an echo is missing;
    `at_least`: the lowest possible one. `reserved`: the most that it may still take of
    earlier limits; the others have to leave that. `ceiling`: how far its limit may rise
    now. `reachable`: whether it can be sent anything; otherwise it keeps what is
    reserved. `active_at`: when its limit was last above 0.
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
        """Return the inverter's own limit, as that of a device."""
        return Limit(
            amps=self.cap,
            rule=self.rule,
            source=self.source,
            device=inverter_id,
            number=self.cap,
        )


def allocate(limit: float, requests: Sequence[AllocationRequest]) -> list[float]:
    """Return each inverter's target in A, in steps of 0.1 A, at most its cap.

    Current that one inverter cannot take goes to the others. One that cannot be reached
    keeps what is reserved for it: the others share the rest. An inverter whose part
    would be too small gets 0; a limit too small for all goes undivided to the one that
    was active last.
    """
    left = max(0.0, limit - sum(c.reserved for c in requests if not c.reachable))
    candidates = {
        i: c for i, c in enumerate(requests) if c.reachable and c.cap >= MIN_CURRENT
    }
    while candidates:
        parts = _fill(left, candidates)
        small = {i for i in candidates if parts[i] < _min_current(candidates[i])}
        if not small:
            break
        if small == candidates.keys():
            last = max(
                candidates, key=lambda i: (candidates[i].active_at, candidates[i].cap)
            )
            if len(candidates) == 1:
                candidates = {}
            else:
                candidates = {last: candidates[last]}
            continue
        candidates = {i: request for i, request in candidates.items() if i not in small}
    targets = [0.0] * len(requests)
    for i in candidates:
        targets[i] = round_down(parts[i])
    return targets


def _min_current(request: AllocationRequest) -> float:
    """Return the current in A below which an inverter is sent 0."""
    return (
        MIN_CURRENT
        if request.sent > SUBSTITUTE_FOR_ZERO
        else min(RESTART_CURRENT, request.cap)
    )


def _fill(limit: float, requests: dict[int, AllocationRequest]) -> dict[int, float]:
    """Divide `limit` among the requests by weight, never above a cap."""
    if not any(request.weight > 0 for request in requests.values()):
        requests = {i: replace(request, weight=1.0) for i, request in requests.items()}
    parts = dict.fromkeys(requests, 0.0)
    unfilled = dict(requests)
    left = limit
    while unfilled and left > _NOTHING_LEFT:
        weights = sum(request.weight for request in unfilled.values())
        wanted = {
            i: left * (request.weight / weights) if weights > 0 else 0.0
            for i, request in unfilled.items()
        }
        full = {i for i, request in unfilled.items() if wanted[i] >= request.cap}
        if not full:
            parts |= wanted
            break
        for i in full:
            parts[i] = unfilled.pop(i).cap
            left -= parts[i]
    return parts


def permitted_now(
    index: int, target: float, limit: float, requests: Sequence[AllocationRequest]
) -> float:
    """Return the limit in A that inverter `index` may be sent now, towards `target`.

    A lower limit is always allowed. A higher limit, or one that may be higher, is
    allowed only within the room that the others' reserved currents leave, so that the
    sum of all sent limits never exceeds `limit`, and no further than its ceiling.
    """
    request = requests[index]
    at_least = min(request.sent, request.at_least)
    if target <= at_least:
        return target
    room = limit - sum(c.reserved for i, c in enumerate(requests) if i != index)
    return max(at_least, round_down(min(target, room, request.ceiling)))


@dataclass(frozen=True, slots=True)
class Allocation:
    """How the bank's limits are divided now: calculated once for all inverters."""

    requests: AllocationRequests
    targets: Mapping[Direction, Sequence[float]]
    """A; of each inverter, in the order of the requests."""

    @classmethod
    def of(
        cls, limits: Mapping[Direction, Limit], requests: AllocationRequests
    ) -> Allocation:
        """Divide the bank's limits among the inverters."""
        targets = {d: allocate(limits[d].amps, requests[d]) for d in Direction}
        return cls(requests, targets)
