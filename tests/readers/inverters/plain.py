"""What every reader of this family has in common: five frames and their scales (PY)."""

from dataclasses import dataclass, replace
from typing import Any, Final

from custom_components.bms_gateway.engine.model import Alarm, Frame

from .belief import Belief
from .wire import s16, scaled, text, u16

UNDOCUMENTED_TIMEOUT: Final = 60.0
"""Seconds without 0x351, where no document names any: SMA's, the longest that is."""
CHARGE: Final = 0x80
DISCHARGE: Final = 0x40
"""Bits of 0x35C, byte 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What an inverter received, as it was sent."""

    limits_at: float | None = None
    cvl: float | None = None
    ccl: float | None = None
    dcl: float | None = None
    dvl: float | None = None
    soc: float | None = None
    soh: float | None = None
    voltage: float | None = None
    current: float | None = None
    temperature: float | None = None
    enables: int = CHARGE | DISCHARGE
    name: str | None = None
    alarms: frozenset[Alarm] | None = None
    warnings: frozenset[Alarm] | None = None
    modules: int | None = None
    capacity: float | None = None


def on_frame[S: State](state: S, frame: Frame) -> S:
    """Return the state after one of the frames that all read alike."""
    data = frame.data
    match frame.can_id:
        case 0x351:
            return replace(
                state,
                limits_at=frame.at,
                cvl=scaled(u16(data, 0), 10),
                ccl=scaled(s16(data, 2), 10),
                dcl=scaled(s16(data, 4), 10),
                dvl=scaled(u16(data, 6), 10),
            )
        case 0x355:
            return replace(
                state, soc=scaled(u16(data, 0), 1), soh=scaled(u16(data, 2), 1)
            )
        case 0x356:
            return replace(
                state,
                voltage=scaled(s16(data, 0), 100),
                current=scaled(s16(data, 2), 10),
                temperature=scaled(s16(data, 4), 10),
            )
        case 0x35C if data:
            return replace(state, enables=data[0])
        case 0x35E:
            return replace(state, name=text(data))
        case _:
            return state


def believed(state: State, *, is_alive: bool, **other: Any) -> Belief:
    """Return a belief in what was sent; `other` replaces parts of it."""
    values = {
        "charge_allowed": bool(state.enables & CHARGE) and bool(state.ccl),
        "discharge_allowed": bool(state.enables & DISCHARGE) and bool(state.dcl),
        "cvl": state.cvl,
        "ccl": state.ccl,
        "dcl": state.dcl,
        "dvl": state.dvl,
        "soc": state.soc,
        "soh": state.soh,
        "voltage": state.voltage,
        "current": state.current,
        "temperature": state.temperature,
        "alarms": state.alarms,
        "warnings": state.warnings,
        "product": state.name,
        "modules": state.modules,
        "capacity": state.capacity,
    } | other
    if not is_alive:
        values |= {"charge_allowed": False, "discharge_allowed": False}
    return Belief(is_alive=is_alive, **values)


def is_fresh(at: float | None, now: float, timeout: float) -> bool:
    """Return whether a frame came within a time-out (s)."""
    return at is not None and now - at <= timeout
