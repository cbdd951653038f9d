"""Venus OS on a GX device: what it takes a battery for, and what that does to limits.

Sources: [SAF] university.safiery.com (frames, 3 s); victronenergy/dbus-systemcalc-py,
`delegates/dvcc.py` and `delegates/lgbattery.py` (changes by product); venus issues 409,
913 and 1152 and vladyspavlov/dbus-deye-battery (which product is recognised). The part
that recognises it is closed: this follows what was observed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from custom_components.bms_gateway.engine.model import Frame

from . import plain
from .belief import Belief
from .wire import TAG, bits, pairs, reads, s16, scaled, u16

TIMEOUT: Final = 3.0
"""Seconds without 0x351 after which charging and discharging stop [SAF]."""
LG_OBJECTION: Final = (
    "may be switched off: taken for an LG RESU, with its breaker detection"
)
_UNKNOWN: Final = -0x8000
"""Of a signed number (SMA's set, which Victron's is made from)."""


class Product(StrEnum):
    """The batteries it tells apart, as far as their limits are treated differently."""

    PYLONTECH = "Pylontech"
    """0xB009, Dyness too (venus issue 913)."""
    BYD = "BYD"
    LG = "LG RESU"
    """0xB004"""
    GENERIC = "generic"
    """0xB007: passed through (venus issue 1152)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State(plain.State):
    """What it received."""

    tagged: bool | None = None
    """Whether 0x359 has the tag `PN`; None: no 0x359."""
    cells: tuple[float, float] | None = None


def on_frame(state: State, frame: Frame) -> State:
    """Return the state after one more frame.

    Of 0x355 it does not read bytes 4 and 5 (vladyspavlov/dbus-deye-battery), and 0x35C
    not at all, as far as anything shows.
    """
    data = frame.data
    if not reads(frame):
        return state
    match frame.can_id:
        case 0x356:
            return replace(
                state,
                voltage=scaled(_known(s16(data, 0)), 100),
                current=scaled(_known(s16(data, 2)), 10),
                temperature=scaled(_known(s16(data, 4)), 10),
            )
        case 0x359 if data[5:7] == TAG:
            return replace(
                state,
                tagged=True,
                modules=data[4],
                alarms=bits(data, 0),
                warnings=bits(data, 2),
            )
        case 0x359:
            return replace(state, tagged=False)
        case 0x35A:
            return replace(
                state,
                alarms=pairs(data, 0, state.alarms),
                warnings=pairs(data, 4, state.warnings),
            )
        case 0x35C:
            return state
        case 0x372 if len(data) == 8:
            return replace(state, modules=u16(data, 0))
        case 0x373 if len(data) == 8:
            lowest, highest = u16(data, 0) or 0, u16(data, 2) or 0
            return replace(state, cells=(lowest / 1000, highest / 1000))
        case 0x379:
            return replace(state, capacity=scaled(u16(data, 0), 1))
        case _:
            return plain.on_frame(state, frame)


def believed(state: State, now: float) -> Belief:
    """Return what it acts on at `now` (s)."""
    product = product_of(state)
    cvl, ccl = _changed(product, state)
    return plain.believed(
        state,
        is_alive=plain.is_fresh(state.limits_at, now, TIMEOUT),
        charge_allowed=bool(ccl),
        cvl=cvl,
        ccl=ccl,
        product=None if product is None else product.value,
        cells=state.cells,
        objections=frozenset({LG_OBJECTION} if product is Product.LG else ()),
    )


def product_of(state: State) -> Product | None:
    """Return what it takes the battery for; None: there is none yet.

    Without a name it is an LG (venus issue 409); with one of its own, too, if 0x359 has
    no tag (a Deye SE-F, vladyspavlov/dbus-deye-battery).
    """
    if state.limits_at is None:
        return None
    name = (state.name or "").upper()
    for start, product in (
        ("PYLON", Product.PYLONTECH),
        ("BYD", Product.BYD),
        ("LG", Product.LG),
    ):
        if name.startswith(start):
            return product
    if state.tagged is False or not (name or state.tagged):
        return Product.LG
    return Product.GENERIC if name else Product.PYLONTECH


def _changed(
    product: Product | None, state: State
) -> tuple[float | None, float | None]:
    """Return CVL and CCL as applied (dvcc.py)."""
    cvl, ccl = state.cvl, state.ccl
    if cvl is None or ccl is None:
        return cvl, ccl
    match product:
        case Product.PYLONTECH if 20 < cvl <= 55:
            least = round(state.capacity / 4) if state.capacity else 6.0
            return (_own_voltage(state) if 30 <= cvl <= 54 else cvl), max(ccl, least)
        case Product.BYD if ccl == 0:
            return min(cvl, 55.0), 40.0
        case Product.LG:
            return min(cvl, 57.3), ccl
    return cvl, ccl


def _own_voltage(state: State) -> float:
    """Return the CVL that replaces a Pylontech's, whatever was sent.

    52.5 V, lower once the highest cell is above 3.485 V; some versions go up to 52.8 V.
    """
    highest = state.cells[1] if state.cells else 0.0
    return round(52.5 - 30 * max(0.0, highest - 3.485), 2)


def _known(raw: int | None) -> int | None:
    return None if raw == _UNKNOWN else raw
