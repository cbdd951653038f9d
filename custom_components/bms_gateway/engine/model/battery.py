"""One battery: what it reports, and its state."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .base import Direction


class Alarm(StrEnum):
    """What a battery can protect itself from or warn of."""

    CHARGE_CURRENT = "charge_current"
    DISCHARGE_CURRENT = "discharge_current"
    OVER_VOLTAGE = "over_voltage"
    UNDER_VOLTAGE = "under_voltage"
    OVER_TEMPERATURE = "over_temperature"
    UNDER_TEMPERATURE = "under_temperature"
    CHARGE_OVER_TEMPERATURE = "charge_over_temperature"
    CHARGE_UNDER_TEMPERATURE = "charge_under_temperature"
    IMBALANCE = "imbalance"
    CONTACTOR = "contactor"
    SHORT_CIRCUIT = "short_circuit"
    INTERNAL = "internal"
    """System error, internal communication."""
    GENERAL = "general"
    OTHER = "other"
    """A bit that no document names."""


class Dialect(StrEnum):
    """The relatives of the protocol that a battery may speak."""

    UNKNOWN = "unknown"
    PYLONTECH = "pylontech"
    VICTRON = "victron"
    DEYE = "deye"


class RejectedValue(NamedTuple):
    """A value that a battery reported and that is not believed: it never counts."""

    attribute: str
    """As in `Readings`."""
    value: float
    low: float
    high: float
    """The window in which it would be believed, in the value's own unit."""


class BatteryStatus(StrEnum):
    """Where a battery stands."""

    WAITING = "waiting"
    """Not one complete set yet."""
    ONLINE = "online"
    LOST = "lost"
    BRIDGING = "bridging"
    """Lost for so short a time that others go on: the last battery that was heard, or one
    whose short gaps are a habit."""
    REJOINING = "rejoining"
    """Speaks again, but not yet three whole telegrams without a gap."""
    OUT_OF_SERVICE = "out_of_service"
    DUPLICATE = "twin"
    """The same battery as another one: both ports are on one bus. It counts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a battery last said, each value only while it is fresh.

    Named by the field's own terms; every value is None while it is unknown.
    """

    charge_voltage_limit: float | None = None
    charge_current_limit: float | None = None
    discharge_current_limit: float | None = None
    discharge_voltage_limit: float | None = None
    soc: float | None = None
    soh: float | None = None
    voltage: float | None = None
    current: float | None = None
    temperature: float | None = None
    charge_enabled: bool | None = None
    discharge_enabled: bool | None = None
    force_charge: bool | None = None
    force_charge_2: bool | None = None
    full_charge: bool | None = None
    protections: frozenset[Alarm] | None = None
    warnings: frozenset[Alarm] | None = None
    flag_bytes: bytes | None = None
    """0x359 bytes 0 to 3, protections and warnings, as a Pylontech would send them."""
    charge_request: bool | None = None
    """Victron's 0x360: the battery asks for charge."""
    on_grid_charge_current_limit: float | None = None
    on_grid_discharge_current_limit: float | None = None
    """Deye's 0x371: what holds instead of 0x351 while the grid is there."""
    modules: int | None = None
    modules_online: int | None = None
    modules_blocking_charge: int | None = None
    modules_blocking_discharge: int | None = None
    modules_offline: int | None = None
    cell_voltage_min: float | None = None
    cell_voltage_max: float | None = None
    cell_temperature_min: float | None = None
    cell_temperature_max: float | None = None
    cell_voltage_min_id: str | None = None
    cell_voltage_max_id: str | None = None
    cell_temperature_min_id: str | None = None
    cell_temperature_max_id: str | None = None
    installed_ah: float | None = None
    remaining_ah: float | None = None
    cycles: int | None = None
    charged_kwh: float | None = None
    discharged_kwh: float | None = None
    name: str | None = None
    product: str | None = None
    version: str | None = None
    serial: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryState:
    """One battery at one moment."""

    id: str
    status: BatteryStatus
    capacity_ah: float
    """As configured: what the battery weighs in every mean."""
    readings: Readings = Readings()
    last: Readings = Readings()
    """What it said last, whether fresh or not: for loss policy `reduce` only."""
    cells: int | None = None
    """In series, by the highest charge voltage limit that it ever told."""
    largest_charge_limit: float = 0.0
    """A; the most that it ever allowed for charging."""
    largest_discharge_limit: float = 0.0
    dialect: Dialect = Dialect.UNKNOWN
    last_frame_at: float | None = None
    current_at: float | None = None
    """When the current was measured."""
    period: float | None = None
    """Seconds; how often the slowest of its limits and measurements comes."""
    limits_at: float | None = None
    """When its limits came last; of one that is not online, before it was lost."""
    lost_at: float | None = None
    telegrams: int = 0
    """Whole telegrams since the start."""
    losses: int = 0
    """Times that it was lost since the start."""
    gaps: int = 0
    """Times that it was lost for some seconds only, within the last hour."""
    habitual: bool = False
    """When it was lost last, gaps of few seconds were a habit of it."""
    current_share: float | None = None
    """The part of the bank's current that it is known to carry, 0 to 1."""
    circulating_current: float | None = None
    """A, charge positive; what circulates through it while the bank rests."""
    excluded: frozenset[Direction] = frozenset()
    """Directions in which it allows nothing and shows that it carries nothing."""
    odd_share: bool = False
    """It carries far more or less than its capacity's part: check the cabling."""
    wrong_sign: bool = False
    """It counts its current the other way round; the current is unknown."""
    carries_current_out_of_service: bool = False
    """It was taken out of service but carries current: it is reckoned with."""
    voltages: tuple[float, ...] = ()
    """V; the last five that it told without a gap, the newest at the end, whether fresh
    or not."""
    modules_most: int | None = None
    """The most modules that it had since the start; None: it does not tell."""
    modules_missing: int = 0
    """How many of them it does not count any more."""
    invalid: int = 0
    """Frames that held a value outside its window."""
    refused: tuple[RejectedValue, ...] = ()
    """What it needs to report to be online and reports outside its window now."""
    nominal: int | None = None
    """V; the nominal voltage by what was refused, if it is not a battery of 48 V."""
    receiving_since: float | None = None
    """When its first frame came after a silence of more than 30 s."""
    missing: frozenset[int] = frozenset()
    """IDs of alarms and enables that it used to send and does not any more."""
    has_duplicate_sender: bool = False
    """Somebody else sends its IDs on its bus, too: the lower of both limits holds."""
    soc_jumped_at: float | None = None
    """When its state of charge moved by more than any current explains; None: never."""
    inverter_detected: bool = False
    """Only an inverter was heard here lately: this is probably the wrong port."""
    duplicate_of: str | None = None
    """The id of the battery that is heard on this port, too."""

    @property
    def is_left_out(self) -> bool:
        """Whether it is meant to be no part of the bank, lost or not."""
        return self.status in (BatteryStatus.OUT_OF_SERVICE, BatteryStatus.DUPLICATE)

    @property
    def available_ah(self) -> float:
        """Return its capacity in Ah without the modules that are missing."""
        if not self.modules_missing or not self.modules_most:
            return self.capacity_ah
        left = self.modules_most - self.modules_missing
        return self.capacity_ah * left / self.modules_most

    @property
    def online(self) -> bool:
        """Return whether its values count now."""
        return self.status is BatteryStatus.ONLINE
