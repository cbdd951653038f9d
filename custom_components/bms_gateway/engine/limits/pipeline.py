"""What the bank allows in each direction, and why: the rules in the order they hold.

Every rule can only lower what the one before it left. `Limits.reckon` is the list.
"""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from ..config import GatewayConfig
from ..model import Direction, Limit, Rule
from ..ramp import Ramp, ramp
from ..setpoints import RequestedLimit
from .context import Context
from .sharing.bank_limit import ParallelBatteries, tighter
from .sharing.ceiling import Ceiling, under
from .unmanaged_current import UnmanagedCurrent
from .unmanaged_hold import UnmanagedHold

RAMP_STEP: Final = 0.25
"""Seconds after which a rising limit is looked at again."""
NOTABLE: Final = 2.0
"""A; a rise that lags by less is not worth being named as what binds."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What else lowers the bank's limit in one direction."""

    over_voltage: Limit | None
    """What holds charging while the bank is above a battery's voltage limit."""
    requested: RequestedLimit | None


class Limits:
    """The bank's limits, with what they remember: who carries what, what was told."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self.parallel = ParallelBatteries(learnt)
        self._unmanaged = {direction: UnmanagedCurrent() for direction in Direction}
        self._holds = {direction: UnmanagedHold() for direction in Direction}
        self._excess = dict.fromkeys(Direction, 0.0)
        self._ramps: dict[Direction, Ramp | None] = dict.fromkeys(Direction)
        self._ceilings: dict[Direction, Ceiling | None] = dict.fromkeys(Direction)
        self._halved: float | None = None
        """A; what charging is told at the most while lost batteries are awaited."""
        self._awaited: AbstractSet[str] = frozenset()
        self._sent = inf
        """A; the sum of what the inverters were told for charging; no limit without any."""
        self.ramping = False

    def observe(
        self,
        context: Context,
        config: GatewayConfig,
        sent: Mapping[Direction, float],
        beyond: Mapping[Direction, float],
    ) -> None:
        """Learn from what the batteries report; before `reckon`, once a moment.

        `told`: the sum of what the inverters were told, in A per direction; `beyond`:
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
        self._sent = sent.get(Direction.CHARGE, 0.0) if config.inverters else inf
        self.ramping = False

    def block(self, now: float) -> None:
        """Remember that 0 A is told: what follows rises from there."""
        self._ramps = {d: Ramp(0.0, now, ((now, 0.0),), fell=True) for d in Direction}
        self._halved = None
        self.ramping = False

    def hold_back(self) -> None:
        """Let what follows rise as after a fall, though it may be the first limit."""
        self._ramps = {d: r and replace(r, fell=True) for d, r in self._ramps.items()}

    def evaluate(
        self,
        direction: Direction,
        context: Context,
        config: GatewayConfig,
        bounds: Bounds,
    ) -> Limit:
        """Return the bank's limit in a direction, in A."""
        awaits = direction is Direction.CHARGE and bool(context.awaited)
        within = context.reduced(direction) if awaits else context
        limit = self.parallel.limit(direction, within, config.strategy)
        rated = total_limit(config, direction) or limit.amps
        measured = {battery.id: battery.current_at for battery in context.online}
        self._ceilings[direction], limit = under(
            self._ceilings[direction],
            limit,
            context.now,
            rated=rated,
            allowed=context.allowed_currents(direction),
            measured_at=measured.get(limit.source or ""),
        )
        if bounds.over_voltage is not None and direction is Direction.CHARGE:
            limit = tighter(limit, bounds.over_voltage)
        excess = self._excess[direction]
        if excess > 0 and config.inverters:
            rest = max(0.0, limit.amps - excess)
            limit = Limit(amps=rest, rule=Rule.UNMANAGED, number=excess)
        limit = as_wanted(limit, direction, config, bounds.requested)
        if awaits:
            return self._while_awaited(context, config, limit)
        if direction is Direction.CHARGE:
            self._end_awaiting(context)
        return self._ramped(direction, context, config, limit)

    def _while_awaited(
        self, context: Context, config: GatewayConfig, limit: Limit
    ) -> Limit:
        """Return half of a limit for charging, and of what was told last; then nothing.

        What it rises from stays as it is: once the lost ones are back, charging goes on
        where it was. Nothing rises until then.
        """
        before = self._ramps[Direction.CHARGE]
        if before is not None and before.amps < limit.amps:
            limit = replace(limit, amps=before.amps)
        limit = self._ramped(Direction.CHARGE, context, config, limit)
        self._awaited, first = context.awaited.keys(), next(iter(context.awaited))
        if self._halved is None:
            self._halved = self._sent / 2
        if Direction.CHARGE in context.blocked:
            self._halved = 0.0
            return Limit(amps=0.0, rule=Rule.LOSS, source=first)
        # 0 A may have been told since, while no battery was heard
        self._halved = min(self._halved, self._sent, limit.amps / 2)
        if not limit.amps:
            return limit
        return Limit(
            amps=self._halved,
            rule=Rule.BRIDGING,
            source=first,
            number=limit.amps,
        )

    def _end_awaiting(self, context: Context) -> None:
        """Go on where charging was if all that were awaited are back.

        Else from what was told meanwhile, as after any fall: one was taken out of
        service or away, or the options have changed.
        """
        online = {battery.id for battery in context.online}
        if self._halved is not None and not online.issuperset(self._awaited):
            before, now = self._ramps[Direction.CHARGE], context.now
            amps = min(self._halved, before.amps) if before else self._halved
            self._ramps[Direction.CHARGE] = Ramp(amps, now, ((now, amps),), fell=True)
        self._halved = None

    def _ramped(
        self,
        direction: Direction,
        context: Context,
        config: GatewayConfig,
        limit: Limit,
    ) -> Limit:
        """Hold back a limit that rises."""
        current = self.parallel.current(context) or 0.0
        discharge = direction is Direction.DISCHARGE
        ramped = ramp(
            self._ramps[direction],
            limit.amps,
            context.now,
            rated=total_limit(config, direction) or limit.amps,
            flowing=max(0.0, -current) if discharge else 0.0,
        )
        self._ramps[direction] = ramped
        if ramped.amps >= limit.amps:
            return limit
        self.ramping = True
        if ramped.amps >= limit.amps - NOTABLE:
            return replace(limit, amps=ramped.amps)
        return replace(limit, amps=ramped.amps, rule=Rule.RAMP, number=limit.amps)


def as_wanted(
    limit: Limit,
    direction: Direction,
    config: GatewayConfig,
    requested: RequestedLimit | None,
) -> Limit:
    """Return a limit no higher than the total of the options and what is asked for."""
    total = total_limit(config, direction)
    if total is not None:
        limit = tighter(limit, Limit(amps=total, rule=Rule.TOTAL, number=total))
    if requested is None:
        return limit
    lowered = Limit(
        amps=requested.amps,
        rule=requested.rule,
        source=requested.owner,
        number=requested.amps,
    )
    return tighter(limit, lowered)


def total_limit(config: GatewayConfig, direction: Direction) -> float | None:
    """Return what the whole bank may take in A; None where nothing is rated."""
    charge = direction is Direction.CHARGE
    total = config.total_charge if charge else config.total_discharge
    if total is not None or not config.inverters:
        return total
    return sum(
        i.rated_charge if charge else i.rated_discharge for i in config.inverters
    )
