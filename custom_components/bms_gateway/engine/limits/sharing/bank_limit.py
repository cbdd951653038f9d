"""The rule `batteries`: the largest bank current that overloads no battery."""

from collections.abc import Iterator

from ...battery.limits import permits
from ...config import Strategy
from ...model import Limit, Rule
from ..rule_inputs import RuleInputs, tighter


def batteries(inputs: RuleInputs, limit: Limit) -> Limit:
    """Lower a limit to what the batteries allow together.

    `Rule.BATTERIES`: the sum of their limits. `Rule.BATTERY`: a single battery, because
    the sum alone would overload the weaker of two unequal ones.
    """
    context, direction = inputs.context, inputs.direction
    if inputs.config.strategy is Strategy.SUM:
        # A lost battery adds nothing: the others may have to carry the whole current
        allowed = context.allowed_currents(direction)
        counted = {battery.id: allowed[battery.id] for battery in context.online}
        singles = _without_permission(inputs)
    else:
        counted = inputs.parallel.counted(direction, context)
        singles = _through_shares(inputs, counted)
    total = sum(counted.values())
    limit = tighter(limit, Limit(amps=total, rule=Rule.BATTERIES, number=total))
    for battery_id, amps, number in singles:
        limit = tighter(
            limit,
            Limit(amps=amps, rule=Rule.BATTERY, source=battery_id, number=number),
        )
    return limit


type Single = tuple[str, float, float]
"""A battery's id, the bank current in A that it permits, and its own limit in A."""


def _through_shares(inputs: RuleInputs, counted: dict[str, float]) -> Iterator[Single]:
    """Yield the bank current that each battery permits.

    A battery carries share x bank current + circulating current, so it permits (its
    limit - circulating current) / share.
    """
    for battery_id, amps in counted.items():
        part = inputs.parallel.share_of(battery_id, inputs.direction)
        rest = amps - inputs.direction.sign * part.circulating_current
        yield battery_id, max(0.0, rest / part.current_share), amps


def _without_permission(inputs: RuleInputs) -> Iterator[Single]:
    """Yield 0 A for each battery that does not permit the direction, as the daemon does.

    It combines the enables with AND: one battery that does not permit stops the bank.
    """
    for battery in inputs.context.online:
        if not permits(battery.readings, inputs.direction):
            yield battery.id, 0.0, 0.0
