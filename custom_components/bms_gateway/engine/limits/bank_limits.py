"""The limits of all inverters together: the result of an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model import NO_BANK, BankState, BatteryState, Direction, Limit, Status
from .alarms import NOTHING_RAISED, Raised


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLimits:
    """The limits for all inverters together, with what a telegram needs."""

    status: Status
    batteries: Mapping[str, BatteryState] = field(default_factory=dict)
    bank: BankState = NO_BANK
    current: float | None = None
    """A, charge positive; the bank's current as measured. None: unknown."""
    volts: float | None = None
    """The bank's voltage by which watts are converted: the higher one of the reported
    value and the one without outliers, so that no limit in W is exceeded."""
    limits: Mapping[Direction, Limit] | None = None
    enabled: frozenset[Direction] = frozenset()
    charge_voltage_limit: float | None = None
    charge_stop_voltage: float | None = None
    """V; a charge voltage limit that ends charging without discharging the pack."""
    discharge_voltage_limit: float | None = None
    is_full: bool = False
    """Whether the bank is really full, and not only counts to 100 %."""
    temperature: float | None = None
    """°C, as sent: where no battery reports its own it may be that of the cells, or an
    earlier one."""
    raised: Raised = NOTHING_RAISED
    awaits: bool = False
    """Whether the lost batteries are awaited because short gaps are habitual for
    them."""

    @property
    def bridges(self) -> bool:
        """Return whether a gap is bridged, after which no limit has to ramp."""
        return self.awaits or self.status is Status.BRIDGING

    @property
    def may_be_sent(self) -> bool:
        """Return whether enough is known and allowed to be sent."""
        if self.status is Status.STARTING or self.status.is_silent:
            return False
        return None not in (
            self.limits,
            self.charge_voltage_limit,
            self.discharge_voltage_limit,
            self.bank.soc,
            self.bank.voltage,
        )
