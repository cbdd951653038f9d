"""Everything the gateway knows at one time: the engine's only output."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .bank import NO_BANK, BankState, Limit, Status
from .base import Direction
from .battery import BatteryState
from .can import PortState
from .inverter import InverterState


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the gateway knows at one time, for the integration to show."""

    at: float
    status: Status
    bank: BankState = NO_BANK
    charge: Limit | None = None
    discharge: Limit | None = None
    """The bank's limits; None: unknown."""
    charge_voltage_limit: float | None = None
    discharge_voltage_limit: float | None = None
    """As sent, after every rule."""
    batteries: Mapping[str, BatteryState] = field(default_factory=dict)
    inverters: Mapping[str, InverterState] = field(default_factory=dict)
    ports: Mapping[str, PortState] = field(default_factory=dict)
    """By the id of the battery or inverter whose port it is."""
    excess: Mapping[Direction, float] = field(default_factory=dict)
    """A; the sum that unreachable inverters were sent above the bank limit, where there
    is one: the only fault that cannot be corrected from here."""
