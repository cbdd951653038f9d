"""The values that flow: frames, what a battery says, the bank, what inverters are told.

Units are V, A, W, °C, Ah, kWh, % and seconds. Current is positive while the battery
charges. None means unknown: it is never 0 and never "no alarm". Times are seconds of
the one injected monotonic clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

type Clock = Callable[[], float]


class Direction(StrEnum):
    """The two ways that current can flow, each with a limit of its own."""

    CHARGE = "charge"
    DISCHARGE = "discharge"

    @property
    def sign(self) -> int:
        """Return +1 for charging, -1 for discharging."""
        return 1 if self is Direction.CHARGE else -1

    @property
    def opposite(self) -> Direction:
        """Return the other direction."""
        return Direction.DISCHARGE if self is Direction.CHARGE else Direction.CHARGE


@dataclass(frozen=True, slots=True)
class Frame:
    """One CAN frame. `at`: when it was on the wire, by the monotonic clock."""

    can_id: int
    data: bytes = b""
    at: float = 0.0
    extended: bool = False
    remote: bool = False
    error: bool = False

    @property
    def standard(self) -> bool:
        """Return whether this is an 11-bit data frame: no other carries battery data."""
        return not (self.extended or self.remote or self.error)


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


class Refused(NamedTuple):
    """A value that a battery reported and that is not believed: it never counts."""

    attribute: str
    """As in `Readings`."""
    value: float
    low: float
    high: float
    """The window in which it would be believed, in the value's own unit."""


class Life(StrEnum):
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
    TWIN = "twin"
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
    life: Life
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
    slice: float | None = None
    """The part of the bank's current that it is known to carry, 0 to 1."""
    offset: float | None = None
    """A, charge positive; what circulates through it while the bank rests."""
    aside: frozenset[Direction] = frozenset()
    """Directions in which it allows nothing and shows that it carries nothing."""
    odd_slice: bool = False
    """It carries far more or less than its capacity's part: check the cabling."""
    wrong_sign: bool = False
    """It counts its current the other way round; the current is unknown."""
    carries_out_of_service: bool = False
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
    refused: tuple[Refused, ...] = ()
    """What it needs to report to be online and reports outside its window now."""
    nominal: int | None = None
    """V; the nominal voltage by what was refused, if it is not a battery of 48 V."""
    heard_since: float | None = None
    """When its first frame came after a silence of more than 30 s."""
    missing: frozenset[int] = frozenset()
    """IDs of alarms and enables that it used to send and does not any more."""
    has_rival: bool = False
    """Somebody else sends its IDs on its bus, too: the lower of both limits holds."""
    soc_jumped_at: float | None = None
    """When its state of charge moved by more than any current explains; None: never."""
    inverter_heard: bool = False
    """Only an inverter was heard here lately: this is probably the wrong port."""
    twin_of: str | None = None
    """The id of the battery that is heard on this port, too."""

    @property
    def is_left_out(self) -> bool:
        """Whether it is meant to be no part of the bank, lost or not."""
        return self.life in (Life.OUT_OF_SERVICE, Life.TWIN)

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
        return self.life is Life.ONLINE


class Rule(StrEnum):
    """The rules that can bind a limit, for "limited by"."""

    NONE = "none"
    BATTERIES = "batteries"
    """The sum of what the batteries allow."""
    BATTERY = "battery"
    """One battery, through the part of the current that it carries."""
    TOTAL = "total"
    """The gateway's total limit."""
    SETPOINT = "setpoint"
    LEASE = "lease"
    UNTOLD = "untold"
    """Current flows that no inverter was told."""
    OVER = "over"
    """A battery carries more than it allows."""
    IN_SERVICE = "in_service"
    """The inverter was taken out of service."""
    NEAR_ZERO = "near_zero"
    """Too little to be worth telling."""
    LOSS = "loss"
    """A lost battery, by the loss policy."""
    BRIDGING = "bridging"
    """The last battery is silent for a moment, or one whose gaps are a habit."""
    VOLTAGE = "voltage"
    """The bank's voltage is above the lowest battery's charge voltage limit."""
    RATING = "rating"
    """The inverter's rated current."""
    SHARING = "sharing"
    """The inverter's part of the bank's limit."""
    RISING = "rising"
    """A higher limit that has to hold first, then ramps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A current limit in one direction and why it is so."""

    amps: float
    """A, at least 0, in the direction's own sense."""
    rule: Rule = Rule.NONE
    source: str | None = None
    """What binds, where something does: the id of a battery or inverter, a setpoint's
    key (`setpoints.Asked`) or a lease's owner."""
    device: str | None = None
    """The inverter whose own rule it is: its rating, setpoint or lease; None: the
    bank's."""
    number: float | None = None
    """The figure of the binding rule: that battery's limit, the setpoint, …"""


