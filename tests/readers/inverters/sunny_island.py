"""SMA's Sunny Island: windows, codes for "unknown", and alarms that hold until ended.

Source: SMA, external batteries on Sunny Island, FSS-ConnectingBat-TI-en-10 (SMA).
"""

from dataclasses import dataclass, replace
from typing import Final

from custom_components.bms_gateway.engine.model import Alarm, Frame

from .belief import Belief
from .wire import pairs, reads, s16, text, u16

TIMEOUT: Final = 60.0
"""Seconds without 0x351 (warning W952, default limits) or 0x355 (F952, standby)."""
IDS: Final = frozenset({0x351, 0x355, 0x356, 0x35A, 0x35B, 0x35E, 0x35F})
"""A battery may send no others."""
NO_U16: Final = 0xFFFF
NO_S16: Final = -0x8000


@dataclass(frozen=True, slots=True)
class _Limit:
    """One number of 0x351: its window, and what replaces one that is not available."""

    start: int
    low: float
    high: float
    default: float
    signed: bool = True

    def read(self, data: bytes, before: float) -> float:
        """Return the value; outside its window the last good one stays, silently."""
        raw = s16(data, self.start) if self.signed else u16(data, self.start)
        if raw is None:
            return before
        if raw == (NO_S16 if self.signed else NO_U16):
            return self.default
        value = raw / 10
        return value if self.low <= value <= self.high else before


CVL: Final = _Limit(0, 41.0, 63.0, 54.0, signed=False)
CCL: Final = _Limit(2, 0.0, 1200.0, 0.0)
DCL: Final = _Limit(4, 0.0, 1200.0, 0.0)
DVL: Final = _Limit(6, 41.0, 48.0, 42.0, signed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What it received and kept."""

    limits_at: float | None = None
    charge_at: float | None = None
    cvl: float = CVL.default
    ccl: float = CCL.default
    dcl: float = DCL.default
    dvl: float = DVL.default
    soc: float | None = None
    soh: float | None = None
    voltage: float | None = None
    current: float | None = None
    temperature: float | None = None
    alarms: frozenset[Alarm] | None = None
    warnings: frozenset[Alarm] | None = None
    name: str | None = None
    capacity: float | None = None
    foreign: frozenset[int] = frozenset()
    """IDs that no battery may send on its bus."""


def on_frame(state: State, frame: Frame) -> State:
    """Return the state after one more frame."""
    data = frame.data
    if not reads(frame):
        return state
    match frame.can_id:
        case 0x351:
            return replace(
                state,
                limits_at=frame.at,
                cvl=CVL.read(data, state.cvl),
                ccl=CCL.read(data, state.ccl),
                dcl=DCL.read(data, state.dcl),
                dvl=DVL.read(data, state.dvl),
            )
        case 0x355:
            return replace(
                state,
                charge_at=frame.at,
                soc=_soc(data, state.soc),
                soh=_percent(u16(data, 2), 1, state.soh),
            )
        case 0x356:
            return replace(
                state,
                voltage=_measured(s16(data, 0), 100),
                current=_measured(s16(data, 2), 10),
                temperature=_measured(s16(data, 4), 10),
            )
        case 0x35A:
            return replace(
                state,
                alarms=pairs(data, 0, state.alarms),
                warnings=pairs(data, 4, state.warnings),
            )
        case 0x35E:
            return replace(state, name=text(data))
        case 0x35F:
            raw = u16(data, 4)
            known = raw not in (None, NO_U16)
            return replace(state, capacity=float(raw) if raw and known else None)
        case 0x35B:
            return state
        case other if other not in state.foreign:
            return replace(state, foreign=state.foreign | {other})
        case _:
            return state


def believed(state: State, now: float) -> Belief:
    """Return what it acts on at `now` (s).

    Without 0x351 the defaults apply; any alarm is a standby until it is ended.
    """
    has_limits = _is_fresh(state.limits_at, now)
    is_alive = has_limits and _is_fresh(state.charge_at, now)
    runs = is_alive and not state.alarms
    ccl = state.ccl if has_limits else CCL.default
    dcl = state.dcl if has_limits else DCL.default
    return Belief(
        is_alive=is_alive,
        charge_allowed=runs and ccl > 0,
        discharge_allowed=runs and dcl > 0,
        cvl=state.cvl if has_limits else CVL.default,
        ccl=ccl,
        dcl=dcl,
        dvl=state.dvl if has_limits else DVL.default,
        soc=state.soc,
        soh=state.soh,
        voltage=state.voltage,
        current=state.current,
        temperature=state.temperature,
        alarms=state.alarms,
        warnings=state.warnings,
        product=state.name,
        capacity=state.capacity,
        objections=_objections(state.foreign),
    )


def _objections(foreign: frozenset[int]) -> frozenset[str]:
    ids = ", ".join(f"0x{can_id:X}" for can_id in sorted(foreign))
    return frozenset({f"IDs not allowed: {ids}"} if ids else ())


def _soc(data: bytes, before: float | None) -> float | None:
    """Return the SOC: bytes 4 and 5, in 0.01 %, unless they are "not available".

    It takes them from a four-byte frame, too (one user's Sunny Island): from an empty
    buffer, at the worst.
    """
    fine = u16(data.ljust(6, b"\0"), 4)
    if fine == NO_U16:
        return _percent(u16(data, 0), 1, before)
    return _percent(fine, 100, before)


def _percent(raw: int | None, per_unit: int, before: float | None) -> float | None:
    if raw is None or raw == NO_U16:
        return None
    value = raw / per_unit
    return value if value <= 100 else before


def _measured(raw: int | None, per_unit: int) -> float | None:
    return None if raw in (None, NO_S16) else raw / per_unit


def _is_fresh(at: float | None, now: float) -> bool:
    return at is not None and now - at <= TIMEOUT
