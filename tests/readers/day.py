"""A day of a house: a bank of two batteries, full and empty, losses and alarms.

The gateway works in it as in the closed loop, with batteries that send every 30 s (a
day of shorter periods would cost an hour). What it sent at each turn is kept, so that
every profile can be encoded from it and every reader can judge it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import pi, sin
from typing import Final

from custom_components.bms_gateway.engine.model import Alarm, Telegram
from custom_components.bms_gateway.engine.simulator import (
    Inverter,
    Pack,
    SimulatedInverter,
    TelegramTiming,
)

from ..closed_loop.banks import CautiousBattery, Make, battery, cautious_bms
from ..closed_loop.loop import Loop

TURN: Final = 10.0
"""Seconds from one look to the next; the simulator catches up with no more."""
LENGTH: Final = 24 * 3600.0
PERIOD: Final = 3 * TURN
"""Seconds between two telegrams of a battery; one turn after the other."""
TIMEOUT: Final = 3 * PERIOD
"""Seconds after which a battery counts as lost."""
CAPACITY: Final = 100.0
"""Ah of each battery."""
_RESOLUTION: Final = 2.5
_SUN: Final = 5000.0
"""W at noon."""
_LOAD: Final = 700.0
"""W by night and by day; three times as much in the evening."""
_INVERTER: Final = "inverter"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens between two times, in hours of the day."""

    begin: float
    end: float
    silent: frozenset[int] = frozenset()
    """The batteries that send nothing."""
    protections: frozenset[Alarm] = frozenset()
    tripped: frozenset[int] = frozenset()
    """The batteries that raise these."""


_BOTH: Final = frozenset({0, 1})
_ONE: Final = frozenset({1})
EVENTS: Final = (
    Event(8.0, 8.2, silent=_ONE),
    Event(8.6, 8.8, silent=_BOTH),
    Event(
        9.2, 9.4, protections=frozenset({Alarm.OVER_VOLTAGE}), tripped=frozenset({0})
    ),
    Event(14.0, 14.2, protections=frozenset({Alarm.OVER_TEMPERATURE}), tripped=_BOTH),
    Event(19.0, 19.2, silent=_ONE),
    Event(20.0, 20.2, silent=_BOTH),
    Event(21.0, 21.2, protections=frozenset({Alarm.OVER_TEMPERATURE}), tripped=_BOTH),
    Event(
        22.0, 22.2, protections=frozenset({Alarm.UNDER_VOLTAGE}), tripped=frozenset({0})
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The end of one turn."""

    at: float
    """Seconds of the day."""
    telegram: Telegram | None
    """What the inverter was sent in this turn; None: nothing."""
    soc: float
    """The true state of charge of the bank in %."""
    is_full: bool
    """Whether the bank is really full."""
    charge_stop_voltage: float | None
    """V; what ends charging by the voltage."""


def moments(length: float = LENGTH) -> Iterator[Moment]:
    """Yield the turns of the day, from midnight on; `length` in seconds."""
    loop = _loop()
    sent = 0
    for _ in range(round(length / TURN)):
        _apply(loop, (loop.at + TURN) / 3600)
        loop.advance(TURN)
        inverter = loop.gateway.snapshot.inverters[_INVERTER]
        is_new = inverter.telegrams_sent > sent
        sent = inverter.telegrams_sent
        limits = loop.gateway._evaluator.limits
        yield Moment(
            at=loop.at,
            telegram=inverter.confirmed if is_new else None,
            soc=sum(b.soc for b in loop.batteries.values()) / len(loop.batteries),
            is_full=limits.is_full,
            charge_stop_voltage=limits.charge_stop_voltage,
        )


@cache
def day() -> tuple[Moment, ...]:
    """Return the whole day, calculated once."""
    return tuple(moments())


def surplus(at: float) -> float:
    """Return the power that is left (W) at a second of the day; negative: needed."""
    hour = at / 3600
    sun = _SUN * max(sin(pi * (hour - 6) / 12), 0.0)
    return sun - (3 * _LOAD if hour >= 18 else _LOAD)


def _loop() -> Loop:
    batteries = [
        battery(
            f"battery {k}",
            Make(
                pack=Pack(capacity_ah=CAPACITY),
                bms=cautious_bms(50.0, 80.0),
                timing=TelegramTiming(period=PERIOD, phase=k * TURN),
                soc=35.0,
            ),
            k,
            CautiousBattery,
        )
        for k in range(2)
    ]
    inverter = Inverter(rated_charge=120.0, rated_discharge=160.0, timeout=10.0)
    loop = Loop(
        batteries,
        [SimulatedInverter(_INVERTER, inverter, surplus)],
        resolution=_RESOLUTION,
    )
    loop.gateway.apply(
        replace(
            loop.config,
            batteries=tuple(
                replace(each, timeout=TIMEOUT) for each in loop.config.batteries
            ),
        )
    )
    return loop


def _apply(loop: Loop, hour: float) -> None:
    now = [event for event in EVENTS if event.begin <= hour < event.end]
    for k, each in enumerate(loop.batteries.values()):
        each.silent = any(k in event.silent for event in now)
        each.protections = frozenset(
            alarm for event in now if k in event.tripped for alarm in event.protections
        )
