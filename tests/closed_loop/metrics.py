"""Figures of a run: overload, swings, energy moved, needless blackouts."""

from dataclasses import dataclass, field
from typing import Final

from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.tolerances import TOLERANCE

from .ideal import Ideal, ideal
from .loop import TICK, Loop

EVERY: Final = 5
"""Turns between two samples."""
GRACE: Final = 5.0
GRACE_PART: Final = 0.05
"""A, and of the battery's largest limit: less above the limit is no overload."""
STRICT_GRACE: Final = 1.0
STRICT_GRACE_PART: Final = 0.02
"""The same, where it is looked at strictly."""
SWING: Final = 0.1
"""The part of the limit by which it has to turn back to count as a swing."""
LEAST_SWING: Final = 2.0
"""A; less is no swing."""
BEGUN: Final = 20.0
"""Seconds that the start may take, before swings are counted, and energy."""
SETTLED: Final = 300.0
"""Seconds after which a blackout is needless; strictly it is so once it has begun."""
WORTH: Final = 3.0
"""A per inverter; less is sent as 0 by rule. (A current just below it for the gateway may
really be just above it, by the error of a current meter.)"""


@dataclass(slots=True)
class Swings:
    """How often a limit turns back by more than SWING."""

    count: int = 0
    _furthest: float | None = None
    _rising: bool = False

    def follow(self, limit: float) -> None:
        """Take the present limit, in A."""
        if self._furthest is None:
            self._furthest = limit
        turned = limit - self._furthest if not self._rising else self._furthest - limit
        if turned < 0:
            self._furthest = limit
        elif turned > max(SWING * max(limit, self._furthest), LEAST_SWING):
            self.count += 1
            self._furthest, self._rising = limit, not self._rising


@dataclass(slots=True)
class Figures:
    """One direction of one run: A·s over, swings, A·s moved and possible."""

    over: float = 0.0
    least_over: float = 0.0
    """A·s by which the bank is over although the inverters are sent the possible limit: they
    take their time to follow when it falls."""
    worst: float = 0.0
    """A; the highest excess of a battery at any time."""
    sent: Swings = field(default_factory=Swings)
    possible_limit: Swings = field(default_factory=Swings)
    """Of the physical optimum: a rule that knew everything would swing as often."""
    moved: float = 0.0
    possible: float = 0.0
    blackout: float = 0.0
    """s in which 0 A was sent although more was possible and wanted."""


class Meter:
    """Watches a loop; call it after each turn."""

    def __init__(
        self, loop: Loop, *, energy_from: float = BEGUN, strict: bool = False
    ) -> None:
        """Begin to measure; energy counts from that many seconds after the start."""
        self._grace = STRICT_GRACE if strict else GRACE
        self._grace_part = STRICT_GRACE_PART if strict else GRACE_PART
        self._settled = BEGUN if strict else SETTLED
        self._energy_from = energy_from
        self.figures = {d: Figures() for d in Direction}
        self._loop = loop
        self._turns = 0
        self._inverters = loop.simulator.inverters.values()
        self._lag = max(i.inverter.lag for i in self._inverters)
        self._following = 0.0
        """A; the current if the inverters were sent the possible limit."""

    def __call__(self) -> None:
        """Take one sample every EVERY turns."""
        self._turns += 1
        if self._turns % EVERY:
            return
        dt = EVERY * TICK
        batteries = tuple(self._loop.batteries.values())
        possible = {d: ideal(batteries, d) for d in Direction}
        demand, unmanaged = self._demand(), self._loop.simulator.unmanaged
        lowest = -possible[Direction.DISCHARGE].bank
        wanted = min(max(demand + unmanaged, lowest), possible[Direction.CHARGE].bank)
        self._following += (wanted - self._following) * min(dt / self._lag, 1.0)
        for direction, figures in self.figures.items():
            self._overload(direction, figures, possible[direction], dt)
            if self._loop.at > BEGUN:
                self._sample(direction, figures, possible[direction].bank, dt)
            left = possible[direction].bank - direction.sign * unmanaged
            if self._loop.at > self._settled and self._is_dark(direction, left, demand):
                figures.blackout += dt

    def _overload(
        self, direction: Direction, figures: Figures, possible: Ideal, dt: float
    ) -> None:
        batteries = self._loop.batteries.values()
        for battery, allowed in zip(batteries, possible.batteries, strict=True):
            grace = max(self._grace, self._grace_part * battery.largest(direction))
            excess = direction.sign * battery.cells.current - allowed - grace
            figures.over += max(0.0, excess) * dt
            figures.worst = max(figures.worst, excess)

    def _sample(
        self, direction: Direction, figures: Figures, possible: float, dt: float
    ) -> None:
        figures.sent.follow(self._loop.limit(direction))
        figures.possible_limit.follow(possible)
        largest = sum(b.largest(direction) for b in self._loop.batteries.values())
        grace = max(self._grace, self._grace_part * largest)
        excess = direction.sign * self._following - max(possible, 0.0) - grace
        figures.least_over += max(0.0, excess) * dt
        if self._loop.at > self._energy_from:
            current = direction.sign * self._loop.simulator.current
            figures.moved += max(0.0, current) * dt
            figures.possible += max(0.0, direction.sign * self._following) * dt

    def _is_dark(self, direction: Direction, possible: float, demand: float) -> bool:
        worth = WORTH * len(self._inverters) + TOLERANCE
        wanted = min(possible, direction.sign * demand)
        return wanted > worth and self._loop.sent(direction) <= 0

    def _demand(self) -> float:
        """Return the demand of the house, within the inverters' ratings, in A."""
        volts = self._loop.simulator.voltage or 51.2
        at = self._loop.at
        return sum(
            min(
                max(i.demand(at) / volts, -i.inverter.rated_discharge),
                i.inverter.rated_charge,
            )
            for i in self._inverters
        )
