"""What the bank allows in each direction, and why: the rules in the order they hold.

Every rule can only lower what the one before it left. `Limits.reckon` is the list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from .allowance import permits
from .aside import Seen, Spell, counts_with, follow
from .config import GatewayConfig, Strategy
from .model import BatteryState, Direction, Limit, Rule
from .rise import Rise, rise
from .scene import Scene
from .setpoints import Ask
from .slices import Part, Slices, bank_current
from .untold import Untold

RISING_STEP: Final = 0.25
"""Seconds after which a rising limit is looked at again."""
NOTABLE: Final = 2.0
"""A; a rise that lags by less is not worth being named as what binds."""
SAME_MOMENT: Final = 0.3
"""Seconds between measurements that tell of the same bank current. (Taken as of one
moment whatever their age, a load step made the first to report it seem to carry it
all: twice as many swings, and 1.5 % less energy moved.)"""
_LEAST_SLICE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Bounds:
    """What else lowers the bank's limit in one direction."""

    over_voltage: str | None
    """The battery whose charge voltage limit the bank is above; None: none."""
    ask: Ask | None
    told: float
    """A; the sum of what the inverters were told in this direction."""


class Limits:
    """The bank's limits, with what they remember: slices, spells, what was told."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self.slices = Slices(learnt)
        self._parts: dict[str, Part] = {}
        self._spells: dict[tuple[str, Direction], Spell] = {}
        self._seen: dict[tuple[str, Direction], Seen] = {}
        self._untold = {direction: Untold() for direction in Direction}
        self._rises: dict[Direction, Rise | None] = dict.fromkeys(Direction)
        self.rising = False

    def observe(self, scene: Scene) -> None:
        """Learn from what the batteries report; before `reckon`, once a moment."""
        allowances = {d: scene.allowances(d) for d in Direction}
        idle = frozenset(
            (key, d)
            for d, amps in allowances.items()
            for key, a in amps.items()
            if not a
        )
        self._parts = self.slices.update(scene.counted, idle, scene.now)
        current = bank_current(scene.online) or 0.0
        for direction, amps in allowances.items():
            self._follow(scene, direction, amps, direction.sign * current)
        self.rising = False

    def block(self, now: float) -> None:
        """Remember that 0 A is told: what follows rises from there."""
        self._rises = {d: Rise(0.0, now, ((now, 0.0),), fell=True) for d in Direction}

    def part(self, battery_id: str) -> Part | None:
        """Return what a battery is known to carry."""
        return self._parts.get(battery_id)

    def aside(self, battery_id: str) -> frozenset[Direction]:
        """Return the directions in which a battery stands aside."""
        return frozenset(
            d for d in Direction if (s := self._spells.get((battery_id, d))) and s.aside
        )

    def reckon(
        self, direction: Direction, scene: Scene, config: GatewayConfig, bounds: Bounds
    ) -> Limit:
        """Return the bank's limit in a direction, in A."""
        limit = self._by_batteries(direction, scene, config.strategy)
        if bounds.over_voltage is not None and direction is Direction.CHARGE:
            over = Limit(amps=0.0, rule=Rule.VOLTAGE, source=bounds.over_voltage)
            limit = _tighter(limit, over)
        limit = self._less_untold(direction, scene, config, limit, bounds.told)
        total = total_limit(config, direction)
        if total is not None:
            limit = _tighter(limit, Limit(amps=total, rule=Rule.TOTAL, number=total))
        if (ask := bounds.ask) is not None:
            limit = _tighter(
                limit,
                Limit(amps=ask.amps, rule=ask.rule, source=ask.owner, number=ask.amps),
            )
        return self._risen(direction, scene, config, limit)

    def _follow(
        self, scene: Scene, direction: Direction, amps: Mapping[str, float], bank: float
    ) -> None:
        """Follow each battery through the spells in which it allows nothing."""
        for battery in scene.online:
            key = (battery.id, direction)
            current = battery.readings.current
            seen = Seen(
                limit=amps[battery.id],
                amps=None if current is None else direction.sign * current,
                at=battery.current_at,
                bank=bank,
                part=self._parts[battery.id],
                protected=bool(battery.readings.protections),
            )
            spell = follow(
                self._spells.get(key),
                self._seen.get(key),
                seen,
                direction,
                scene.now,
                others_allow=any(a for other, a in amps.items() if other != battery.id),
            )
            if spell is None:
                self._spells.pop(key, None)
                self._seen[key] = seen
            else:
                self._spells[key] = spell

    def _by_batteries(
        self, direction: Direction, scene: Scene, strategy: Strategy
    ) -> Limit:
        """Return what the batteries allow, by the loss policy and the strategy."""
        lost = [battery.id for battery in scene.lost]
        # A battery that was never heard may be full, but it need not be empty.
        may_be_full = direction is Direction.CHARGE and scene.unheard
        if direction in scene.blocked or may_be_full:
            return Limit(amps=0.0, rule=Rule.LOSS, source=lost[0])
        if strategy is Strategy.SUM:
            limit = _summed(direction, scene)
        else:
            limit = self._shared(direction, scene)
        return replace(limit, rule=Rule.LOSS) if limit.source in lost else limit

    def _shared(self, direction: Direction, scene: Scene) -> Limit:
        """Return the largest bank current that overloads no battery.

        A battery carries slice x bank current + offset, so it holds the bank to
        (what it allows - offset) / slice; never more than the sum of the limits.
        """
        amps = scene.allowances(direction)
        if not any(amps.values()):
            return Limit(amps=0.0, rule=Rule.BATTERIES, number=0.0)
        active = [
            b
            for b in scene.counted
            # A lost one may allow current again: its spell does not hear of that.
            if amps[b.id] or not self._is_aside(b.id, direction)
        ]
        counted = {
            b.id: self._counted(b, direction, amps[b.id], scene.now) for b in active
        }
        # What those that stand aside do not carry falls to the others.
        common = min(1.0, sum(self._parts[key].slice for key in counted)) or 1.0
        total = sum(counted.values())
        limit = Limit(amps=total, rule=Rule.BATTERIES, number=total)
        for battery in active:
            limit = _tighter(
                limit,
                self._held_by(battery, direction, counted[battery.id], common, scene),
            )
        return replace(limit, amps=max(0.0, limit.amps))

    def _held_by(
        self,
        battery: BatteryState,
        direction: Direction,
        amps: float,
        common: float,
        scene: Scene,
    ) -> Limit:
        """Return to what one battery, counting with `amps`, holds the bank."""
        part = self._parts[battery.id]
        slice_ = max(part.slice / common, _LEAST_SLICE)
        held = Limit(
            amps=(amps - direction.sign * part.offset) / slice_,
            rule=Rule.BATTERY,
            source=battery.id,
            number=amps,
        )
        current = battery.readings.current
        bank = bank_current(scene.online)
        if not battery.online or current is None or bank is None:
            return held
        # It carries too much: whatever the slice said, the bank has to come down.
        excess = direction.sign * current - amps
        flowing = direction.sign * bank
        if excess <= 0 or flowing <= 0:
            return held
        if any(_at(other) < part.moved_at - SAME_MOMENT for other in scene.online):
            # They have not reported since: what the bank carries now is not known.
            flowing = max(flowing, direction.sign * (current - part.offset) / slice_)
        over = flowing - excess / slice_
        return _tighter(held, replace(held, amps=over, rule=Rule.OVER))

    def _counted(
        self, battery: BatteryState, direction: Direction, amps: float, now: float
    ) -> float:
        """Return the limit in A with which a battery is reckoned."""
        spell = self._spells.get((battery.id, direction))
        return counts_with(spell, now) if battery.online and spell else amps

    def _is_aside(self, battery_id: str, direction: Direction) -> bool:
        spell = self._spells.get((battery_id, direction))
        return spell is not None and spell.aside

    def _less_untold(
        self,
        direction: Direction,
        scene: Scene,
        config: GatewayConfig,
        limit: Limit,
        told: float,
    ) -> Limit:
        """Take off what has been flowing for long though no inverter was told."""
        current = bank_current(scene.online)
        untold = self._untold[direction].update(
            None if current is None else direction.sign * current,
            told,
            scene.now,
            reaction=config.reaction_time,
        )
        if untold <= 0 or not config.inverters:
            return limit
        amps = max(0.0, limit.amps - untold)
        return Limit(amps=amps, rule=Rule.UNTOLD, number=untold)

    def _risen(
        self, direction: Direction, scene: Scene, config: GatewayConfig, limit: Limit
    ) -> Limit:
        """Hold back a limit that rises."""
        current = bank_current(scene.online) or 0.0
        discharge = direction is Direction.DISCHARGE
        risen = rise(
            self._rises[direction],
            limit.amps,
            scene.now,
            rated=total_limit(config, direction) or limit.amps,
            flowing=max(0.0, -current) if discharge else 0.0,
        )
        self._rises[direction] = risen
        if risen.amps >= limit.amps:
            return limit
        self.rising = True
        if risen.amps >= limit.amps - NOTABLE:
            return replace(limit, amps=risen.amps)
        return replace(limit, amps=risen.amps, rule=Rule.RISING, number=limit.amps)


def total_limit(config: GatewayConfig, direction: Direction) -> float | None:
    """Return what the whole bank may take in A; None where nothing is rated."""
    charge = direction is Direction.CHARGE
    total = config.total_charge if charge else config.total_discharge
    if total is not None or not config.inverters:
        return total
    return sum(
        i.rated_charge if charge else i.rated_discharge for i in config.inverters
    )


def _summed(direction: Direction, scene: Scene) -> Limit:
    """Return the sum of the limits, as the original daemon reckons.

    It ANDs the enables: one battery that does not permit stops the bank.
    """
    for battery in scene.online:
        if not permits(battery.readings, direction):
            return Limit(amps=0.0, rule=Rule.BATTERY, source=battery.id, number=0.0)
    total = sum(scene.allowances(direction).values())
    return Limit(amps=total, rule=Rule.BATTERIES, number=total)


def _at(battery: BatteryState) -> float:
    """Return when a battery's current was measured; one unknown is of any time."""
    return inf if battery.current_at is None else battery.current_at


def _tighter(limit: Limit, other: Limit) -> Limit:
    """Return the lower of two limits; the first where they are equal."""
    return other if other.amps < limit.amps else limit
