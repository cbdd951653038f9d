"""The rule `over_limit`: a battery carries more than it allows, so the bank comes down."""

from ...config import Strategy
from ...model import Limit, Rule
from ..rule_inputs import RuleInputs, tighter
from .ceiling import under


def over_limit(inputs: RuleInputs, limit: Limit) -> Limit:
    """Lower a limit by what a battery carries beyond its own, at once.

    `Rule.OVER_LIMIT`: whatever its share is thought to be, the bank has to come down by
    the excess divided by the share. The limit that proved too high is not offered again
    at once (`ceiling.under`).
    """
    if inputs.config.strategy is not Strategy.SUM and not inputs.is_lost:
        limit = _lowered(inputs, limit)
    measured = {battery.id: battery.current_at for battery in inputs.context.online}
    inputs.memory.ceiling, limit = under(
        inputs.memory.ceiling,
        limit,
        inputs.context.now,
        rated=inputs.rated or limit.amps,
        allowed=inputs.context.allowed_currents(inputs.direction),
        measured_at=measured.get(limit.source or ""),
    )
    return limit


def _lowered(inputs: RuleInputs, limit: Limit) -> Limit:
    direction = inputs.direction
    online = {battery.id: battery for battery in inputs.context.online}
    for key, amps in inputs.parallel.counted(direction, inputs.context).items():
        battery = online.get(key)
        current = battery.readings.current if battery else None
        if current is None or (excess := direction.sign * current - amps) <= 0:
            continue
        flowing = inputs.parallel.flowing(key, direction)
        if flowing is None or flowing <= 0:
            continue
        share = inputs.parallel.share_of(key, direction).current_share
        most = max(0.0, flowing - excess / share)
        limit = tighter(
            limit, Limit(amps=most, rule=Rule.OVER_LIMIT, source=key, number=amps)
        )
    return limit
