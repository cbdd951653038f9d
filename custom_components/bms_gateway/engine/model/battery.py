"""One battery: the values that it reports, and its state."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .base import Direction


class Alarm(StrEnum):
    """The conditions that a battery protects itself from or warns of."""

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
    """System error, internal communication error."""
    GENERAL = "general"
    OTHER = "other"
    """A bit that no document names."""


class Dialect(StrEnum):
    """The variants of the protocol that batteries use."""

    UNKNOWN = "unknown"
    PYLONTECH = "pylontech"
    VICTRON = "victron"
    DEYE = "deye"
    LUXPOWER = "luxpower"

    @property
    def brand(self) -> str:
        """Return the name of its maker, the same in any language."""
        return "LuxPower" if self is Dialect.LUXPOWER else self.capitalize()


class RejectedValue(NamedTuple):
    """A value that was reported but not accepted: it never counts."""

    attribute: str
    """As in `Readings`."""
    value: float
    low: float
    high: float
    """The window in which it would be believed, in the value's own unit."""


class BatteryStatus(StrEnum):
    """The status of one battery."""

    WAITING = "waiting"
    """No complete telegram yet."""
    ONLINE = "online"
    LOST = "lost"
    BRIDGING = "bridging"
    """Lost so recently that the bank continues: it is the last battery that was
    received, or one with habitual gaps."""
    REJOINING = "rejoining"
    """Sends again, but not yet three whole telegrams without a gap."""
    OUT_OF_SERVICE = "out_of_service"
    DUPLICATE = "duplicate"
    """The same battery as another one, received on two ports of one bus. It counts
    once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The last values of a battery, each only while it is fresh.

    Named with the field's terms; every value is None while it is unknown.
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
    """0x359 bytes 0 to 3, protections and warnings, as a Pylontech sends them."""
    charge_request: bool | None = None
    """Victron's 0x360: the battery requests charging."""
    heating_request: bool | None = None
    """Deye's 0x35C: the battery requests heating."""
    on_grid_charge_current_limit: float | None = None
    on_grid_discharge_current_limit: float | None = None
    """Deye's 0x371: replaces the limits of 0x351 while the grid is present."""
    modules: int | None = None
    modules_online: int | None = None
    modules_blocking_charge: int | None = None
    modules_blocking_discharge: int | None = None
    modules_offline: int | None = None
    module_map: str | None = None
    """Seplos' 0x359 byte 7 as eight binary digits: the addresses that are online."""
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
    """One battery at one time."""

    id: str
    status: BatteryStatus
    capacity_ah: float
    """As configured: the battery's weight in every mean."""
    readings: Readings = Readings()
    last: Readings = Readings()
    """Its last values, fresh or not: for loss policy `reduce` only."""
    cells: int | None = None
    """Cells in series, by the highest charge voltage limit that it ever reported."""
    largest_charge_limit: float = 0.0
    """A; the most that it ever allowed for charging."""
    largest_discharge_limit: float = 0.0
    dialect: Dialect = Dialect.UNKNOWN
    """As chosen, otherwise as recognised."""
    contradicting: Dialect | None = None
    """The dialect that its frames have shown for a minute in spite of the chosen one."""
    last_frame_at: float | None = None
    current_at: float | None = None
    """When the current was measured."""
    period: float | None = None
    """Seconds; the period of the slowest of its limits and measurements."""
    limits_at: float | None = None
    """When its limits came last; if it is not online, the last time before it was
    lost."""
    lost_at: float | None = None
    telegrams: int = 0
    """Whole telegrams since the start."""
    losses: int = 0
    """Number of losses since the start."""
    gaps: int = 0
    """Number of losses of a few seconds only, within the last hour."""
    habitual: bool = False
    """At its last loss, short gaps were habitual."""
    current_share: float | None = None
    """The known part of the bank current that it carries, 0 to 1."""
    circulating_current: float | None = None
    """A, charge positive; its current while the bank rests."""
    excluded: frozenset[Direction] = frozenset()
    """Directions in which it allows 0 A and demonstrably carries nothing."""
    odd_share: bool = False
    """It carries far more or less than its part by capacity: check the cabling."""
    wrong_sign: bool = False
    """It reports its current with the opposite sign; the current is unknown."""
    carries_current_out_of_service: bool = False
    """It is out of service but carries current: its limits count again."""
    voltages: tuple[float, ...] = ()
    """V; the last five that it reported without a gap, the newest at the end, fresh or
    not."""
    modules_most: int | None = None
    """The highest number of modules since the start; None: it does not report any."""
    modules_missing: int = 0
    """Number of those modules that it no longer counts."""
    invalid: int = 0
    """Frames that held a value outside its window."""
    rejected: tuple[RejectedValue, ...] = ()
    """Required values that it reports outside their window now."""
    nominal: int | None = None
    """V; its nominal voltage, as configured or recognised."""
    apparent_nominal: int | None = None
    """V; the nominal voltage that its latest charge voltage limit and voltage fit."""
    receiving_since: float | None = None
    """When its first frame came after a silence of more than 30 s."""
    missing: frozenset[int] = frozenset()
    """IDs of alarms and enables that it no longer sends, but used to."""
    has_duplicate_sender: bool = False
    """Another node sends the same IDs on its bus: the lower of both limits holds."""
    soc_jumped_at: float | None = None
    """When its state of charge moved further than any current explains; None: never."""
    inverter_detected: bool = False
    """Only an inverter was received here recently: this is probably the wrong port."""
    duplicate_of: str | None = None
    """The id of the battery that is received on this port, too."""

    @property
    def is_left_out(self) -> bool:
        """Whether it is deliberately not part of the bank, lost or not."""
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
