"""Simulated batteries and inverters with physics, for the demo and the tests."""

from .batteries import SimulatedBattery, TelegramTiming
from .bms import Bms
from .factory import simulator_for
from .inverters import Inverter, SimulatedInverter
from .physics import Pack
from .replay import Replay, UnfitLogError
from .simulator import Simulator

__all__ = [
    "Bms",
    "Inverter",
    "Pack",
    "Replay",
    "SimulatedBattery",
    "SimulatedInverter",
    "Simulator",
    "TelegramTiming",
    "UnfitLogError",
    "simulator_for",
]
