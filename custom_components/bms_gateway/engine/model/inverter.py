"""One inverter: the telegram that it is sent, and its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .bank import Limit
from .base import Direction
from .battery import Alarm

SUBSTITUTE_FOR_ZERO: Final = 0.1
"""A; the highest limit that may be sent in place of 0 A, where an inverter ignores
that: it is one count on the wire."""


class SeenMake(StrEnum):
    """The makes of inverter that can be told by what they send."""

    VICTRON = "victron"
    SMA = "sma"
    DEYE = "deye"


class Neighbour(StrEnum):
    """Other protocols that may be received on the same wires."""

    GROWATT = "growatt"
    GOODWE = "goodwe"
    PYTES = "pytes"
    PYLONTECH_HV = "pylontech_hv"
    EXTENDED = "extended"
    """Frames of this family with 29 bits: Sofar's own protocol, or a bridge's mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """The values of one telegram to an inverter: all known, limits rounded down."""

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
    cell_voltage_min_id: str | None = None
    cell_voltage_max_id: str | None = None
    cell_temperature_min_id: str | None = None
    cell_temperature_max_id: str | None = None
    capacity_ah: float | None = None

    def limit(self, direction: Direction) -> float:
        """Return the current limit in a direction in A."""
        if direction is Direction.CHARGE:
            return self.charge_current_limit
        return self.discharge_current_limit

    def permits(self, direction: Direction) -> bool:
        """Return whether it permits more than 0 A, or what stands for that."""
        return self.limit(direction) > SUBSTITUTE_FOR_ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Disobedience:
    """An inverter that takes more current than it was sent, in one direction.

    The figures are those at the time of detection.
    """

    sent: float
    """A, at least 0; the highest limit that it was sent."""
    taken: float
    """A, at least 0; the lowest current that it took since then."""
    since: float
    inverters: frozenset[str]
    """The ids of the inverters that may be responsible; if there are several, the
    figures are sums."""
    sensed: bool = False
    """Whether its own sensor shows it; otherwise the bank's current does, and other
    devices on the batteries may be mistaken for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterState:
    """One inverter at one time."""

    id: str
    listening: bool | None = None
    """Whether sent frames leave for the wire; None before the first telegram."""
    connected: bool | None = None
    """Whether it sends requests (0x305); None: it never did."""
    charge: Limit | None = None
    discharge: Limit | None = None
    """The limits last confirmed as sent; None: none yet."""
    confirmed: Telegram | None = None
    telegrams_sent: int = 0
    """Whole telegrams confirmed since the start."""
    telegrams_dropped: int = 0
    """Telegrams dropped because no node acknowledged them."""
    last_telegram_at: float | None = None
    last_request_at: float | None = None
    last_foreign_frame_at: float | None = None
    """When any frame of another node was received on its port."""
    seen_makes: frozenset[SeenMake] = frozenset()
    """The makes of inverter that the frames on its bus show."""
    neighbours: frozenset[Neighbour] = frozenset()
    """Other protocols that were received on its port again and again."""
    battery_detected: bool = False
    """A battery sends on its port: the wrong port, where nothing is sent."""
    shares_bus_with: str | None = None
    """The id of a battery whose port is on the same bus."""
    disobeys: Mapping[Direction, Disobedience] = field(default_factory=dict)
    """The directions in which it, or one of several, takes more than it was sent."""
