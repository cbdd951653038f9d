"""What a battery says: its frames read by its dialect, each value with its age."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from math import inf
from typing import Final, NamedTuple

from .config import BatteryConfig
from .freshness import CEILING, LIMITS_CEILING, Pulse
from .model import Dialect, Frame, Readings
from .protocol import NO_MARKS, NO_PAIRS, PairChange, decode, hear, judge
from .readings import readings_of

LIMITS: Final = 0x351
CHARGE_STATE: Final = 0x355
MEASUREMENTS: Final = 0x356
PAIRS: Final = 0x35A
CONTROL: Final = frozenset({LIMITS, 0x359, PAIRS, 0x35C})
"""Limits, alarms, enables: without those that it sends a battery is lost."""

_COMMON: Final = frozenset({LIMITS, CHARGE_STATE, MEASUREMENTS})
"""What every dialect sends, and with the same meaning but for the current's sign."""
_KEPT: Final = frozenset(
    {"name", "product_1", "product_2", "serial_1", "serial_2", "version", "family"}
    | {"installed_ah", "candidate_ah"}
)
"""What does not change while a battery is connected: kept however old it is."""
_REQUIRED: Final = frozenset(
    {"charge_voltage_limit", "charge_current_limit", "discharge_current_limit"}
)
_BRIDGED: Final = _REQUIRED | {"soc", "voltage"}
"""Without these nothing can be told. One frame that gives no value for them counts like
one that did not come: a house must not go dark for it."""
_WHOLE: Final = _BRIDGED | {"current"}
"""What a whole telegram tells at the least."""
_HELD: Final = frozenset(
    {"charge_enabled", "discharge_enabled", "protections", "pair_protections"}
)
"""Control values that not every battery sends; missed once they were sent."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One value, the frame that said it and when that was on the wire."""

    value: object
    can_id: int
    at: float


@dataclass(frozen=True, slots=True)
class _Cache:
    """Readings made before; they hold while nothing is heard and no value gets stale."""

    readings: Readings | None = None
    since: float = inf
    until: float = -inf
    last: Readings | None = None


_EMPTY: Final = _Cache()


class Heard(NamedTuple):
    """What one frame brought."""

    whole: bool
    """It completes a whole telegram: all that is needed was told again, and is known."""
    new: bool
    """A value is another than before, or was not fresh any more."""


