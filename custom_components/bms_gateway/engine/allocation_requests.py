"""Allocation requests of all inverters: how much of the bank limits each can take."""

from math import inf
from typing import Final

from .config import GatewayConfig
from .devices import Devices
from .inverter.allocation import AllocationRequest, AllocationRequests
from .inverter.inverter import Inverter
from .inverter.rules import OWN_RULES, InverterInputs, rating
from .limits.bank_limits import BankLimits
from .limits.rule_inputs import NO_LIMIT, apply_rules
from .model import Direction
from .ramp import RAMP_TIME
from .setpoints import AllSetpoints, RequestedLimit

MIN_RAMP_STEP: Final = 0.1
"""A from one telegram to the next: limits are sent in steps of 0.1 A, and a ramp in
smaller steps would never add up."""


def allocation_requests(
    config: GatewayConfig,
    devices: Devices,
    setpoints: AllSetpoints,
    bank_limits: BankLimits,
    now: float,
) -> AllocationRequests:
    """Return every inverter's request, followed by those of removed inverters."""
    return {
        direction: _requests(direction, config, devices, setpoints, bank_limits, now)
        for direction in Direction
    }


def allocation_request(
    inverter: Inverter,
    direction: Direction,
    requested: RequestedLimit | None,
    flowing: float,
    now: float,
) -> AllocationRequest:
    """Return the current that an inverter can take, and may still act on.

    `requested`: the lowest of its setpoint and temporary limits. `flowing`: A of its
    own share that flow already, from which a ramp may start.
    """
    inputs = InverterInputs(
        config=inverter.config,
        direction=direction,
        bank=NO_LIMIT,
        requested=requested,
        in_service=inverter.in_service,
    )
    own = apply_rules(OWN_RULES, inputs, NO_LIMIT)
    rated = rating(inputs, NO_LIMIT).amps
    limits = inverter.sent_limits
    sent = limits.amps(direction)
    ceiling = inf
    if limits.confirmed is not None:
        step = max(rated / RAMP_TIME * (now - limits.confirmed_at), MIN_RAMP_STEP)
        ceiling = max(sent, flowing, inverter.limits_before_gap.amps(direction)) + step
    return AllocationRequest(
        weight=rated,
        cap=own.amps,
        rule=own.rule,
        source=own.source,
        sent=sent,
        at_least=limits.at_least(direction),
        reserved=limits.reserved(direction, now),
        ceiling=ceiling,
        reachable=inverter.reachable,
        active_at=limits.active_at(direction),
    )


def request_of_removed(
    inverter: Inverter, direction: Direction, now: float
) -> AllocationRequest:
    """Return the request of a removed inverter: what stays reserved for it."""
    reserved = inverter.sent_limits.reserved(direction, now)
    return AllocationRequest(weight=0.0, cap=0.0, reserved=reserved, reachable=False)


def _requests(
    direction: Direction,
    config: GatewayConfig,
    devices: Devices,
    setpoints: AllSetpoints,
    bank_limits: BankLimits,
    now: float,
) -> list[AllocationRequest]:
    ids = [inverter.id for inverter in config.inverters]
    flowing = 0.0
    if direction is Direction.DISCHARGE:
        flowing = max(0.0, -(bank_limits.current or 0.0)) / len(ids)
    return [
        allocation_request(
            devices.inverters[key],
            direction,
            setpoints.requested(key, direction, now, bank_limits.volts),
            flowing,
            now,
        )
        for key in ids
    ] + [
        request_of_removed(inverter, direction, now)
        for inverter in devices.departed(now)
    ]
