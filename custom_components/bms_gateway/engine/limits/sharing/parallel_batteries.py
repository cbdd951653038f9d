"""Parallel batteries: their shares, circulating currents and exclusions, as learned."""

from collections.abc import Iterator, Mapping, Set as AbstractSet
from dataclasses import replace
from math import inf

from ...model import BatteryState, Direction
from ...tolerances import TOLERANCE
from ..context import Context
from .circulating_current import CirculatingCurrents, Part, spread
from .exclusion import (
    CARRIES,
    Observation,
    ZeroLimitPeriod,
    counts_with,
    follow,
    follow_lost,
)
from .shares import CurrentShares, bank_current, capacity_shares
from .step_detection import Idle
from .time_alignment import MIN_SHARE, TimeAlignment

type Parts = dict[Direction, dict[str, Part]]
"""What each battery carries of the current in each direction, by its id."""


class ParallelBatteries:
    """The batteries in parallel, updated with what they report."""

    def __init__(self, learned: Mapping[str, float] | None = None) -> None:
        """Begin with shares learned earlier (by battery id), else with none."""
        self.shares = CurrentShares(learned)
        self.circulating = CirculatingCurrents()
        self._shares: dict[str, float] = {}
        self._parts: Parts = {d: {} for d in Direction}
        self._circulating_alone = CirculatingCurrents()
        self._alone: Parts = {}
        self._is_alone = False
        self._zero_periods: dict[tuple[str, Direction], ZeroLimitPeriod] = {}
        self._observations: dict[tuple[str, Direction], Observation] = {}
        self._idle: Idle = frozenset()
        self._open: AbstractSet[tuple[str, Direction]] = frozenset()
        """Batteries and directions whose path may be open: they allow 0 A in the other
        one."""
        self._excluded = dict.fromkeys(Direction, frozenset[str]())
        """The excluded batteries by direction, according to the zero-limit periods."""
        self._samples = TimeAlignment()
        self._sent: Mapping[Direction, float] = {}

    def observe(
        self, context: Context, sent: Mapping[Direction, float] | None = None
    ) -> None:
        """Learn from what the batteries report, once per evaluation, before the limits.

        `sent`: the most that may flow by the limits sent to inverters, in A per
        direction; None: there are no inverters.
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
        self._observations = {
            k: observation
            for k, observation in self._observations.items()
            if k[0] in online
        }
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
        if self._carries_alone(context, allowed_currents):
            self._parts = {d: self._parts[d] | self._alone[d] for d in Direction}
        self._samples.update(
            context.online,
            {key: part.moved_at for key, part in self._parts[Direction.CHARGE].items()},
        )

    def _may_be_open(self, context: Context, bank: float) -> bool:
        """Return whether a battery that allows 0 A of what flows carries nothing.

        Its path may have opened, possibly in both directions; until it is excluded that
        is unknown. `bank`: A.
        """
        currents = {b.id: b.readings.current for b in context.online}
        return any(
            direction.sign * bank > TOLERANCE
            and not zero_period.excluded
            and (amps := currents.get(key)) is not None
            and abs(amps) < TOLERANCE
            for (key, direction), zero_period in self._zero_periods.items()
        )

    def _carries_alone(
        self,
        context: Context,
        allowed_currents: Mapping[Direction, Mapping[str, float]],
    ) -> bool:
        """Return whether batteries online were seen to carry the lost ones' part.

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
        """Return the bank's current in A, charge positive; None: unknown."""
        shares = self._shares
        if any(battery.id not in shares for battery in context.online):
            shares = capacity_shares(context.online)
        return bank_current(context.online, shares)

    def wake_times(self, now: float) -> Iterator[float]:
        """Yield when the limits may change although nothing is received."""
        yield from self.circulating.wake_times(now)
        for zero_period in self._zero_periods.values():
            yield from zero_period.wake_times(now)

    def part(self, battery_id: str) -> Part | None:
        """Return what a battery carries of a current that all batteries carry."""
        current_share = self._shares.get(battery_id)
        if current_share is None:
            return None
        here = Direction.CHARGE
        if battery_id in self._excluded[here]:
            here = Direction.DISCHARGE
        part = self._parts[here][battery_id]
        return Part(current_share, part.circulating_current, part.moved_at)

    def excluded(self, battery_id: str) -> frozenset[Direction]:
        """Return the directions in which a battery is excluded."""
        return frozenset(d for d, ids in self._excluded.items() if battery_id in ids)

    def counted(self, direction: Direction, context: Context) -> dict[str, float]:
        """Return the limit in A with which each battery counts, without the excluded.

        Empty where no battery allows anything.
        """
        allowed = context.allowed_currents(direction)
        if not any(allowed.values()):
            return {}
        return {
            b.id: self._counted(b, direction, allowed[b.id], context.now)
            for b in context.counted
            if b.id not in self._excluded[direction]
        }

    def share_of(self, battery_id: str, direction: Direction) -> Part:
        """Return what a battery carries in a direction; its share is never too small."""
        part = self._parts[direction][battery_id]
        return replace(part, current_share=max(part.current_share, MIN_SHARE))

    def flowing(self, battery_id: str, direction: Direction) -> float | None:
        """Return the bank's current in A when a battery last measured its own.

        In the direction's sense; None: unknown.
        """
        shares = spread(self._shares, self._excluded[direction])
        sample = self._samples.of(battery_id, shares)
        if sample is None:
            return None
        return sample.flowing(direction, self._sent.get(direction, inf))

    def _counted(
        self, battery: BatteryState, direction: Direction, amps: float, now: float
    ) -> float:
        """Return the limit in A with which a battery counts."""
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
        """Update each battery's zero-limit period."""
        shares = spread(self._shares, self._excluded[direction])
        allowing = sum(1 for limit in amps.values() if limit)
        for battery in context.online:
            key = (battery.id, direction)
            current = battery.readings.current
            observation = Observation(
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
                self._observations.get(key),
                observation,
                direction,
                context.now,
                others_allow=allowing > bool(amps[battery.id]),
            )
            if zero_period is None:
                self._zero_periods.pop(key, None)
                self._observations[key] = observation
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
        """Return whether a battery is excluded the other way though allowed there."""
        other = (key[0], key[1].opposite)
        zero_period = self._zero_periods.get(other)
        return (
            zero_period is not None and zero_period.excluded and other not in self._idle
        )

    def _set_excluded(self) -> None:
        """Update which batteries are excluded."""
        self._excluded = {
            direction: frozenset(
                key
                for (key, d), zero_period in self._zero_periods.items()
                if d is direction and zero_period.excluded
            )
            for direction in Direction
        }
