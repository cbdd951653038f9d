"""Inverters that read Pylontech's set as documented, and two that differ in one point.

Sources: Pylontech CAN-bus protocol 1.2 (PY). Traffic of a Solis S6-EH1P8K, and diyBMS
issue 266 on a Growatt SPF: any bit of 0x359 is shown as a fault of the BMS. diyBMS issue
196 and `pylon_canbus.cpp`: a Sofar ignores zeros in 0x351.
"""

from dataclasses import dataclass, replace
from typing import Final

from custom_components.bms_gateway.engine.model import Frame

from . import plain
from .belief import Belief
from .wire import bits, reads

TIMEOUT: Final = plain.UNDOCUMENTED_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class State(plain.State):
    """What it received and kept."""

    warnings_are_faults: bool = False
    """Solis, Growatt SPF."""
    ignores_zeros: bool = False
    """Sofar: the limit before a 0 stays."""


def on_frame(state: State, frame: Frame) -> State:
    """Return the state after one more frame."""
    data = frame.data
    if not reads(frame):
        return state
    new = plain.on_frame(state, frame)
    match frame.can_id:
        case 0x351 if state.ignores_zeros:
            return replace(
                new,
                cvl=new.cvl or state.cvl,
                ccl=new.ccl or state.ccl,
                dcl=new.dcl or state.dcl,
                dvl=new.dvl or state.dvl,
            )
        case 0x359 if state.warnings_are_faults:
            return replace(new, alarms=bits(data, 0) | bits(data, 2), modules=data[4])
        case 0x359:
            return replace(
                new, alarms=bits(data, 0), warnings=bits(data, 2), modules=data[4]
            )
        case _:
            return new


def believed(state: State, now: float) -> Belief:
    """Return what it acts on at `now` (s)."""
    return plain.believed(state, is_alive=plain.is_fresh(state.limits_at, now, TIMEOUT))
