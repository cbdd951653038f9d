"""The rule `batteries`: the largest bank current that overloads no battery."""

from ...battery.limits import permits
from ...config import Strategy
from ...model import Limit, Rule
from ..rule_inputs import RuleInputs, tighter


def batteries(inputs: RuleInputs, limit: Limit) -> Limit:
    """Lower a limit to what the batteries allow together.

    `Rule.BATTERIES`: the sum of their limits. `Rule.BATTERY`: a battery carries share x
    bank current + circulating current, so it limits the bank to (its limit - circulating
    current) / share; the sum alone would overload the weaker of two unequal batteries.
    """
    if inputs.config.strategy is Strategy.SUM:
        return tighter(limit, _sum(inputs))
    direction = inputs.direction
    counted = inputs.parallel.counted(direction, inputs.context)
    total = sum(counted.values())
    limit = tighter(limit, Limit(amps=total, rule=Rule.BATTERIES, number=total))
    for battery_id, amps in counted.items():
        part = inputs.parallel.share_of(battery_id, direction)
        own = (amps - direction.sign * part.circulating_current) / part.current_share
        limit = tighter(
            limit,
            Limit(
                amps=max(0.0, own), rule=Rule.BATTERY, source=battery_id, number=amps
            ),
        )
    return limit


def _sum(inputs: RuleInputs) -> Limit:
    """Return the sum of the limits, as the daemon calculates it.

    It combines the enables with AND: one battery that does not permit a direction stops
    the bank. A lost battery adds nothing: the others may have to carry the whole current.
    """
    online = inputs.context.online
    for battery in online:
        if not permits(battery.readings, inputs.direction):
            return Limit(amps=0.0, rule=Rule.BATTERY, source=battery.id, number=0.0)
    allowed = inputs.context.allowed_currents(inputs.direction)
    total = sum(allowed[battery.id] for battery in online)
    return Limit(amps=total, rule=Rule.BATTERIES, number=total)
