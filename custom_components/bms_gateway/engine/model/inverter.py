"""One inverter: what it is sent, and its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .bank import Limit
from .base import Direction
from .battery import Alarm


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Disobedience:
    """An inverter that takes more current than it was told, in one direction.

    Figures as of when that was found.
    """

    sent: float
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
    confirmed: Telegram | None = None
    sets: int = 0
    """Whole sets confirmed since the start."""
    dropped: int = 0
    """Sets dropped because nobody listened."""
    last_set_at: float | None = None
    last_request_at: float | None = None
    last_foreign_frame_at: float | None = None
    """When any frame of another node was heard on its port."""
    battery_detected: bool = False
    """A battery talks on its port: the wrong port, where nothing is sent."""
    shares_bus_with: str | None = None
    """The id of a battery whose port is on the same bus."""
    disobeys: Mapping[Direction, Disobedience] = field(default_factory=dict)
    """Where it, or one of several, takes more than it was told."""
