"""Allocation requests of all inverters: how much of the bank limits each can take."""

from .config import GatewayConfig
from .devices import Devices
from .inverter.allocation import AllocationRequest, AllocationRequests
from .limits.bank_limits import BankLimits
from .model import Direction
from .setpoints import AllSetpoints


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
        devices.inverters[key].allocation_request(
            direction,
            setpoints.requested(key, direction, now, bank_limits.volts),
            flowing,
            now,
        )
        for key in ids
    ] + [
        inverter.last_allocation_request(direction, now)
        for inverter in devices.departed(now)
    ]
