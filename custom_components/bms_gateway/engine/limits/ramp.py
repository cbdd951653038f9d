"""The rule `ramp`: a limit falls at once and rises slowly."""

from dataclasses import replace
from typing import Final

from ..model import Direction, Limit, Rule
from ..ramp import ramp_to
from .rule_inputs import RuleInputs

NOTABLE: Final = 2.0
"""A; a ramp that lags by less is not worth naming as the rule that binds."""


def ramp(inputs: RuleInputs, limit: Limit) -> Limit:
    """Hold back a limit that rises.

    `Rule.RAMP`. While lost batteries are awaited nothing rises, and the ramp stays where
    it was: once they are back, charging resumes at that level.
    """
    memory = inputs.memory
    if inputs.awaits and memory.ramp is not None and memory.ramp.amps < limit.amps:
        limit = replace(limit, amps=memory.ramp.amps)
    current = inputs.parallel.current(inputs.context) or 0.0
    discharge = inputs.direction is Direction.DISCHARGE
    memory.ramp = ramp_to(
        memory.ramp,
        limit.amps,
        inputs.context.now,
        rated=inputs.rated or limit.amps,
        flowing=max(0.0, -current) if discharge else 0.0,
    )
    amps = memory.ramp.amps
    if amps >= limit.amps:
        return limit
    memory.ramping = True
    if amps >= limit.amps - NOTABLE:
        return replace(limit, amps=amps)
    return replace(limit, amps=amps, rule=Rule.RAMP, number=limit.amps)
