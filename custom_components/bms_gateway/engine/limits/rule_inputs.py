"""The input of the bank's rules, and what they remember."""

from collections.abc import Callable, Iterable, Set as AbstractSet
from dataclasses import dataclass
from math import inf
from typing import Final

from ..config import GatewayConfig
from ..model import BatteryState, Direction, Limit
from ..ramp import Ramp
from ..setpoints import RequestedLimit
from .context import Context
from .sharing.ceiling import Ceiling
from .sharing.parallel_batteries import ParallelBatteries


@dataclass(slots=True)
class RuleMemory:
    """The state that the rules of one direction keep between evaluations."""

    ceiling: Ceiling | None = None
    """A limit that proved too high for a battery."""
    ramp: Ramp | None = None
    """The limit on its way up; None: no limit was sent yet."""
    ramping: bool = False
    """Whether the ramp holds the limit back now: it is evaluated again soon."""
    halved: float | None = None
    """A; the highest charge limit while lost batteries are awaited; None: none is."""
    awaited: AbstractSet[str] = frozenset()
    """The ids of these batteries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInputs:
    """The input of every rule: one direction, now."""

    direction: Direction
    context: Context
    config: GatewayConfig
    parallel: ParallelBatteries
    """How the batteries share the current."""
    unmanaged: float = 0.0
    """A, at least 0; flows in this direction although no inverter was sent it."""
    sent: float
    """A; the sum of what the inverters were sent in this direction; inf without any."""
    over_voltage: BatteryState | None = None
    """The battery whose charge voltage limit is lower than the one that has to be sent."""
    requested: RequestedLimit | None = None
    """The lowest of the setpoint and the temporary limits; None: no limit."""
    memory: RuleMemory

    @property
    def awaits(self) -> bool:
        """Whether charging continues despite lost batteries with habitual gaps."""
        return self.direction is Direction.CHARGE and bool(self.context.awaited)

    @property
    def rated(self) -> float | None:
        """The most that the bank may carry, in A: the option, else the inverters' sum.

        None: nothing is rated.
        """
        return total_limit(self.config, self.direction)

    @property
    def is_lost(self) -> bool:
        """Whether a loss stops this direction.

        A battery that never reported may be full, but it need not be empty.
        """
        may_be_full = self.direction is Direction.CHARGE and self.context.never_reported
        stopped = self.direction in self.context.blocked and not self.awaits
        return stopped or bool(may_be_full)


NO_LIMIT: Final = Limit(amps=inf)


def total_limit(config: GatewayConfig, direction: Direction) -> float | None:
    """Return the most that the whole bank may carry in A; None: nothing is rated."""
    charge = direction is Direction.CHARGE
    total = config.total_charge if charge else config.total_discharge
    if total is not None or not config.inverters:
        return total
    return sum(
        i.rated_charge if charge else i.rated_discharge for i in config.inverters
    )


def apply_rules[Inputs](
    rules: Iterable[Callable[[Inputs, Limit], Limit]], inputs: Inputs, limit: Limit
) -> Limit:
    """Return a limit after the rules, in their order; a result that is higher is ignored."""
    for rule in rules:
        lowered = rule(inputs, limit)
        if lowered.amps <= limit.amps:
            limit = lowered
    return limit


def tighter(limit: Limit, other: Limit) -> Limit:
    """Return the lower of two limits; the first where they are equal."""
    return other if other.amps < limit.amps else limit
