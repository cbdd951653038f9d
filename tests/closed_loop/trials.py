"""Trials: random banks under random houses, by one of the rules, with one trouble."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from custom_components.bms_gateway.engine.config import Strategy
from custom_components.bms_gateway.engine.model import Direction
from custom_components.bms_gateway.engine.simulator import Inverter, SimulatedInverter

from .banks import CautiousBattery, battery, random_bank
from .demand import House
from .kinds import KINDS, OddBattery, trouble
from .loop import Loop
from .metrics import BEGUN, Figures, Meter
from .rules import RuleSet, use_capacity_share

LENGTH: Final = 2400.0
"""Seconds of one trial."""
_LEARNING: Final = 1000
"""Added to the seed of the house in which current shares are learned beforehand."""


@dataclass(frozen=True)
class Trial:
    """One bank, one house, one lag of the inverters (s), one rule, one kind."""

    seed: int
    lag: float
    rule: RuleSet
    length: float = LENGTH
    energy_from: float = BEGUN
    """Seconds after the start from which on energy is counted."""
    kind: str = "plain"
    """Key of KINDS: the fault that happens."""
    strict: bool = False
    """Whether little is an overload, and each blackout needless (metrics)."""

    def run(self) -> dict[Direction, Figures]:
        """Return the figures of each direction."""
        learned = None
        if self.rule is RuleSet.LEARNED:
            before = self.loop(house=self.seed + _LEARNING)
            before.run(self.length)
            learned = before.gateway.learned
        loop = self.loop(house=self.seed, learned=learned)
        meter = Meter(loop, energy_from=self.energy_from, strict=self.strict)
        loop.run(self.length, trouble(KINDS[self.kind], loop, self.seed, meter))
        return meter.figures

    def loop(self, *, house: int, learned: Mapping[str, float] | None = None) -> Loop:
        """Return the loop at its start; `house`: the seed of the demand."""
        odd = KINDS[self.kind].make
        batteries = [
            battery(f"battery {k}", odd(make), 100 * self.seed + k, OddBattery)
            for k, make in enumerate(random_bank(self.seed))
        ]
        loop = Loop(
            batteries,
            self._inverters(batteries, house),
            learned=learned,
            strategy=Strategy.SUM if self.rule is RuleSet.SUM else Strategy.SHARE,
        )
        if self.rule is RuleSet.CAPACITY:
            use_capacity_share(loop)
        return loop

    def _inverters(
        self, batteries: Sequence[CautiousBattery], house: int
    ) -> list[SimulatedInverter]:
        """Return inverters of about the size of the bank, all in the same house."""
        rng = Random(self.seed)
        count = rng.choice((1, 1, 2, 3))
        size = rng.uniform(0.8, 1.5) / count
        charge, discharge = (
            round(size * sum(b.largest(direction) for b in batteries))
            for direction in (Direction.CHARGE, Direction.DISCHARGE)
        )
        inverter = Inverter(
            rated_charge=charge, rated_discharge=discharge, lag=self.lag
        )
        demand = House(charge, discharge, house, self.length)
        return [
            SimulatedInverter(f"inverter {k}", inverter, demand) for k in range(count)
        ]
