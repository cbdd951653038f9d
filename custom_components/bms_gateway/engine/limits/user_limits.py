"""The rules `total` and `setpoints`: limits that people and automations set."""

from ..model import Limit, Rule
from .rule_inputs import RuleInputs, tighter


def total(inputs: RuleInputs, limit: Limit) -> Limit:
    """Lower a limit to the total of the options, else of the inverters' ratings.

    `Rule.TOTAL`.
    """
    rated = inputs.rated
    if rated is None:
        return limit
    return tighter(limit, Limit(amps=rated, rule=Rule.TOTAL, number=rated))


def setpoints(inputs: RuleInputs, limit: Limit) -> Limit:
    """Lower a limit to the setpoint, or to the lowest temporary limit.

    `Rule.SETPOINT` and `Rule.TEMPORARY_LIMIT`, as `AllSetpoints.requested` finds them.
    """
    if (requested := inputs.requested) is None:
        return limit
    return tighter(
        limit,
        Limit(
            amps=requested.amps,
            rule=requested.rule,
            source=requested.owner,
            number=requested.amps,
        ),
    )
