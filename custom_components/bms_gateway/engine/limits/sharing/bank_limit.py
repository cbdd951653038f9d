"""What the batteries allow together: through the part of the current each carries."""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import replace
from math import inf

from ...battery.limits import permits
from ...config import Strategy
from ...model import BatteryState, Direction, Limit, Rule
from ..context import Context
from .circulating_current import CirculatingCurrents, Part, spread
from .exclusion import (
    CARRIES,
    Seen,
    ZeroLimitPeriod,
    changes_at,
    counts_with,
    follow,
    follow_lost,
)
from .shares import CurrentShares, bank_current, capacity_shares
from .step_detection import TOLERANCE, Idle
from .time_alignment import LEAST_SHARE, TimeAlignment

type Parts = dict[Direction, dict[str, Part]]
"""What each battery carries, by its id, of the current in each direction."""


class ParallelBatteries:
    """The batteries as carriers of the bank's current; remembers how they do it."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self.shares = CurrentShares(learnt)
        self.circulating = CirculatingCurrents()
        self._shares: dict[str, float] = {}
        self._parts: Parts = {d: {} for d in Direction}
        self._circulating_alone = CirculatingCurrents()
        self._alone: Parts = {}
        self._is_alone = False
        self._zero_periods: dict[tuple[str, Direction], ZeroLimitPeriod] = {}
        self._seen: dict[tuple[str, Direction], Seen] = {}
        self._idle: Idle = frozenset()
        self._open: AbstractSet[tuple[str, Direction]] = frozenset()
        """Whose path may be open: those that allow nothing in the other direction."""
        self._excluded = dict.fromkeys(Direction, frozenset[str]())
        """Who stands aside, by direction, as the spells say."""
        self._samples = TimeAlignment()
        self._sent: Mapping[Direction, float] = {}

    def observe(
        self, context: Context, sent: Mapping[Direction, float] | None = None
    ) -> None:
        """Learn from what the batteries report; before `limit`, once a moment.

        `told`: the most that may flow by what inverters were told, in A per direction;
        None: there is none to be told.
        """
        self._sent = sent or {}
        allowed_currents = {d: context.allowed_currents(d) for d in Direction}
        idle = frozenset(
            (key, d)
            for d, amps in allowed_currents.items()
            for key, a in amps.items()
            if not a
        )
        self._shares = self.shares.update(context.counted, idle, context.now)
        self._idle = idle
        self._open = {(key, d.opposite) for key, d in idle}
        zero_periods = self._zero_periods.items()
        self._zero_periods = {
            k: zero_period for k, zero_period in zero_periods if k in idle | self._open
        }
        self._set_excluded()
        current = self.current(context) or 0.0
        online = {battery.id for battery in context.online}
        self._seen = {k: seen for k, seen in self._seen.items() if k[0] in online}
        for direction, amps in allowed_currents.items():
            self._follow(context, direction, amps, direction.sign * current)
        self._set_excluded()
        self._parts = self.circulating.settle(
            context.counted,
            self._shares,
            self._excluded,
            context.now,
            one_way=self._may_be_open(context, current),
        )
        if self._bears_alone(context, allowed_currents):
            self._parts = {d: self._parts[d] | self._alone[d] for d in Direction}
        self._samples.update(
            context.online,
            {key: part.moved_at for key, part in self._parts[Direction.CHARGE].items()},
        )

    def _may_be_open(self, context: Context, bank: float) -> bool:
        """Return whether a battery that allows none of what flows carries nothing.

        Its path may have opened, and not only this way; until it stands aside nobody
        knows. `bank`: A.
        """
        currents = {b.id: b.readings.current for b in context.online}
        return any(
            direction.sign * bank > TOLERANCE
            and not zero_period.excluded
            and (amps := currents.get(key)) is not None
            and abs(amps) < TOLERANCE
            for (key, direction), zero_period in self._zero_periods.items()
        )

    def _bears_alone(
        self,
        context: Context,
        allowed_currents: Mapping[Direction, Mapping[str, float]],
    ) -> bool:
        """Return whether those online were seen to bear what is the lost ones' part.

        A lost battery may carry its part, or nothing: a BMS that shut down has opened
        its path. Once one online carries more than it allows, it is the latter.
        """
        if len(context.counted) == len(context.online):
            self._circulating_alone, self._is_alone = CirculatingCurrents(), False
            return False
        online = {battery.id for battery in context.online}
        parts = spread(self._shares, frozenset(self._shares.keys() - online))
        self._alone = self._circulating_alone.settle(
            context.online,
            {key: parts[key] for key in online},
            {d: excluded & online for d, excluded in self._excluded.items()},
            context.now,
        )
        self._is_alone = self._is_alone or any(
            direction.sign * (battery.readings.current or 0.0)
            > amps[battery.id] + CARRIES
            for direction, amps in allowed_currents.items()
            for battery in context.online
        )
        return self._is_alone

    def current(self, context: Context) -> float | None:
        """Return what flows through the bank in A, charge positive; None: unknown."""
        shares = self._shares
        if any(battery.id not in shares for battery in context.online):
            shares = capacity_shares(context.online)
        return bank_current(context.online, shares)

    def changes_at(self, now: float) -> float | None:
        """Return when the limits may be others though nothing is heard."""
        times = self.circulating.changes_at()
        for zero_period in self._zero_periods.values():
            times += changes_at(zero_period)
        return min((at for at in times if at > now), default=None)

    def part(self, battery_id: str) -> Part | None:
        """Return what a battery carries of a current that all carry."""
        current_share = self._shares.get(battery_id)
        if current_share is None:
            return None
        here = Direction.CHARGE
        if battery_id in self._excluded[here]:
            here = Direction.DISCHARGE
        part = self._parts[here][battery_id]
        return Part(current_share, part.circulating_current, part.moved_at)

    def excluded(self, battery_id: str) -> frozenset[Direction]:
        """Return the directions in which a battery stands aside."""
        return frozenset(d for d, ids in self._excluded.items() if battery_id in ids)

    def limit(
        self, direction: Direction, context: Context, strategy: Strategy
    ) -> Limit:
        """Return what the batteries allow, by the loss policy and the strategy."""
        lost = [battery.id for battery in context.lost]
        # A battery that was never heard may be full, but it need not be empty.
        may_be_full = direction is Direction.CHARGE and context.never_reported
        if direction in context.blocked or may_be_full:
            return Limit(amps=0.0, rule=Rule.LOSS, source=next(iter(lost), None))
        if strategy is Strategy.SUM:
            limit = _summed(direction, context)
        else:
            limit = self._shared(direction, context)
        return replace(limit, rule=Rule.LOSS) if limit.source in lost else limit

    def _shared(self, direction: Direction, context: Context) -> Limit:
        """Return the largest bank current that overloads no battery.

        A battery carries slice x bank current + offset, so it holds the bank to
        (what it allows - offset) / slice; never more than the sum of the limits.
        """
        amps = context.allowed_currents(direction)
        if not any(amps.values()):
            return Limit(amps=0.0, rule=Rule.BATTERIES, number=0.0)
        excluded = self._excluded[direction]
        counted = {
            b.id: self._counted(b, direction, amps[b.id], context.now)
            for b in context.counted
            if b.id not in excluded
        }
        total = sum(counted.values())
        limit = Limit(amps=total, rule=Rule.BATTERIES, number=total)
        for battery in context.counted:
            if battery.id in counted:
                held = self._held_by(battery, direction, counted[battery.id], context)
                limit = tighter(limit, held)
        return replace(limit, amps=max(0.0, limit.amps))

    def _held_by(
        self,
        battery: BatteryState,
        direction: Direction,
        amps: float,
        context: Context,
    ) -> Limit:
        """Return to what one battery, counting with `amps`, holds the bank."""
        part = self._parts[direction][battery.id]
        current_share = max(part.current_share, LEAST_SHARE)
        held = Limit(
            amps=(amps - direction.sign * part.circulating_current) / current_share,
            rule=Rule.BATTERY,
            source=battery.id,
            number=amps,
        )
        current = battery.readings.current
        if not battery.online or current is None:
            return held
        # It carries too much: whatever the slice said, the bank has to come down.
        excess = direction.sign * current - amps
        if excess <= 0:
            return held
        shares = spread(self._shares, self._excluded[direction])
        sample = self._samples.of(battery.id, shares)
        if sample is None:
            return held
        flowing = sample.flowing(direction, self._sent.get(direction, inf))
        if flowing <= 0:
            return held
        over = flowing - excess / current_share
        return tighter(held, replace(held, amps=over, rule=Rule.OVER_LIMIT))

    def _counted(
        self, battery: BatteryState, direction: Direction, amps: float, now: float
    ) -> float:
        """Return the limit in A with which a battery is reckoned."""
        zero_period = self._zero_periods.get((battery.id, direction))
        probes = battery.online and zero_period and not amps
        return counts_with(zero_period, now) if probes and zero_period else amps

    def _follow(
        self,
        context: Context,
        direction: Direction,
        amps: Mapping[str, float],
        bank: float,
    ) -> None:
        """Follow each battery through the spells in which it allows nothing."""
        shares = spread(self._shares, self._excluded[direction])
        allowing = sum(1 for limit in amps.values() if limit)
        for battery in context.online:
            key = (battery.id, direction)
            current = battery.readings.current
            seen = Seen(
                limit=amps[battery.id],
                amps=None if current is None else direction.sign * current,
                at=battery.current_at,
                bank=bank,
                current_share=shares[battery.id],
                protected=bool(battery.readings.protections),
                open=key in self._open,
                disconnected=self._is_disconnected(key),
            )
            zero_period = follow(
                self._zero_periods.get(key),
                self._seen.get(key),
                seen,
                direction,
                context.now,
                others_allow=allowing > bool(amps[battery.id]),
            )
            if zero_period is None:
                self._zero_periods.pop(key, None)
                self._seen[key] = seen
            else:
                self._zero_periods[key] = zero_period
        for battery in context.lost:
            if zero_period := self._zero_periods.get((battery.id, direction)):
                current = battery.readings.current
                carried = None if current is None else direction.sign * current
                self._zero_periods[battery.id, direction] = follow_lost(
                    zero_period, carried, direction, context.now
                )

    def _is_disconnected(self, key: tuple[str, Direction]) -> bool:
        """Return whether a battery stands aside in the other direction, though allowed."""
        other = (key[0], key[1].opposite)
        zero_period = self._zero_periods.get(other)
        return (
            zero_period is not None and zero_period.excluded and other not in self._idle
        )

    def _set_excluded(self) -> None:
        """Note which batteries stand aside."""
        self._excluded = {
            direction: frozenset(
                key
                for (key, d), zero_period in self._zero_periods.items()
                if d is direction and zero_period.excluded
            )
            for direction in Direction
        }


def _summed(direction: Direction, context: Context) -> Limit:
    """Return the sum of the limits, as the original daemon reckons.

    It ANDs the enables: one battery that does not permit stops the bank. A lost one
    adds nothing: the others may have to bear all of it.
    """
    for battery in context.online:
        if not permits(battery.readings, direction):
            return Limit(amps=0.0, rule=Rule.BATTERY, source=battery.id, number=0.0)
    allowed_currents = context.allowed_currents(direction)
    total = sum(allowed_currents[battery.id] for battery in context.online)
    return Limit(amps=total, rule=Rule.BATTERIES, number=total)


def tighter(limit: Limit, other: Limit) -> Limit:
    """Return the lower of two limits; the first where they are equal."""
    return other if other.amps < limit.amps else limit
