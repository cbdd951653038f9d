"""Sol-Ark: takes frames of eight bytes only.

Source: Sol-Ark CAN protocol V1.3 (SOL). It gives the voltage in 0.1 V, which no unit is
reported to have confirmed, and a Deye, the same hardware, reads 0.01 V: there is a reader
of each. The sign of the current "depends on the maker": charge positive, as of the
Pylontech that the battery is named after.
"""

from dataclasses import dataclass, replace
from typing import Final

from custom_components.bms_gateway.engine.model import Frame

from . import plain
from .belief import Belief
from .wire import TAG, bits, reads, s16, scaled, u16

TIMEOUT: Final = plain.UNDOCUMENTED_TIMEOUT
LENGTH: Final = 8
IDS: Final = frozenset({0x351, 0x355, 0x356, 0x359, 0x35C, 0x35E, 0x379})


@dataclass(frozen=True, slots=True, kw_only=True)
class State(plain.State):
    """What it received."""

    dropped: frozenset[int] = frozenset()
    """IDs of frames that it dropped for their length."""
    per_volt: int = 100
    """Counts of the voltage: 100, or 10 by the document."""


def on_frame(state: State, frame: Frame) -> State:
    """Return the state after one more frame."""
    data, can_id = frame.data, frame.can_id
    if not reads(frame) or can_id not in IDS:
        return state
    if len(data) != LENGTH:
        return replace(state, dropped=state.dropped | {can_id})
    match can_id:
        case 0x356:
            return replace(
                plain.on_frame(state, frame),
                voltage=scaled(s16(data, 0), state.per_volt),
            )
        case 0x359:
            return replace(
                state,
                alarms=bits(data, 0),
                warnings=bits(data, 2),
                modules=data[4] if data[5:7] == TAG else None,
            )
        case 0x379:
            return replace(state, capacity=scaled(u16(data, 0), 1))
        case _:
            return plain.on_frame(state, frame)


def believed(state: State, now: float) -> Belief:
    """Return what it acts on at `now` (s)."""
    return plain.believed(
        state,
        is_alive=plain.is_fresh(state.limits_at, now, TIMEOUT),
        objections=frozenset(
            f"drops what is not 8 bytes long: 0x{i:X}" for i in state.dropped
        ),
    )
