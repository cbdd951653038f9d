"""The bank: the virtual battery, its limits, and the rule behind each limit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .battery import Alarm


class Rule(StrEnum):
    """The rules that can bind a limit, shown as "limited by"."""

    NONE = "none"
    BATTERIES = "batteries"
    """The sum of the batteries' limits."""
    BATTERY = "battery"
    """One battery, through its share of the current."""
    TOTAL = "total"
    """The gateway's total limit."""
    SETPOINT = "setpoint"
    TEMPORARY_LIMIT = "temporary_limit"
    UNMANAGED = "unmanaged"
    """Current flows that no inverter was permitted."""
    OVER_LIMIT = "over_limit"
    """A battery carries more than it allows."""
    IN_SERVICE = "in_service"
    """The inverter was taken out of service."""
    BELOW_MINIMUM = "below_minimum"
    """The limit is too low to be worth sending."""
    LOSS = "loss"
    """A lost battery, by the loss policy."""
    BRIDGING = "bridging"
    """The last battery is briefly silent, or one with habitual gaps."""
    VOLTAGE = "voltage"
    """The bank's voltage is above the lowest battery's charge voltage limit."""
    RATING = "rating"
    """The inverter's rated current."""
    SHARING = "sharing"
    """The inverter's part of the bank limit."""
    RAMP = "ramp"
    """A higher limit that has to hold before it ramps up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A current limit in one direction, with the rule that binds it."""

    amps: float
    """A, at least 0, in the direction's own sense."""
    rule: Rule = Rule.NONE
    source: str | None = None
    """The source of the binding rule, if it has one: the id of a battery or inverter,
    the key of a setpoint (`setpoints.SetpointKey`) or the owner of a temporary
    limit."""
    device: str | None = None
    """The inverter whose own rule binds: its rating, setpoint or temporary limit; None:
    the bank's."""
    number: float | None = None
    """The figure of the binding rule: that battery's limit, the setpoint, …"""


class Status(StrEnum):
    """The state of a gateway."""

    STARTING = "starting"
    """Nothing is sent: not every battery has reported yet."""
    RUNNING = "running"
    REDUCED = "reduced"
    """A battery is lost; the others continue."""
    BRIDGING = "bridging"
    """No battery is received, for seconds: discharging continues with a falling
    limit."""
    BLOCKED = "blocked"
    """A loss policy sets 0 A in at least one direction."""
    SILENT = "not_sending"
    """Nothing is sent: no battery is online, or a loss policy requires it."""
    MIXED_VOLTAGES = "mixed_voltages"
    """Nothing is sent: the batteries do not have the same nominal voltage."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing is sent although the batteries had time to report."""
        return self in (Status.SILENT, Status.MIXED_VOLTAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankState:
    """The virtual battery: all batteries of the bank as one."""

    soc: float | None = None
    soc_min: float | None = None
    soc_max: float | None = None
    soh: float | None = None
    soh_min: float | None = None
    soh_max: float | None = None
    voltage: float | None = None
    voltage_spread: float | None = None
    current: float | None = None
    """A, charge positive; as shown and sent, with the configured factor and offset. The
    limits follow from `BankLimits.current`, without them."""
    current_estimated: bool = False
    """Whether a battery's current is unknown. It is then estimated by the battery's
    current share: leaving it out would hide a load from the inverters."""
    power: float | None = None
    temperature: float | None = None
    temperature_min: float | None = None
    temperature_max: float | None = None
    cell_voltage_min: float | None = None
    cell_voltage_max: float | None = None
    cell_temperature_min: float | None = None
    cell_temperature_max: float | None = None
    cell_voltage_min_id: str | None = None
    cell_voltage_max_id: str | None = None
    cell_temperature_min_id: str | None = None
    cell_temperature_max_id: str | None = None
    """The cells with these extremes, as their batteries name them."""
    capacity_ah: float | None = None
    """As configured, less the modules that are missing."""
    remaining_ah: float | None = None
    capacity_kwh: float | None = None
    stored_kwh: float | None = None
    """By nominal voltages."""
    time_to_full: float | None = None
    time_to_empty: float | None = None
    """Seconds, if the current stays at its recent mean; unknown at rest."""
    modules: int | None = None
    charge_voltage_limit: float | None = None
    """The lowest of the batteries'."""
    discharge_voltage_limit: float | None = None
    """The highest of the batteries'."""
    force_charge: bool | None = None
    force_charge_2: bool | None = None
    full_charge: bool | None = None
    protections: frozenset[Alarm] | None = None
    warnings: frozenset[Alarm] | None = None
    name: str | None = None
    """The name of the first battery that reports one."""


NO_BANK: Final = BankState()
