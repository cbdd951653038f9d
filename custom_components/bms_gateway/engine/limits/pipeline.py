"""The bank's current limits: the rules in their order. Each may only lower the limit.

To add a rule, write one function and add one row here: docs/adding-a-rule.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Final

from ..config import GatewayConfig
from ..model import BatteryState, Direction, Limit
from ..ramp import Ramp
from ..setpoints import RequestedLimit
from .charge_voltage import charge_voltage
from .context import Context
from .loss.battery_loss import battery_loss
from .loss.gap import end_gap, gap
from .ramp import ramp
from .rule_inputs import NO_LIMIT, RuleInputs, RuleMemory, apply_rules
from .sharing.bank_limit import batteries
from .sharing.over_limit import over_limit
from .sharing.parallel_batteries import ParallelBatteries
from .unmanaged_current import UnmanagedCurrent, unmanaged_current
from .unmanaged_hold import UnmanagedHold
from .user_limits import setpoints, total

type BankRule = Callable[[RuleInputs, Limit], Limit]

BANK_RULES: Final[tuple[BankRule, ...]] = (
    batteries,
    over_limit,
    battery_loss,
    charge_voltage,
    unmanaged_current,
    total,
    setpoints,
    ramp,
    gap,
)
"""All rules, in the order in which they apply."""


class Pipeline:
    """Applies the rules, and stores what they need of earlier evaluations."""

    def __init__(self, learned: Mapping[str, float] | None = None) -> None:
        """Begin with current shares learned earlier (by battery id), else with none."""
        self.parallel = ParallelBatteries(learned)
        self._unmanaged = {direction: UnmanagedCurrent() for direction in Direction}
        self._holds = {direction: UnmanagedHold() for direction in Direction}
        self._excess = dict.fromkeys(Direction, 0.0)
        self._memories = {direction: RuleMemory() for direction in Direction}
        self._sent: Mapping[Direction, float] = {}

    @property
    def ramping(self) -> bool:
        """Whether a limit is rising now, and is evaluated again soon."""
        return any(memory.ramping for memory in self._memories.values())

    def observe(
        self,
        context: Context,
        config: GatewayConfig,
        sent: Mapping[Direction, float],
        beyond: Mapping[Direction, float],
    ) -> None:
        """Learn from what the batteries report; before `evaluate`, once per evaluation.

        `sent`: the sum of what the inverters were sent, in A per direction; `beyond`:
        what they are known to take beyond that.
        """
        current = self.parallel.current(context)
        excesses = {}
        for direction, unmanaged in self._unmanaged.items():
            shown = unmanaged.update(
                None if current is None else direction.sign * current,
                sent.get(direction, 0.0),
                context.now,
                reaction=config.reaction_time,
            )
            excesses[direction] = self._holds[direction].update(shown, context.now)
            self._excess[direction] = max(
                excesses[direction], beyond.get(direction, 0.0)
            )
        most = {d: u.most_sent + excesses[d] for d, u in self._unmanaged.items()}
        self.parallel.observe(context, most if config.inverters else None)
        self._sent = dict(sent) if config.inverters else dict.fromkeys(Direction, inf)
        for memory in self._memories.values():
            memory.ramping = False

    def evaluate(
        self,
        direction: Direction,
        context: Context,
        config: GatewayConfig,
        *,
        over_voltage: BatteryState | None,
        requested: RequestedLimit | None,
    ) -> Limit:
        """Return the bank's limit in a direction, in A, with the rule that binds.

        `over_voltage`, `requested`: as in `RuleInputs`.
        """
        inputs = replace(
            self._inputs(direction, context, config, requested),
            over_voltage=over_voltage,
        )
        end_gap(inputs)
        return apply_rules(BANK_RULES, inputs, NO_LIMIT)

    def within_user_limits(
        self,
        limit: Limit,
        direction: Direction,
        context: Context,
        config: GatewayConfig,
        requested: RequestedLimit | None,
    ) -> Limit:
        """Return a limit no higher than what people and automations set."""
        inputs = self._inputs(direction, context, config, requested)
        return apply_rules((total, setpoints), inputs, limit)

    def _inputs(
        self,
        direction: Direction,
        context: Context,
        config: GatewayConfig,
        requested: RequestedLimit | None,
    ) -> RuleInputs:
        return RuleInputs(
            direction=direction,
            context=context,
            config=config,
            parallel=self.parallel,
            unmanaged=self._excess[direction],
            sent=self._sent.get(direction, 0.0),
            requested=requested,
            memory=self._memories[direction],
        )

    def block(self, now: float) -> None:
        """Remember that 0 A is sent: the next limit rises from there."""
        for memory in self._memories.values():
            memory.ramp = Ramp(0.0, now, ((now, 0.0),), fell=True)
            memory.ramping = False
            memory.halved = None

    def hold_back(self) -> None:
        """Ramp the next limit as after a fall, although it may be the first one."""
        for memory in self._memories.values():
            memory.ramp = memory.ramp and replace(memory.ramp, fell=True)
