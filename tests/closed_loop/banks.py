"""Random banks: unequal packs, slow senders, tapering limits, one-way paths."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, override

from custom_components.bms_gateway.engine.model import Direction, Telegram
from custom_components.bms_gateway.engine.rounding import round_down
from custom_components.bms_gateway.engine.simulator import (
    Bms,
    Pack,
    SimulatedBattery,
    TelegramTiming,
)
from custom_components.bms_gateway.engine.simulator.bms import limits

MARGIN: Final = 20.0
"""The loop's batteries bear that many times what they allow before they trip: a rule
that overloads them is seen in the figures, not in a battery that has left."""
NOISE: Final = 0.15
"""A, the standard deviation of a measured current."""
_LIMITS: Final = ("charge_current_limit", "discharge_current_limit")


class CautiousBattery(SimulatedBattery):
    """A battery that reports lower limits than it tolerates."""

    @override
    def telegram(self) -> Telegram:
        """Return the present telegram."""
        return _cautious(super().telegram(), self.overrides.keys())

    def allows(self, direction: Direction) -> float:
        """Return the current it really allows now, in A."""
        charge, discharge = limits(self.bms, self.state, self.pack, self.cells)
        if direction is Direction.CHARGE:
            return self.overrides.get(
                "charge_current_limit", round_down(charge / MARGIN)
            )
        return self.overrides.get(
            "discharge_current_limit", round_down(discharge / MARGIN)
        )

    def largest(self, direction: Direction) -> float:
        """Return the highest current it ever allows, in A."""
        charge = direction is Direction.CHARGE
        return (self.bms.max_charge if charge else self.bms.max_discharge) / MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """One battery of a bank; currents in A, times in s, `soc` in %."""

    pack: Pack
    bms: Bms
    timing: TelegramTiming
    soc: float


def random_bank(seed: int) -> list[Make]:
    """Return the batteries of one bank; another seed gives another one."""
    rng = Random(seed)
    base = rng.choice((rng.uniform(4, 20), rng.uniform(20, 80), rng.uniform(80, 97)))
    return [_make(rng, base) for _ in range(rng.choice((2, 2, 3, 3, 4, 5)))]


def battery[B: CautiousBattery](key: str, make: Make, seed: int, kind: type[B]) -> B:
    """Return a battery of this make; `seed` for the noise it measures."""
    return kind(
        key, make.pack, make.bms, soc=make.soc, timing=make.timing, rng=Random(seed)
    )


def cautious_bms(charge: float, discharge: float, **options: Any) -> Bms:
    """Return a BMS that reports these limits (A) and tolerates MARGIN times as much."""
    return Bms(
        max_charge=charge * MARGIN,
        max_discharge=discharge * MARGIN,
        **{"noise": NOISE, **options},
    )


def _make(rng: Random, base: float) -> Make:
    capacity = rng.choice((50.0, 100.0, 100.0, 150.0, 200.0, 280.0, 300.0))
    resistance = rng.uniform(0.012, 0.04) * 100 / capacity
    period = 10 ** rng.uniform(0, 1)
    return Make(
        pack=Pack(
            capacity_ah=capacity,
            resistance=resistance,
            polarisation_resistance=resistance * rng.uniform(0.2, 0.8),
            polarisation_time=rng.uniform(60, 300),
        ),
        bms=cautious_bms(
            round(capacity * rng.uniform(0.1, 0.8)),
            round(capacity * rng.uniform(0.2, 1.0)),
            opens_at_end=rng.random() < 0.6,
            full_below=rng.uniform(95, 99),
            empty_above=rng.uniform(2, 6),
        ),
        timing=TelegramTiming(
            period=period, phase=rng.uniform(0, period), frame_gap=0.0
        ),
        soc=min(max(base + rng.uniform(-7, 7), 1.0), 99.0),
    )


def _cautious(reported: Telegram, overridden: Collection[str]) -> Telegram:
    """Return the reported form of limits that are MARGIN times too high."""
    changes: dict[str, Any] = {
        name: round_down(getattr(reported, name) / MARGIN)
        for name in _LIMITS
        if name not in overridden
    }
    return replace(reported, **changes)
