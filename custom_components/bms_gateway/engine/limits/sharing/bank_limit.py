"""What the batteries allow together: through the part of the current each carries."""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import replace
from math import inf

from ...battery.limits import permits
from ...config import Strategy
from ...model import BatteryState, Direction, Limit, Rule
from ..context import Scene
from .circulating_current import Offsets, Part, spread
from .exclusion import (
    CARRIES,
    Seen,
    Spell,
    changes_at,
    counts_with,
    follow,
    follow_lost,
)
from .shares import Slices, bank_current, capacity_shares
from .step_detection import TOLERANCE, Idle
from .time_alignment import LEAST_SLICE, Moments

type Parts = dict[Direction, dict[str, Part]]
"""What each battery carries, by its id, of the current in each direction."""


class Carriers:
    """The batteries as carriers of the bank's current; remembers how they do it."""

    def __init__(self, learnt: Mapping[str, float] | None = None) -> None:
        """Begin with slices learnt earlier (by battery id), else with none."""
        self.slices = Slices(learnt)
        self.offsets = Offsets()
        self._slices: dict[str, float] = {}
        self._parts: Parts = {d: {} for d in Direction}
        self._offsets_alone = Offsets()
        self._alone: Parts = {}
        self._is_alone = False
        self._spells: dict[tuple[str, Direction], Spell] = {}
        self._seen: dict[tuple[str, Direction], Seen] = {}
        self._idle: Idle = frozenset()
        self._open: AbstractSet[tuple[str, Direction]] = frozenset()
        """Whose path may be open: those that allow nothing in the other direction."""
        self._apart = dict.fromkeys(Direction, frozenset[str]())
        """Who stands aside, by direction, as the spells say."""
        self._moments = Moments()
        self._told: Mapping[Direction, float] = {}

    def observe(
        self, scene: Scene, told: Mapping[Direction, float] | None = None
    ) -> None:
        """Learn from what the batteries report; before `limit`, once a moment.

        `told`: the most that may flow by what inverters were told, in A per direction;
        None: there is none to be told.
        """
        self._told = told or {}
        allowances = {d: scene.allowances(d) for d in Direction}
        idle = frozenset(
            (key, d)
            for d, amps in allowances.items()
            for key, a in amps.items()
            if not a
        )
        self._slices = self.slices.update(scene.counted, idle, scene.now)
        self._idle = idle
        self._open = {(key, d.opposite) for key, d in idle}
        spells = self._spells.items()
        self._spells = {k: spell for k, spell in spells if k in idle | self._open}
        self._set_apart()
        current = self.current(scene) or 0.0
        online = {battery.id for battery in scene.online}
        self._seen = {k: seen for k, seen in self._seen.items() if k[0] in online}
        for direction, amps in allowances.items():
            self._follow(scene, direction, amps, direction.sign * current)
        self._set_apart()
        self._parts = self.offsets.settle(
            scene.counted,
            self._slices,
            self._apart,
            scene.now,
            one_way=self._may_be_open(scene, current),
        )
        if self._bears_alone(scene, allowances):
            self._parts = {d: self._parts[d] | self._alone[d] for d in Direction}
        self._moments.update(
            scene.online,
            {key: part.moved_at for key, part in self._parts[Direction.CHARGE].items()},
        )

    def _may_be_open(self, scene: Scene, bank: float) -> bool:
        """Return whether a battery that allows none of what flows carries nothing.

        Its path may have opened, and not only this way; until it stands aside nobody
        knows. `bank`: A.
        """
        currents = {b.id: b.readings.current for b in scene.online}
        return any(
            direction.sign * bank > TOLERANCE
            and not spell.aside
            and (amps := currents.get(key)) is not None
            and abs(amps) < TOLERANCE
            for (key, direction), spell in self._spells.items()
        )

    def _bears_alone(
        self, scene: Scene, allowances: Mapping[Direction, Mapping[str, float]]
    ) -> bool:
        """Return whether those online were seen to bear what is the lost ones' part.

        A lost battery may carry its part, or nothing: a BMS that shut down has opened
        its path. Once one online carries more than it allows, it is the latter.
        """
        if len(scene.counted) == len(scene.online):
            self._offsets_alone, self._is_alone = Offsets(), False
            return False
        online = {battery.id for battery in scene.online}
        parts = spread(self._slices, frozenset(self._slices.keys() - online))
        self._alone = self._offsets_alone.settle(
            scene.online,
            {key: parts[key] for key in online},
            {d: apart & online for d, apart in self._apart.items()},
            scene.now,
        )
        self._is_alone = self._is_alone or any(
            direction.sign * (battery.readings.current or 0.0)
            > amps[battery.id] + CARRIES
            for direction, amps in allowances.items()
            for battery in scene.online
        )
        return self._is_alone

    def current(self, scene: Scene) -> float | None:
        """Return what flows through the bank in A, charge positive; None: unknown."""
        slices = self._slices
        if any(battery.id not in slices for battery in scene.online):
            slices = capacity_shares(scene.online)
        return bank_current(scene.online, slices)

    def changes_at(self, now: float) -> float | None:
        """Return when the limits may be others though nothing is heard."""
        times = self.offsets.changes_at()
        for spell in self._spells.values():
            times += changes_at(spell)
        return min((at for at in times if at > now), default=None)

    def part(self, battery_id: str) -> Part | None:
        """Return what a battery carries of a current that all carry."""
        slice_ = self._slices.get(battery_id)
        if slice_ is None:
            return None
        here = Direction.CHARGE
        if battery_id in self._apart[here]:
            here = Direction.DISCHARGE
        part = self._parts[here][battery_id]
        return Part(slice_, part.offset, part.moved_at)

    def aside(self, battery_id: str) -> frozenset[Direction]:
        """Return the directions in which a battery stands aside."""
        return frozenset(d for d, ids in self._apart.items() if battery_id in ids)

    def limit(self, direction: Direction, scene: Scene, strategy: Strategy) -> Limit:
        """Return what the batteries allow, by the loss policy and the strategy."""
        lost = [battery.id for battery in scene.lost]
        # A battery that was never heard may be full, but it need not be empty.
        may_be_full = direction is Direction.CHARGE and scene.unheard
        if direction in scene.blocked or may_be_full:
            return Limit(amps=0.0, rule=Rule.LOSS, source=next(iter(lost), None))
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
        apart = self._apart[direction]
        counted = {
            b.id: self._counted(b, direction, amps[b.id], scene.now)
            for b in scene.counted
            if b.id not in apart
        }
        total = sum(counted.values())
        limit = Limit(amps=total, rule=Rule.BATTERIES, number=total)
        for battery in scene.counted:
            if battery.id in counted:
                held = self._held_by(battery, direction, counted[battery.id], scene)
                limit = tighter(limit, held)
        return replace(limit, amps=max(0.0, limit.amps))

    def _held_by(
        self,
        battery: BatteryState,
        direction: Direction,
        amps: float,
        scene: Scene,
    ) -> Limit:
        """Return to what one battery, counting with `amps`, holds the bank."""
        part = self._parts[direction][battery.id]
        slice_ = max(part.slice, LEAST_SLICE)
        held = Limit(
            amps=(amps - direction.sign * part.offset) / slice_,
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
        slices = spread(self._slices, self._apart[direction])
        moment = self._moments.of(battery.id, slices)
        if moment is None:
            return held
        flowing = moment.flowing(direction, self._told.get(direction, inf))
        if flowing <= 0:
            return held
        over = flowing - excess / slice_
        return tighter(held, replace(held, amps=over, rule=Rule.OVER))

    def _counted(
        self, battery: BatteryState, direction: Direction, amps: float, now: float
    ) -> float:
        """Return the limit in A with which a battery is reckoned."""
        spell = self._spells.get((battery.id, direction))
        probes = battery.online and spell and not amps
        return counts_with(spell, now) if probes and spell else amps

    def _follow(
        self, scene: Scene, direction: Direction, amps: Mapping[str, float], bank: float
    ) -> None:
        """Follow each battery through the spells in which it allows nothing."""
        slices = spread(self._slices, self._apart[direction])
        allowing = sum(1 for limit in amps.values() if limit)
        for battery in scene.online:
            key = (battery.id, direction)
            current = battery.readings.current
            seen = Seen(
                limit=amps[battery.id],
                amps=None if current is None else direction.sign * current,
                at=battery.current_at,
                bank=bank,
                slice=slices[battery.id],
                protected=bool(battery.readings.protections),
                open=key in self._open,
                disconnected=self._is_disconnected(key),
            )
            spell = follow(
                self._spells.get(key),
                self._seen.get(key),
                seen,
                direction,
                scene.now,
                others_allow=allowing > bool(amps[battery.id]),
            )
            if spell is None:
                self._spells.pop(key, None)
                self._seen[key] = seen
            else:
                self._spells[key] = spell
        for battery in scene.lost:
            if spell := self._spells.get((battery.id, direction)):
                current = battery.readings.current
                carried = None if current is None else direction.sign * current
                self._spells[battery.id, direction] = follow_lost(
                    spell, carried, direction, scene.now
                )

    def _is_disconnected(self, key: tuple[str, Direction]) -> bool:
        """Return whether a battery stands aside in the other direction, though allowed."""
        other = (key[0], key[1].opposite)
        spell = self._spells.get(other)
        return spell is not None and spell.aside and other not in self._idle

    def _set_apart(self) -> None:
        """Note which batteries stand aside."""
        self._apart = {
            direction: frozenset(
                key
                for (key, d), spell in self._spells.items()
                if d is direction and spell.aside
            )
            for direction in Direction
        }


def _summed(direction: Direction, scene: Scene) -> Limit:
    """Return the sum of the limits, as the original daemon reckons.

    It ANDs the enables: one battery that does not permit stops the bank. A lost one
    adds nothing: the others may have to bear all of it.
    """
    for battery in scene.online:
        if not permits(battery.readings, direction):
            return Limit(amps=0.0, rule=Rule.BATTERY, source=battery.id, number=0.0)
    allowances = scene.allowances(direction)
    total = sum(allowances[battery.id] for battery in scene.online)
    return Limit(amps=total, rule=Rule.BATTERIES, number=total)


def tighter(limit: Limit, other: Limit) -> Limit:
    """Return the lower of two limits; the first where they are equal."""
    return other if other.amps < limit.amps else limit
