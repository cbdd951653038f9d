"""How simulated inverters of each make behave: what they read, ignore and send.

By the sources of their presets (`presets/makes.py`); whatever they leave open is as usual.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..model import Frame
from ..presets import Make
from .inverters import Inverter

_CLOCK: Final = bytes([30, 15, 12, 1, 6, 26, 0, 0])
"""A Deye's 0x305: 2026-06-01 12:15:30."""
_GX: Final = (
    Frame(0x306, bytes(8)),
    Frame(0x307, bytes.fromhex("1234567856494300")),
)
"""A GX's other frames: zeros, and 12 34 56 78 `VIC` 00."""
_SUNNY_ISLAND: Final = (
    Frame(0x306, bytes.fromhex("6400000100003002")),
    Frame(0x307, bytes.fromhex("0100")),
)
"""SOH 100 %, running, no error, 56.0 V; a relay."""
_MEASURED: Final = bytes.fromhex("08020000FA002003")
"""A Sunny Island's 0x305: 52.0 V, 0 A, 25.0 °C, 80.0 %."""

_DEYE: Final[Mapping[str, Any]] = {
    "request": _CLOCK,
    "stops_on_alarm": False,
    "keeps_below": 1.0,
}
_SMA: Final[Mapping[str, Any]] = {
    "request": _MEASURED,
    "accompanying": _SUNNY_ISLAND,
    "reads_enables": False,
    "reads_fine_soc": True,
}
_VICTRON: Final[Mapping[str, Any]] = {
    "timeout": 3.0,
    "accompanying": _GX,
    "reads_enables": False,
    "stops_on_alarm": False,
}

_BEHAVIOUR: Final[Mapping[Make, Mapping[str, Any]]] = {
    Make.DEYE: _DEYE,
    Make.SUNSYNK: _DEYE,
    Make.SOL_ARK: {**_DEYE, "padded_only": True},
    Make.OTHER_SOL_ARK: {**_DEYE, "padded_only": True},
    Make.SMA: _SMA,
    Make.OTHER_SMA: _SMA,
    Make.SOLIS_AOBO: {**_SMA, "request": bytes(8), "accompanying": ()},
    Make.VICTRON: _VICTRON,
    Make.OTHER_VICTRON: _VICTRON,
    Make.SOFAR: {"ignores_zero": True, "stops_at_full": True},
    Make.MIDNITE: {"stops_at_full": True},
    Make.VOLTRONIC: {"sends_requests": False},
}


def behaving_like(make: Make, inverter: Inverter) -> Inverter:
    """Return an inverter that behaves as this make does."""
    return replace(inverter, **_BEHAVIOUR.get(make, {}))
