"""Field faults: the troubles of random banks, one row each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, override

from custom_components.bms_gateway.engine.model import Direction, Frame, Telegram
from custom_components.bms_gateway.engine.rounding import round_down
from custom_components.bms_gateway.engine.simulator.household import Wander
from custom_components.bms_gateway.engine.simulator.physics import state_of

from .banks import CautiousBattery, Make
from .loop import Loop

type Meter = Callable[[float], float]
"""The current in A that a battery reports for a measured one."""

MEASUREMENTS: Final = 0x356
NO_CURRENT: Final = bytes.fromhex("0080")
"""In bytes 2 and 3 of 0x356: unknown."""


class OddBattery(CautiousBattery):
    """A battery with a faulty meter, limits or contactor."""

    part = 1.0
    """Part of its usual limits that it reports, and really allows."""
    meter: Meter | None = None
    reports_current = True

    @override
    def telegram(self) -> Telegram:
        """Return the present telegram."""
        reported = super().telegram()
        current = reported.current
        if self.meter is not None and current is not None:
            current = self.meter(current)
        return replace(
            reported,
            current=current,
            charge_current_limit=round_down(self.part * reported.charge_current_limit),
            discharge_current_limit=round_down(
                self.part * reported.discharge_current_limit
            ),
        )

    @override
    def due(self, now: float) -> list[Frame]:
        """Return the frames that are due by now."""
        frames = super().due(now)
        if self.reports_current:
            return frames
        return [
            replace(frame, data=frame.data[:2] + NO_CURRENT + frame.data[4:])
            if frame.can_id == MEASUREMENTS
            else frame
            for frame in frames
        ]

    @override
    def allows(self, direction: Direction) -> float:
        """Return the current it really allows now, in A."""
        return self.part * super().allows(direction)


EACH: Final = 1200.0
"""Seconds from one event to the next: what the packs allow must not swing by itself more
often than a limit may."""
PAUSE: Final = 180.0
"""Seconds at the least between two openings of a contactor."""

type Event = Callable[[], None]
"""The events of one turn."""
type Trouble = Callable[[Loop, Sequence[OddBattery], Random], Event]
"""Prepares a bank and returns what is to be called before each turn."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault: its title in the table, its bank and its trouble."""

    text: str
    trouble: Trouble
    make: Callable[[Make], Make] = field(default=lambda make: make)
    """The differences of each battery's make."""
    reason: str = ""
    """Why more cannot be reached, where the row misses its figures for good."""

    @property
    def title(self) -> str:
        """Return its title in the table."""
        return f"{self.text} ({self.reason})" if self.reason else self.text


def _nothing() -> None:
    """Do nothing in a turn."""


