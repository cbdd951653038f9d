"""The limits of one inverter: the rules in their order. Each may only lower the limit.

To add a rule, write one function and add one row here: docs/adding-a-rule.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ..config import InverterConfig
from ..model import Direction, Limit, Rule
from ..setpoints import RequestedLimit
from .allocation import Allocation, permitted_now

SAME: Final = 0.05
"""A; half a step of the wire format: two limits that are closer are sent as the same
value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterInputs:
    """The input of every rule: one inverter and one direction, now."""

    config: InverterConfig
    direction: Direction
    requested: RequestedLimit | None = None
    """The lowest of its own setpoint and temporary limits; None: no limit."""
    in_service: bool = True
    """Whether the user has put it in service."""
    bank: Limit
    """The bank's limit."""
    index: int = 0
    """Its place among the inverters."""
    allocation: Allocation | None = None
    """How the bank's limits are divided; None: not yet, its own limits come first."""


type InverterRule = Callable[[InverterInputs, Limit], Limit]


def rating(inputs: InverterInputs, limit: Limit) -> Limit:
    """Lower a limit to the inverter's rated current: `Rule.RATING`."""
    charge = inputs.direction is Direction.CHARGE
    rated = inputs.config.rated_charge if charge else inputs.config.rated_discharge
    return _own(inputs, limit, rated, Rule.RATING)


def own_setpoints(inputs: InverterInputs, limit: Limit) -> Limit:
    """Lower a limit to the inverter's own setpoint or lowest temporary limit.

    `Rule.SETPOINT` and `Rule.TEMPORARY_LIMIT`, as `AllSetpoints.requested` finds them.
    """
    if (requested := inputs.requested) is None:
        return limit
    return _own(inputs, limit, requested.amps, requested.rule, requested.owner)


def in_service(inputs: InverterInputs, limit: Limit) -> Limit:
    """Send 0 A to an inverter that was taken out of service: `Rule.IN_SERVICE`."""
    if inputs.in_service:
        return limit
    return Limit(amps=0.0, rule=Rule.IN_SERVICE, device=inputs.config.id, number=0.0)


def sharing(inputs: InverterInputs, limit: Limit) -> Limit:
    """Lower a limit to the inverter's part of the bank's limit.

    `Rule.SHARING`: the limit is on its way to that part, as far as the other inverters
    leave room.
    """
    if (allocation := inputs.allocation) is None:
        return limit
    requests = allocation.requests[inputs.direction]
    target = allocation.targets[inputs.direction][inputs.index]
    amps = permitted_now(inputs.index, target, inputs.bank.amps, requests)
    if amps < target - SAME:
        return Limit(amps=amps, rule=Rule.SHARING, number=target)
    if target < limit.amps - SAME:
        limit = inputs.bank
    return replace(limit, amps=amps)


def below_minimum(inputs: InverterInputs, limit: Limit) -> Limit:
    """Name why an inverter gets 0 A although the limit is higher: `Rule.BELOW_MINIMUM`.

    An inverter cannot follow less than `allocation.MIN_CURRENT`.
    """
    if (allocation := inputs.allocation) is None or limit.amps > 0:
        return limit
    request = allocation.requests[inputs.direction][inputs.index]
    target = allocation.targets[inputs.direction][inputs.index]
    is_own = request.cap <= SAME
    if target > 0 or inputs.bank.amps <= 0 or is_own or not request.reachable:
        return limit
    return Limit(amps=limit.amps, rule=Rule.BELOW_MINIMUM, number=inputs.bank.amps)


OWN_RULES: Final[tuple[InverterRule, ...]] = (rating, own_setpoints, in_service)
"""The inverter's own limits; the allocation needs those of all inverters."""
SHARING_RULES: Final[tuple[InverterRule, ...]] = (sharing, below_minimum)
"""What the other inverters leave of it."""
INVERTER_RULES: Final = (*OWN_RULES, *SHARING_RULES)
"""All rules, in the order in which they apply."""


def _own(
    inputs: InverterInputs,
    limit: Limit,
    amps: float,
    rule: Rule,
    source: str | None = None,
) -> Limit:
    """Return a limit no higher than the inverter's own one."""
    if amps >= limit.amps:
        return limit
    return Limit(
        amps=amps, rule=rule, source=source, device=inputs.config.id, number=amps
    )
