"""The rule `gap`: what charging gets while batteries are awaited that often fall silent."""

from ...model import Direction, Limit
from ...ramp import Ramp
from ..rule_inputs import RuleInputs
from .battery_loss import stopped_by_loss
from .bridge import bridging_limit


def gap(inputs: RuleInputs, limit: Limit) -> Limit:
    """Lower charging to half of a limit, and of what was sent last; then to 0 A.

    `Rule.BRIDGING` while it is halved, then `Rule.LOSS`, as for any lost battery.
    """
    if not inputs.awaits:
        return limit
    memory, context = inputs.memory, inputs.context
    memory.awaited, first = context.awaited.keys(), next(iter(context.awaited))
    if memory.halved is None:
        memory.halved = inputs.sent / 2
    if Direction.CHARGE in context.blocked:
        memory.halved = 0.0
        return stopped_by_loss(first)
    # 0 A may have been sent since, while no battery was received
    memory.halved = min(memory.halved, inputs.sent, limit.amps / 2)
    if not limit.amps:
        return limit
    return bridging_limit(memory.halved, source=first, number=limit.amps)


def end_gap(inputs: RuleInputs) -> None:
    """Resume charging where it was if all batteries that were awaited are back.

    Else it rises from what was sent meanwhile, as after any fall: one was taken out of
    service or away, or the options have changed.
    """
    memory, now = inputs.memory, inputs.context.now
    if inputs.awaits or memory.halved is None:
        return
    online = {battery.id for battery in inputs.context.online}
    if not online.issuperset(memory.awaited):
        amps = min(memory.halved, memory.ramp.amps) if memory.ramp else memory.halved
        memory.ramp = Ramp(amps, now, ((now, amps),), fell=True)
    memory.halved = None