def _meters(*meters: Meter) -> Trouble:
    """Give the first batteries these meters; the last one is also the others'."""

    def trouble(_: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
        for k, battery in enumerate(batteries):
            battery.meter = meters[min(k, len(meters) - 1)]
        return _nothing

    return trouble


def _in_steps_of(quantum: float) -> Meter:
    return lambda amps: quantum * round(amps / quantum)


def _silent_below(dead_band: float) -> Meter:
    return lambda amps: amps if abs(amps) >= dead_band else 0.0


def _unknown(count: int | None) -> Trouble:
    """Make the first batteries never report their current; None: all."""

    def trouble(_: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
        for battery in batteries[:count]:
            battery.reports_current = False
        return _nothing

    return trouble


def _joins(loop: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
    """Remove one battery after the other for 5 min; each joins at another charge."""

    def event() -> None:
        turn, at = divmod(loop.at, EACH)
        battery = batteries[int(turn) % len(batteries)]
        out = 60.0 <= at < 360.0
        if out and battery.breaker_closed:
            soc = min(max(battery.soc + rng.choice((-4.0, 4.0)), 10.0), 90.0)
            battery.cells = state_of(battery.pack, soc)
        _close(battery, closed=not out, allows=not out)

    return event


def _opens(loop: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
    """Open a contactor for 5 min while the bank charges; only charge is refused."""
    until = 0.0
    opened: OddBattery | None = None

    def event() -> None:
        nonlocal opened, until
        if opened is None:
            if loop.at >= until + PAUSE and loop.simulator.current > 10.0:
                opened = rng.choice(batteries)
                until = loop.at + 300.0
                opened.breaker_closed = False
                opened.overrides |= {
                    "charge_current_limit": 0.0,
                    "charge_enabled": False,
                }
        elif loop.at >= until:
            _close(opened, closed=True, allows=True)
            opened = None

    return event


def _close(battery: OddBattery, *, closed: bool, allows: bool) -> None:
    battery.breaker_closed = closed
    if allows:
        battery.overrides = {}
    else:
        battery.overrides |= {
            "charge_current_limit": 0.0,
            "discharge_current_limit": 0.0,
            "charge_enabled": False,
            "discharge_enabled": False,
        }


def _wanders(loop: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
    """Vary each battery's limits by 25 % both ways, every 30 s."""
    ways = [Wander(rng.randrange(2**31), 30.0) for _ in batteries]

    def event() -> None:
        for battery, way in zip(batteries, ways, strict=True):
            battery.part = 0.75 + 0.5 * way(loop.at)

    return event


def _modules_drop(loop: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
    """Remove half of a battery's modules for 5 min, one battery after the other."""
    whole = {b.id: b.pack for b in batteries}

    def event() -> None:
        turn, at = divmod(loop.at, EACH)
        battery = batteries[int(turn) % len(batteries)]
        part = 0.5 if 180.0 <= at < 480.0 else 1.0
        if part == battery.part:
            return
        soc, polarisation = battery.soc, battery.cells.polarisation
        pack = whole[battery.id]
        battery.part = part
        battery.pack = replace(
            pack,
            capacity_ah=part * pack.capacity_ah,
            resistance=pack.resistance / part,
            polarisation_resistance=pack.polarisation_resistance / part,
        )
        battery.bms = replace(battery.bms, modules=round(2 * part))
        battery.cells = replace(
            battery.cells,
            charge_ah=battery.pack.capacity_ah * soc / 100,
            polarisation=polarisation,
        )

    return event


OUTSIDE: Final = 30.0
"""A"""
OUTSIDE_FROM: Final = 180.0
"""Seconds after the start."""


def _outside(loop: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
    """Add 30 A of unmanaged charge from the third minute on."""

    def event() -> None:
        loop.simulator.unmanaged = OUTSIDE if loop.at >= OUTSIDE_FROM else 0.0

    return event


def _gaps(length: float, each: float) -> Trouble:
    """Stop every battery for `length` seconds, `each` so often."""

    def trouble(loop: Loop, batteries: Sequence[OddBattery], rng: Random) -> Event:
        starts = [rng.uniform(30.0, each) for _ in batteries]

        def event() -> None:
            for battery, start in zip(batteries, starts, strict=True):
                at = loop.at - start
                battery.silent = at >= 0 and at % each < length

        return event

    return trouble


def _quick(make: Make) -> Make:
    """Make a battery send every second: a gap is one of several telegrams."""
    timing = replace(make.timing, period=1.0, phase=make.timing.phase % 1.0)
    return replace(make, timing=timing)


def _middle(make: Make) -> Make:
    """Begin in the middle of the range, where no end plays a part."""
    return replace(make, soc=40.0 + make.soc / 5)


def _large(make: Make) -> Make:
    """Begin in the middle, with limits that leave room for the outside charger."""
    bms = replace(make.bms, max_charge=max(make.bms.max_charge, 40.0 * 20))
    return _middle(replace(make, bms=bms))


KINDS: Final[Mapping[str, Kind]] = {
    "plain": Kind("no fault", lambda *_: _nothing),
    "one-unknown": Kind(
        "one battery never reports its current",
        _unknown(1),
        reason="nothing shows when it is over its limit",
    ),
    "all-unknown": Kind(
        "no battery reports its current",
        _unknown(None),
        reason="nothing shows how they share it",
    ),
    "steps-of-10": Kind(
        "currents in steps of 10 A and of 1 A",
        _meters(_in_steps_of(10.0), _in_steps_of(1.0)),
    ),
    "dead-band": Kind(
        "currents reported as 0 below 2 A, the others in steps of 1 A",
        _meters(_silent_below(2.0), _in_steps_of(1.0)),
    ),
    "joins": Kind(
        "batteries that join at another charge",
        _joins,
        _middle,
        reason="one that joins carries current before it reports its limits",
    ),
    "opens": Kind(
        "a contactor opens while charging",
        _opens,
        _middle,
        reason="the others carry its part until the inverters follow",
    ),
    "wanders": Kind(
        "limits vary by 25 % within 30 s",
        _wanders,
        reason="the packs' limits change every half minute",
    ),
    "modules": Kind(
        "half of a battery's modules drop",
        _modules_drop,
        _middle,
        reason="they share the current in a new way",
    ),
    "outside": Kind(
        "30 A of unmanaged charge current",
        _outside,
        _large,
        reason="for 20 s it may be an earlier limit of an inverter",
    ),
    "gaps-4": Kind(
        "gaps of 4 s every 10 min",
        _gaps(4.0, 600.0),
        _quick,
        reason="each one halves, and the first two stop",
    ),
    "gaps-6": Kind(
        "gaps of 6 s each 3 min",
        _gaps(6.0, 180.0),
        _quick,
        reason="each one halves, then stops, and the first two for longer",
    ),
}


def trouble(
    kind: Kind, loop: Loop, seed: int, each: Callable[[], None]
) -> Callable[[], None]:
    """Return the function to call after each turn of a loop.

    `each`, then the next event.
    """
    batteries = [b for b in loop.batteries.values() if isinstance(b, OddBattery)]
    event = kind.trouble(loop, batteries, Random(seed))

    def turn() -> None:
        each()
        event()

    return turn