class Status(StrEnum):
    """How a gateway does."""

    STARTING = "starting"
    """Nothing is sent: not every battery has spoken yet."""
    RUNNING = "running"
    REDUCED = "reduced"
    """A battery is lost; the others go on."""
    BRIDGING = "bridging"
    """No battery is heard, for a moment: discharging goes on with ever less."""
    BLOCKED = "blocked"
    """A loss policy tells 0 A in at least one direction."""
    SILENT = "silent"
    """Nothing is sent: no battery is online, or a loss policy says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankState:
    """The virtual battery: n batteries as one."""

    soc: float | None = None
    soc_min: float | None = None
    soc_max: float | None = None
    soh: float | None = None
    soh_min: float | None = None
    soh_max: float | None = None
    voltage: float | None = None
    voltage_spread: float | None = None
    current: float | None = None
    """A, charge positive; as shown and sent, with the configuration's factor and offset.
    The limits follow from Verdict.current, without them."""
    current_estimated: bool = False
    """Whether a battery's current is unknown: it counts with its slice of the sum, less
    would hide a load from the inverters."""
    power: float | None = None
    temperature: float | None = None
    temperature_min: float | None = None
    temperature_max: float | None = None
    cell_voltage_min: float | None = None
    cell_voltage_max: float | None = None
    cell_temperature_min: float | None = None
    cell_temperature_max: float | None = None
    capacity_ah: float | None = None
    """As configured, less the modules that are missing."""
    remaining_ah: float | None = None
    capacity_kwh: float | None = None
    stored_kwh: float | None = None
    """By nominal voltages."""
    time_to_full: float | None = None
    time_to_empty: float | None = None
    """Seconds, if the current stays what it was lately; unknown at rest."""
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
    """The name of the first battery that tells one."""


NO_BANK: Final = BankState()


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """What one inverter is told in one set: every value known, limits rounded down."""

    charge_voltage_limit: float
    charge_current_limit: float
    discharge_current_limit: float
    soc: float
    voltage: float
    charge_enabled: bool
    discharge_enabled: bool
    discharge_voltage_limit: float
    soh: float | None = None
    current: float | None = None
    temperature: float | None = None
    force_charge: bool = False
    force_charge_2: bool = False
    full_charge: bool = False
    protections: frozenset[Alarm] = frozenset()
    warnings: frozenset[Alarm] = frozenset()
    modules: int | None = None
    name: str | None = None
    cell_voltage_min: float | None = None
    cell_voltage_max: float | None = None
    cell_temperature_min: float | None = None
    cell_temperature_max: float | None = None
    capacity_ah: float | None = None

    def limit(self, direction: Direction) -> float:
        """Return the current limit in a direction in A."""
        if direction is Direction.CHARGE:
            return self.charge_current_limit
        return self.discharge_current_limit


class PortStatus(StrEnum):
    """Where a port stands."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    LOST = "lost"


class PortFault(StrEnum):
    """Why a port cannot be open."""

    NO_SUCH_CHANNEL = "no_such_channel"
    LINK_DOWN = "link_down"
    NO_PERMISSION = "no_permission"
    WRONG_BITRATE = "wrong_bitrate"
    NOT_SUPPORTED = "not_supported"
    """The machine has no CAN of this kind at all."""
    BUSY = "busy"
    """Another program has the serial adapter, or an earlier attempt hangs in it."""
    UNREACHABLE = "unreachable"
    """The server with the CAN link does not answer, or its answer is none."""
    AMBIGUOUS = "ambiguous"
    """Several adapters bear the number by which the right one was to be found."""
    BUS_OFF = "bus_off"
    """The CAN controller has given up after too many errors."""
    NO_CARRIER = "no_carrier"
    """The link is up but connected to nothing: what is sent is thrown away."""
    FAILED = "failed"


class PortReason(StrEnum):
    """What a fault comes from, where that has a cure of its own."""

    NOT_LAWICEL = "not_lawicel"
    """A serial adapter says nothing, or something that is not LAWICEL's protocol."""


