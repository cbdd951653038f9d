"""The values that pass between the rooms: frames, battery states, the bank, telegrams.

Units are V, A, W, °C, Ah, kWh, % and seconds. Current is positive while the battery
charges. None means unknown: it is never 0 and never "no alarm". Times are seconds of
the one injected monotonic clock.
"""

from .bank import NO_BANK, BankState, Limit, Rule, Status
from .base import Clock, Direction
from .battery import (
    Alarm,
    BatteryState,
    BatteryStatus,
    Dialect,
    Readings,
    RejectedValue,
)
from .can import (
    GAVE_UP,
    NO_CONTROLLER,
    BusState,
    Controller,
    Frame,
    PortFault,
    PortReason,
    PortState,
    PortStatus,
)
from .inverter import (
    SUBSTITUTE_FOR_ZERO,
    Disobedience,
    InverterState,
    Neighbour,
    SeenMake,
    Telegram,
)
from .snapshot import Snapshot

__all__ = [
    "GAVE_UP",
    "NO_BANK",
    "NO_CONTROLLER",
    "SUBSTITUTE_FOR_ZERO",
    "Alarm",
    "BankState",
    "BatteryState",
    "BatteryStatus",
    "BusState",
    "Clock",
    "Controller",
    "Dialect",
    "Direction",
    "Disobedience",
    "Frame",
    "InverterState",
    "Limit",
    "Neighbour",
    "PortFault",
    "PortReason",
    "PortState",
    "PortStatus",
    "Readings",
    "RejectedValue",
    "Rule",
    "SeenMake",
    "Snapshot",
    "Status",
    "Telegram",
]
