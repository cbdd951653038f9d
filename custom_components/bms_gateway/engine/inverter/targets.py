"""What each inverter may be told now: its part of the bank's verdict, as a telegram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..config import GatewayConfig, InverterConfig
from ..limits.evaluation import Verdict
from ..model import Direction, Limit, Rule, Telegram
from ..rounding import round_down
from .allocation import Claim, may_tell, share

type Claims = Mapping[Direction, Sequence[Claim]]

_SAME: Final = 0.05
"""A; half a count: nearer limits are the same one."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one inverter may be told now, and the rule behind each of its limits."""

    telegram: Telegram
    limits: Mapping[Direction, Limit]


def offer(
    config: GatewayConfig, index: int, verdict: Verdict, claims: Claims
) -> Offer | None:
    """Return what one inverter may be told of the verdict; None: nothing may be told.

    `index`: its place in the configuration; `claims`: of every inverter in that order,
    per direction.
    """
    if not verdict.speaks or verdict.limits is None:
        return None
    targets = {d: share(verdict.limits[d].amps, claims[d]) for d in Direction}
    inverter = config.inverters[index]
    limits = {
        d: _limit(inverter.id, index, targets[d][index], verdict.limits[d], claims[d])
        for d in Direction
    }
    part = _part(index, verdict.current, targets, claims)
    return Offer(_telegram(config, inverter, verdict, limits, part), limits)


def is_block(told: Telegram | None) -> bool:
    """Return whether an inverter was told 0 A in both directions."""
    return told is not None and not (
        told.charge_current_limit or told.discharge_current_limit
    )


def _limit(
    key: str, index: int, target: float, bank: Limit, claims: Sequence[Claim]
) -> Limit:
    """Return what one inverter (its id, its place) may be told now, and why."""
    claim = claims[index]
    amps = may_tell(index, target, bank.amps, claims)
    if amps < target - _SAME:
        return Limit(amps=amps, rule=Rule.SHARING, number=target)
    if target >= claim.cap - _SAME and claim.cap < bank.amps:
        return Limit(
            amps=amps,
            rule=claim.rule,
            source=claim.source,
            device=key,
            number=claim.cap,
        )
    if target == 0.0 < bank.amps and claim.reachable:
        return Limit(amps=amps, rule=Rule.NEAR_ZERO, number=bank.amps)
    return replace(bank, amps=amps)


def _part(
    index: int,
    current: float | None,
    targets: Mapping[Direction, Sequence[float]],
    claims: Claims,
) -> float:
    """Return an inverter's part of the current: as of the limit, else of the weights."""
    discharges = current is not None and current < 0
    direction = Direction.DISCHARGE if discharges else Direction.CHARGE
    parts = list(targets[direction])
    if sum(parts) <= 0:
        parts = [claim.weight for claim in claims[direction]]
    total = sum(parts)
    return parts[index] / total if total > 0 else 1 / len(parts)


def _telegram(
    config: GatewayConfig,
    inverter: InverterConfig,
    verdict: Verdict,
    limits: Mapping[Direction, Limit],
    part: float,
) -> Telegram:
    """Write what one inverter is told; limits are cut to whole counts."""
    bank = verdict.bank
    factor = part if inverter.current_factor is None else inverter.current_factor
    forwards = config.forward_requests
    return Telegram(
        charge_voltage_limit=round_down(_required(verdict.charge_voltage_limit)),
        charge_current_limit=limits[Direction.CHARGE].amps,
        discharge_current_limit=limits[Direction.DISCHARGE].amps,
        soc=_required(bank.soc),
        voltage=_required(bank.voltage),
        charge_enabled=Direction.CHARGE in verdict.enabled,
        discharge_enabled=Direction.DISCHARGE in verdict.enabled,
        soh=bank.soh,
        discharge_voltage_limit=_required(verdict.discharge_voltage_limit),
        current=(
            None
            if bank.current is None
            else factor * bank.current + inverter.current_offset
        ),
        temperature=verdict.temperature,
        force_charge=forwards and bool(bank.force_charge),
        force_charge_2=forwards and bool(bank.force_charge_2),
        full_charge=forwards and bool(bank.full_charge),
        protections=verdict.raised.protections,
        warnings=verdict.raised.warnings,
        modules=bank.modules,
        name=bank.name,
        cell_voltage_min=bank.cell_voltage_min,
        cell_voltage_max=bank.cell_voltage_max,
        cell_temperature_min=bank.cell_temperature_min,
        cell_temperature_max=bank.cell_temperature_max,
        capacity_ah=bank.capacity_ah,
    )


def _required(value: float | None) -> float:
    """Return a value without which nothing is sent (Verdict.speaks)."""
    if value is None:
        msg = "a required value is unknown"
        raise ValueError(msg)
    return value