GAVE_UP: Final = frozenset({PortFault.BUS_OFF, PortFault.NO_CARRIER})
"""Faults of the controller: frames that it was given are lost."""


class BusState(StrEnum):
    """The state of a CAN controller, in the kernel's order (linux/can/netlink.h)."""

    ERROR_ACTIVE = "error_active"
    """Well; the others come with ever more errors."""
    ERROR_WARNING = "error_warning"
    ERROR_PASSIVE = "error_passive"
    BUS_OFF = "bus_off"
    """It has given up, until it is restarted."""
    STOPPED = "stopped"
    SLEEPING = "sleeping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """The CAN controller behind a port; None: it has none, or does not report it."""

    carrier: bool | None = None
    """Whether the link is connected to a bus; without it nothing leaves."""
    state: BusState | None = None
    transmit_errors: int | None = None
    receive_errors: int | None = None
    """Its error counters (ISO 11898-1): above 127 it is error-passive, above 255 of
    the first one bus-off."""

    @property
    def fault(self) -> PortFault | None:
        """Return why nothing can be sent or received; None: nothing is known of that."""
        if self.state is BusState.BUS_OFF:
            return PortFault.BUS_OFF
        return PortFault.NO_CARRIER if self.carrier is False else None

    def with_counters_of(self, other: Controller) -> Controller:
        """Return the same with the error counters of another report if it has none."""
        if self.transmit_errors is not None:
            return self
        return replace(
            self,
            transmit_errors=other.transmit_errors,
            receive_errors=other.receive_errors,
        )


NO_CONTROLLER: Final = Controller()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortState:
    """One port at one moment."""

    status: PortStatus = PortStatus.CLOSED
    fault: PortFault | None = None
    reason: PortReason | None = None
    """What the fault comes from; None: it has no cure of its own."""
    detail: str | None = None
    """The error in the system's own words, for logs and diagnostics."""
    received: int = 0
    sent: int = 0
    errors: int = 0
    """Error frames heard and sends that failed."""
    unsent: int = field(default=0, compare=False)
    """Sends that failed; `errors` counts them, too."""
    heard_before: int = field(default=0, compare=False)
    """Frames and error frames that were heard before it was opened last."""
    link: str | None = None
    """What the link of the configured adapter is called now; None: the port is
    configured by the link's name, or its adapter is not there."""
    controller: Controller = NO_CONTROLLER

    @property
    def is_silent(self) -> bool:
        """Whether it is open and nothing at all has been heard since it was opened."""
        heard = self.received + self.errors - self.unsent
        return self.status is PortStatus.OPEN and heard == self.heard_before


@dataclass(frozen=True, slots=True, kw_only=True)
class Disobedience:
    """An inverter that takes more current than it was told, in one direction.

    Figures as of when that was found.
    """

    told: float
    """A, at least 0; the most that it was told."""
    taken: float
    """A, at least 0; the least that it took since then."""
    since: float
    inverters: frozenset[str]
    """The ids of those that it may be; where they are several, the figures are sums."""
    sensed: bool = False
    """Whether its own sensor shows it; else the bank's current does, and what else is
    connected to the batteries may be taken for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterState:
    """One inverter at one moment."""

    id: str
    listening: bool | None = None
    """Whether what we send leaves for the wire; None before the first set."""
    connected: bool | None = None
    """Whether it asks with 0x305; None: it never did."""
    charge: Limit | None = None
    discharge: Limit | None = None
    """What it was last confirmed to have been sent; None: nothing yet."""
    told: Telegram | None = None
    sets: int = 0
    """Whole sets confirmed since the start."""
    dropped: int = 0
    """Sets dropped because nobody listened."""
    last_set_at: float | None = None
    last_request_at: float | None = None
    last_heard_at: float | None = None
    """When any frame of another node was heard on its port."""
    battery_heard: bool = False
    """A battery talks on its port: the wrong port, where nothing is sent."""
    shares_bus_with: str | None = None
    """The id of a battery whose port is on the same bus."""
    disobeys: Mapping[Direction, Disobedience] = field(default_factory=dict)
    """Where it, or one of several, takes more than it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the gateway knows at one moment; what the outside sees."""

    at: float
    status: Status
    bank: BankState = BankState()
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
    """A; by so much does what inverters out of reach were told exceed the bank's limit,
    where it does: the one thing that cannot be mended from here."""
