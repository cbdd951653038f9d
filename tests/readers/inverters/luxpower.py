"""LuxPower and EG4 with "Lithium 6": cells where others pad, capacity where others tag.

Source: LuxPower, CAN protocol V04.2 (LUX). What it makes of the bits of 0x359 is not
documented; they are read as Pylontech's, and byte 4 is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from custom_components.bms_gateway.engine.model import Frame

from . import plain
from .belief import Belief
from .wire import bits, reads, s16, scaled, u16

TIMEOUT: Final = plain.UNDOCUMENTED_TIMEOUT
NO_CELLS: Final = "reads cells of 0 V"
FROST: Final = "may stop charging for frost: reads a coldest cell of 0 °C"
_WARM: Final = 5.0
"""°C. A coldest cell of 0 beside a hottest one above this is padding, not frost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State(plain.State):
    """What it received; its temperature is that of the hottest cell."""

    cell_max: int | None = None
    """mV"""
    cell_min: int | None = None
    coldest: float | None = None
    """°C"""
    installed: float | None = None
    """Ah, by 0x379, for units that take it from there (SNA)."""


def on_frame(state: State, frame: Frame) -> State:
    """Return the state after one more frame."""
    data = frame.data
    if not reads(frame):
        return state
    new = plain.on_frame(state, frame)
    match frame.can_id:
        case 0x355:
            return replace(new, cell_max=u16(data, 4), cell_min=u16(data, 6))
        case 0x356:
            return replace(new, coldest=scaled(s16(data, 6), 10))
        case 0x359:
            return replace(
                state,
                alarms=bits(data, 0),
                warnings=bits(data, 2),
                capacity=scaled(u16(data, 5), 1),
            )
        case 0x379:
            return replace(state, installed=scaled(u16(data, 0), 1))
        case _:
            return new


def believed(state: State, now: float) -> Belief:
    """Return what it acts on at `now` (s)."""
    return plain.believed(
        state,
        is_alive=plain.is_fresh(state.limits_at, now, TIMEOUT),
        capacity=state.capacity or state.installed,
        cells=_cells(state),
        objections=frozenset(_objections(state)),
    )


def _cells(state: State) -> tuple[float, float] | None:
    if not (state.cell_min and state.cell_max):
        return None
    return state.cell_min / 1000, state.cell_max / 1000


def _objections(state: State) -> Iterator[str]:
    if 0 in (state.cell_max, state.cell_min):
        yield NO_CELLS
    if state.coldest == 0 and (state.temperature or 0.0) > _WARM:
        yield FROST