class Speech:
    """Everything that one battery has said, as far as it still counts."""

    def __init__(self, config: BatteryConfig) -> None:
        """Begin with nothing said."""
        self._config = config
        self._said: dict[str, _Said] = {}
        self._known: dict[str, object] = {}
        self._pulses: dict[int, Pulse] = {}
        self._marks = NO_MARKS
        self._dialect = Dialect.UNKNOWN
        self._pairs = NO_PAIRS
        self._part: set[str] = set()
        self._cache = _EMPTY
        self.invalid = 0
        """Frames that held a value outside its window."""
        self.last_at: float | None = None
        """When the last frame came; None: none did."""
        self.control_at: float | None = None
        """When the oldest of its control frames was renewed."""

    def configure(self, config: BatteryConfig) -> None:
        """Take over what the user changed."""
        self._config = config
        self._cache = _EMPTY
        for can_id, pulse in self._pulses.items():
            pulse.ceiling = self._ceiling(can_id)

    def hear(self, frame: Frame) -> Heard:
        """Take one of its frames.

        A whole telegram needs, of what not every battery sends, only what this one ever
        gave a value for: a healthy one may send 0x35A for ever without stating a single
        alarm.
        """
        self._cache = _EMPTY
        self._marks = hear(self._marks, frame)
        verdict = judge(self._marks, frame.at)
        if verdict.settled:
            self._settle(verdict.dialect)
        else:
            self._doubt_current()
        decoded = decode(frame, verdict.dialect, settled=verdict.settled)
        self.invalid += decoded.invalid
        self.last_at = max(self.last_at or frame.at, frame.at)
        values: dict[str, object] = dict(decoded.values)
        if decoded.pairs is not None:
            values |= self._after_pairs(decoded.pairs, frame.at)
        values = {n: v for n, v in values.items() if v is not None or n not in _BRIDGED}
        new = any(self._is_new(name, value, frame.at) for name, value in values.items())
        self._beat(frame)
        for name, value in values.items():
            self._said[name] = _Said(value, frame.can_id, frame.at)
            if value is not None:
                self._known[name] = value
                self._part.add(name)
        return Heard(self._is_whole(), new)

    def begin_anew(self) -> None:
        """Begin a new telegram: what came before a gap is no part of it."""
        self._part.clear()

    def remember(self, other: Speech) -> None:
        """Take over what was last known from one that is not heard any more."""
        self._known = other._known
        self._cache = _EMPTY

    def is_controlled(self, now: float) -> bool:
        """Return whether limits are known, and enables and alarms that it sends."""
        if not all(pulse.fresh(now) for pulse in self._control_pulses()):
            return False
        held = (self._said[name] for name in _HELD if name in self._said)
        return all(self._fresh(said, now) for said in held) and all(
            (said := self._said.get(name)) is not None and self._fresh(said, now)
            for name in _REQUIRED
        )

    def readings(self, now: float) -> Readings:
        """Return what is fresh at `now`."""
        cache = self._cache
        if cache.readings is not None and cache.since <= now < cache.until:
            return cache.readings
        fresh = {
            name: said
            for name, said in self._said.items()
            if name in _KEPT or self._fresh(said, now)
        }
        readings = readings_of(
            {name: said.value for name, said in fresh.items()},
            self._config.capacity_ah,
        )
        ends = (self._stale_at(s) for name, s in fresh.items() if name not in _KEPT)
        self._cache = _Cache(readings, now, min(ends, default=inf), cache.last)
        return readings

    @property
    def last(self) -> Readings:
        """What it said last, whether fresh or not."""
        if (last := self._cache.last) is None:
            last = readings_of(self._known, self._config.capacity_ah)
            self._cache = replace(self._cache, last=last)
        return last

    def dialect(self, now: float) -> Dialect:
        """Return the dialect that it speaks."""
        return judge(self._marks, now).dialect

    @property
    def current_at(self) -> float | None:
        """When its current was measured."""
        current = self._said.get("current")
        return None if current is None else current.at

    @property
    def period(self) -> float | None:
        """Seconds; how often the slowest of its limits and measurements comes."""
        periods = [
            pulse.period
            for can_id, pulse in self._pulses.items()
            if can_id in (LIMITS, MEASUREMENTS) and pulse.period is not None
        ]
        return max(periods, default=None)

    def stale_at(self, now: float) -> list[float]:
        """Return when its frames cease to count, those that still do."""
        return [pulse.stale_at for pulse in self._pulses.values() if pulse.fresh(now)]

    def _settle(self, dialect: Dialect) -> None:
        """Forget what only the old dialect says: the new one need not send it."""
        both = (dialect, self._dialect)
        if dialect is self._dialect:
            return
        if Dialect.DEYE in both:
            self._doubt_current()
        if Dialect.UNKNOWN not in both:
            gone = {
                name
                for name, said in self._said.items()
                if name not in _KEPT and said.can_id not in _COMMON
            }
            self._forget(gone)
            self._pulses = {k: p for k, p in self._pulses.items() if k in _COMMON}
            self._pairs = NO_PAIRS
        self._dialect = dialect

    def _doubt_current(self) -> None:
        """Take the current as unknown: it may have been read by the wrong sign."""
        if (said := self._said.get("current")) is not None:
            self._said["current"] = replace(said, value=None)

    def _after_pairs(self, change: PairChange, at: float) -> dict[str, object]:
        """Return the alarms after a 0x35A; what held before a silence is forgotten."""
        if not self._pulse(PAIRS).fresh(at):
            self._pairs = NO_PAIRS
            self._forget({"pair_protections", "pair_warnings"})
        self._pairs = self._pairs.after(change)
        protections, warnings = self._pairs.flags
        return {"pair_protections": protections, "pair_warnings": warnings}

    def _forget(self, names: AbstractSet[str]) -> None:
        for name in names:
            self._said.pop(name, None)
            self._known.pop(name, None)

    def _is_new(self, name: str, value: object, at: float) -> bool:
        said = self._said.get(name)
        if said is None or said.value != value:
            return True
        return name not in _KEPT and not self._fresh(said, at)

    def _is_whole(self) -> bool:
        held = {n for n, said in self._said.items() if said.value is not None} & _HELD
        is_whole = _WHOLE | held <= self._part
        if is_whole:
            self._part.clear()
        return is_whole

    def _beat(self, frame: Frame) -> None:
        self._pulse(frame.can_id).beat(frame.at)
        control = self._control_pulses()
        self.control_at = min((pulse.last or 0.0 for pulse in control), default=None)

    def _control_pulses(self) -> list[Pulse]:
        """Return the control frames that it sends, or used to send."""
        return [pulse for can_id, pulse in self._pulses.items() if can_id in CONTROL]

    def _pulse(self, can_id: int) -> Pulse:
        if can_id not in self._pulses:
            self._pulses[can_id] = Pulse(self._ceiling(can_id))
        return self._pulses[can_id]

    def _ceiling(self, can_id: int) -> float:
        slow = self._config.timeout
        if can_id == LIMITS:
            return LIMITS_CEILING if slow is None else slow
        return max(CEILING, slow or 0.0)

    def _fresh(self, said: _Said, now: float) -> bool:
        return now < self._stale_at(said)

    def _stale_at(self, said: _Said) -> float:
        return said.at + self._pulses[said.can_id].timeout
