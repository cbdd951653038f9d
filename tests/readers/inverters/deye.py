"""A low-voltage Deye (Sunsynk): the name decides, and a wrong voltage freezes currents.

Sources: Sleeper85/esphome-yambms (YAM: names), stuartpittaway/diyBMSv4ESP32
issue 216 (W31), Deye PCS CAN-bus protocol low voltage V3.3 (DY), Pylontech CAN-bus
protocol 1.2 (PY), Psynosaur/esphome-MitM-deye-jk-bms (time-out).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
import re
from typing import Any, Final

from custom_components.bms_gateway.engine.model import Alarm, Frame

from . import plain
from .belief import Belief
from .wire import bits, reads, s16, scaled, u16

TIMEOUT: Final = 30.0
"""Seconds after which a bridge gives a battery up (Psynosaur); Deye names none."""
NAMES: Final = ("PYLON", "SHEnergy", "BYD", "DY")
"""`PYLONDIY` is taken, `DIYPYLON` is refused (YAM)."""
LEAST_CVL: Final = 40.0
"""V. W31 was seen at 0.1 V; where it begins is not known: below any 48 V battery's."""
REFUSED: Final = "refuses the name"
W31: Final = "keeps the last currents: W31"
_OWN_PACK: Final = re.compile(r"DY\d")
"""Deye's own pack: `DY` and the three digits of its number (DY)."""

_CELLS_AND_CURRENT: Final = (
    Alarm.OVER_VOLTAGE,
    Alarm.UNDER_VOLTAGE,
    Alarm.OVER_VOLTAGE,
    Alarm.UNDER_VOLTAGE,
    Alarm.CHARGE_CURRENT,
    Alarm.DISCHARGE_CURRENT,
    Alarm.CHARGE_OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE,
)
_TEMPERATURES: Final = (
    *(Alarm.OVER_TEMPERATURE, Alarm.UNDER_TEMPERATURE),
    *(Alarm.IMBALANCE, Alarm.IMBALANCE),
    *(Alarm.OVER_TEMPERATURE, Alarm.OVER_TEMPERATURE),
)
_FAULTS: Final = {
    0: _CELLS_AND_CURRENT,
    1: (*_TEMPERATURES, Alarm.DISCHARGE_CURRENT, Alarm.DISCHARGE_CURRENT),
    2: (
        *(Alarm.UNDER_VOLTAGE, Alarm.OVER_VOLTAGE),
        *(Alarm.DISCHARGE_CURRENT, Alarm.CHARGE_CURRENT, Alarm.SHORT_CIRCUIT),
        *(Alarm.UNDER_TEMPERATURE, Alarm.OVER_TEMPERATURE, Alarm.SHORT_CIRCUIT),
    ),
    3: (*[Alarm.INTERNAL] * 3, Alarm.CONTACTOR, *[Alarm.INTERNAL] * 4),
    6: (
        *(Alarm.OVER_TEMPERATURE, Alarm.CONTACTOR, Alarm.INTERNAL),
        *(Alarm.OVER_TEMPERATURE, Alarm.CONTACTOR, Alarm.INTERNAL, Alarm.INTERNAL),
        Alarm.OTHER,  # charge voltage low
    ),
}
_WARNINGS: Final = {
    4: _CELLS_AND_CURRENT,
    5: (*_TEMPERATURES, Alarm.INTERNAL, Alarm.INTERNAL),
}
"""Of a Deye pack's 0x359, by byte: the meaning of its bits, the lowest first (DY)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State(plain.State):
    """What it received and kept."""

    flags: bytes | None = None
    """The last 0x359: its layout depends on the name."""
    on_grid: tuple[float | None, float | None] = (None, None)
    """CCL and DCL of 0x371, which a Deye pack sends for the time on the grid (DY)."""
    cells: tuple[float, float] | None = None
    """By 0x361 (DY)."""
    pack_modules: int | None = None
    """By 0x364 (DY)."""


def on_frame(state: State, frame: Frame) -> State:
    """Return the state after one more frame."""
    data = frame.data
    if not reads(frame):
        return state
    new = plain.on_frame(state, frame)
    match frame.can_id:
        case 0x351 if (new.cvl or 0.0) < LEAST_CVL:
            return replace(new, ccl=state.ccl, dcl=state.dcl)
        case 0x359:
            return replace(state, flags=data)
        case 0x361 if len(data) == 8:
            highest, lowest = u16(data, 0) or 0, u16(data, 2) or 0
            return replace(state, cells=(lowest / 1000, highest / 1000))
        case 0x364 if len(data) == 8:
            return replace(state, pack_modules=data[4])
        case 0x371:
            limits = scaled(s16(data, 0), 10), scaled(s16(data, 2), 10)
            return replace(state, on_grid=limits)
        case _:
            return new


def believed(state: State, now: float) -> Belief:
    """Return what it acts on at `now` (s)."""
    name = state.name or ""
    is_recognised = name.startswith(NAMES)
    is_own = _OWN_PACK.match(name) is not None
    return plain.believed(
        state,
        is_alive=is_recognised and plain.is_fresh(state.limits_at, now, TIMEOUT),
        product=name if is_recognised else None,
        objections=frozenset(_objections(state, is_recognised=is_recognised)),
        **(_of_own_pack(state) if is_own else _of_pylontech(state.flags or b"")),
    )


def _of_pylontech(flags: bytes) -> dict[str, Any]:
    """Return alarms, warnings and modules of 0x359 (PY)."""
    if len(flags) < 7:
        return {}
    return {"alarms": bits(flags, 0), "warnings": bits(flags, 2), "modules": flags[4]}


def _of_own_pack(state: State) -> dict[str, Any]:
    """Return what differs at a Deye pack (DY): the sign, 0x359, 0x361, 0x364, 0x371.

    On the grid it follows 0x371, off the grid 0x351: the higher limit is believed.
    """
    flags = state.flags
    return {
        "current": None if state.current is None else -state.current,
        "ccl": _higher(state.ccl, state.on_grid[0]),
        "dcl": _higher(state.dcl, state.on_grid[1]),
        "alarms": None if flags is None else frozenset(_raised(flags, _FAULTS)),
        "warnings": None if flags is None else frozenset(_raised(flags, _WARNINGS)),
        "cells": state.cells,
        "modules": state.pack_modules,
    }


def _higher(*limits: float | None) -> float | None:
    return max((limit for limit in limits if limit is not None), default=None)


def _raised(flags: bytes, tables: Mapping[int, tuple[Alarm, ...]]) -> Iterator[Alarm]:
    for number, alarms in tables.items():
        for bit, alarm in enumerate(alarms):
            if number < len(flags) and flags[number] >> bit & 1:
                yield alarm


def _objections(state: State, *, is_recognised: bool) -> Iterator[str]:
    if state.name is not None and not is_recognised:
        yield REFUSED
    if state.cvl is not None and state.cvl < LEAST_CVL:
        yield W31
