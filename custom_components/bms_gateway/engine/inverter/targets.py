"""The inverter targets: each inverter's part of the bank limits, as a telegram."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..aggregate.mixed_voltages import bank_voltage_of
from ..config import GatewayConfig, InverterConfig
from ..limits.bank_limits import BankLimits
from ..limits.rule_inputs import apply_rules, tighter
from ..model import Direction, Limit, Telegram
from ..rounding import round_down
from .allocation import Allocation
from .presentation import presented
from .rules import SHARING_RULES, InverterInputs


@dataclass(frozen=True, slots=True)
class InverterTarget:
    """What may be sent to one inverter now, and the rule behind each limit."""

    telegram: Telegram
    limits: Mapping[Direction, Limit]


def target_for(
    config: GatewayConfig, index: int, bank_limits: BankLimits, allocation: Allocation
) -> InverterTarget | None:
    """Return the target of one inverter; None: send nothing.

    `index`: its place in the configuration.
    """
    if not bank_limits.may_be_sent or bank_limits.limits is None:
        return None
    inverter = config.inverters[index]
    if not inverter.preset.accepts(bank_voltage_of(bank_limits.batteries.values())):
        return None
    limits = {
        d: _limit(inverter, d, bank_limits.limits[d], index, allocation)
        for d in Direction
    }
    part = _part(index, bank_limits.current, allocation)
    telegram = presented(
        _telegram(config, inverter, bank_limits, limits, part),
        inverter.preset,
        is_full=bank_limits.is_full,
        charge_stop_voltage=bank_limits.charge_stop_voltage,
    )
    return None if telegram is None else InverterTarget(telegram, limits)


def is_block(confirmed: Telegram | None) -> bool:
    """Return whether a confirmed telegram is 0 A in both directions."""
    return confirmed is not None and not any(map(confirmed.permits, Direction))


def _limit(
    config: InverterConfig,
    direction: Direction,
    bank: Limit,
    index: int,
    allocation: Allocation,
) -> Limit:
    """Return the limit for one inverter now, with the rule that binds."""
    own = allocation.requests[direction][index].own(config.id)
    inputs = InverterInputs(
        config=config,
        direction=direction,
        bank=bank,
        index=index,
        allocation=allocation,
    )
    return apply_rules(SHARING_RULES, inputs, tighter(bank, own))


def _part(index: int, current: float | None, allocation: Allocation) -> float:
    """Return an inverter's part of the current: by its limit, else by its weight."""
    discharges = current is not None and current < 0
    direction = Direction.DISCHARGE if discharges else Direction.CHARGE
    parts = list(allocation.targets[direction])
    if sum(parts) <= 0:
        parts = [request.weight for request in allocation.requests[direction]]
    total = sum(parts)
    return parts[index] / total if total > 0 else 1 / len(parts)


def _telegram(
    config: GatewayConfig,
    inverter: InverterConfig,
    bank_limits: BankLimits,
    limits: Mapping[Direction, Limit],
    part: float,
) -> Telegram:
    """Return one inverter's telegram; limits are rounded down to whole steps."""
    bank = bank_limits.bank
    factor = part if inverter.current_factor is None else inverter.current_factor
    forwards = config.forward_requests
    return Telegram(
        charge_voltage_limit=round_down(_required(bank_limits.charge_voltage_limit)),
        charge_current_limit=limits[Direction.CHARGE].amps,
        discharge_current_limit=limits[Direction.DISCHARGE].amps,
        soc=_required(bank.soc),
        voltage=_required(bank.voltage),
        charge_enabled=Direction.CHARGE in bank_limits.enabled,
        discharge_enabled=Direction.DISCHARGE in bank_limits.enabled,
        soh=bank.soh,
        discharge_voltage_limit=_required(bank_limits.discharge_voltage_limit),
        current=(
            None
            if bank.current is None
            else factor * bank.current + inverter.current_offset
        ),
        temperature=bank_limits.temperature,
        force_charge=forwards and bool(bank.force_charge),
        force_charge_2=forwards and bool(bank.force_charge_2),
        full_charge=forwards and bool(bank.full_charge),
        protections=bank_limits.raised.protections,
        warnings=bank_limits.raised.warnings,
        modules=bank.modules,
        name=bank.name,
        cell_voltage_min=bank.cell_voltage_min,
        cell_voltage_max=bank.cell_voltage_max,
        cell_temperature_min=bank.cell_temperature_min,
        cell_temperature_max=bank.cell_temperature_max,
        cell_voltage_min_id=bank.cell_voltage_min_id,
        cell_voltage_max_id=bank.cell_voltage_max_id,
        cell_temperature_min_id=bank.cell_temperature_min_id,
        cell_temperature_max_id=bank.cell_temperature_max_id,
        capacity_ah=bank.capacity_ah,
    )


def _required(value: float | None) -> float:
    """Return a value without which nothing is sent (`BankLimits.may_be_sent`)."""
    if value is None:
        msg = "a required value is unknown"
        raise ValueError(msg)
    return value
