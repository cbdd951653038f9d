"""What a battery says: its frames read by its dialect, each value with its age."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final, NamedTuple

from ..config import BatteryConfig
from ..model import Dialect, Frame, Readings, RejectedValue
from ..protocol import NO_MARKS, NO_PAIRS, PairChange, decode, marks_after, recognise
from ..ramp import HOLD
from .modules import Modules
from .plausibility.confirmation import IMMEDIATE, RAMPED, Confirmation
from .plausibility.duplicate_senders import DuplicateSenders
from .plausibility.ranges import HUGE_LIMIT, Plausibility
from .plausibility.rejected import RejectedValues
from .plausibility.soc_jump import SocJump
from .readings import readings_of
from .timing.frame_periods import ALARM_PAIRS_ID, LIMITS_ID, OPTIONAL_IDS, FramePeriods
from .timing.timeouts import LONGEST_TIMEOUT

CHARGE_STATE_ID: Final = 0x355
MEASUREMENTS_ID: Final = 0x356

_COMMON: Final = frozenset({LIMITS_ID, CHARGE_STATE_ID, MEASUREMENTS_ID})
"""What every dialect sends, and with the same meaning but for the current's sign."""
_KEPT: Final = frozenset(
    {"name", "product_1", "product_2", "serial_1", "serial_2", "version", "family"}
    | {"installed_ah", "candidate_ah", "identity_ah"}
)
"""What does not change while a battery is connected: kept however old it is."""
_REQUIRED: Final = frozenset(
    {"charge_voltage_limit", "charge_current_limit", "discharge_current_limit"}
)
_BRIDGED: Final = _REQUIRED | {"soc", "voltage"}
"""Without these nothing can be told. One frame that gives no value for them counts like
one that did not come: a house must not go dark for it."""
_HELD: Final = frozenset(
    {"charge_enabled", "discharge_enabled", "protections", "pair_protections"}
)
"""Control values that not every battery sends; awaited where it does."""
SOC_HOLDS: Final = 60.0
"""Seconds for which the last state of charge holds while limits are fresh: it moves
slowly, and is no protection."""
FORBIDDEN_HOLDS: Final = 600.0
"""Seconds for which it holds that a battery forbade something, if the frame that said so
stays away while limits are fresh."""
_QUICK: Final = HOLD - 0.5
"""Seconds; within the time that a limit has to hold before it rises, one that is told
more often is told twice."""
_VOLTAGES: Final = 5


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


class ReceivedFrame(NamedTuple):
    """What one frame brought."""

    completes_telegram: bool
    """It completes a whole telegram: all that is needed was told again, and is known."""
    changes_value: bool
    """A value is another than before, or was not fresh any more."""


NOTHING_RECEIVED: Final = ReceivedFrame(completes_telegram=False, changes_value=False)


class Telemetry:
    """Everything that one battery has said, as far as it still counts."""

    def __init__(self, config: BatteryConfig) -> None:
        """Begin with nothing said."""
        self._config = config
        self._said: dict[str, _Said] = {}
        self._known: dict[str, Any] = {}
        self._frame_periods = FramePeriods(config)
        self._marks = NO_MARKS
        self._dialect = Dialect.UNKNOWN
        self._pairs = NO_PAIRS
        self._part: set[str] = set()
        self._cache = _EMPTY
        self._plausibility = Plausibility()
        self._confirmation = Confirmation()
        self._soc = SocJump()
        self._duplicate_senders = DuplicateSenders()
        self.modules = Modules()
        """How many it has, and how many are missing."""
        self._rejected = RejectedValues(_BRIDGED)
        self.telegrams = 0
        """Whole telegrams since the start."""
        self.voltages: tuple[float, ...] = ()
        """V; the last ones without a gap, the newest at the end."""
        self.invalid = 0
        """Frames that held a value outside its window."""
        self.last_at: float | None = None
        """When the last frame came; None: none did."""
        self.receiving_since: float | None = None
        """When the first one came after a silence longer than frames count."""

    def configure(self, config: BatteryConfig) -> None:
        """Take over what the user changed."""
        if config.capacity_ah != self._config.capacity_ah:
            self.modules = Modules()
        self._config = config
        self._cache = _EMPTY
        self._frame_periods.configure(config)

    def on_frame(self, frame: Frame) -> ReceivedFrame:
        """Take one of its frames.

        A whole telegram needs, of what not every battery sends, only what this one ever
        gave a value for: a healthy one may send 0x35A for ever without stating a single
        alarm.
        """
        if self.last_at is None or frame.at > self.last_at + LONGEST_TIMEOUT:
            self.receiving_since = frame.at
        self.last_at = max(self.last_at or frame.at, frame.at)
        if self._is_boot(frame):
            return NOTHING_RECEIVED
        self._cache = _EMPTY
        self._marks = marks_after(self._marks, frame)
        verdict = recognise(self._marks, frame.at)
        if verdict.settled:
            self._settle(verdict.dialect)
        else:
            self._doubt_current()
        decoded = decode(frame, verdict.dialect, settled=verdict.settled)
        self.invalid += decoded.invalid
        if frame.can_id in OPTIONAL_IDS and decoded.is_empty:
            return (
                NOTHING_RECEIVED  # malformed, or not to be read yet: it teaches nothing
            )
        values: dict[str, Any] = dict(decoded.values)
        if decoded.pairs is not None:
            values |= self._after_pairs(decoded.pairs, frame.at)
        values = self._believed(values, frame)
        refused = (*decoded.refused, *self._plausibility.refused)
        self._rejected.take(refused, _BRIDGED & values.keys(), frame)
        changes_value = any(
            self._is_new(name, value, frame.at) for name, value in values.items()
        )
        self.modules.take(values)
        self._frame_periods.on_frame(frame.can_id, frame.at, self.telegrams)
        for name, value in values.items():
            self._said[name] = _Said(value, frame.can_id, frame.at)
            if value is not None:
                self._known[name] = value
                self._part.add(name)
        return ReceivedFrame(self._is_whole(frame.at), changes_value)

    def begin_telegram(self) -> None:
        """Begin a new telegram: what came before a gap is no part of it."""
        self._part.clear()

    def remember(self, other: Telemetry) -> None:
        """Take over what was last known from one that is not heard any more."""
        self._known = other._known
        self._cache = _EMPTY

    def is_controlled(self, now: float) -> bool:
        """Return whether limits are known.

        Alarms and enables that stay away lose nobody: see `missing`.
        """
        return self._frame_periods.fresh(LIMITS_ID, now) and all(
            (said := self._said.get(name)) is not None and self._fresh(name, said, now)
            for name in _REQUIRED
        )

    def missing(self, now: float) -> frozenset[int]:
        """Return the IDs of alarms and enables that it used to send and does not now."""
        return self._frame_periods.missing(now)

    def has_duplicate_sender(self, now: float) -> bool:
        """Return whether somebody else sends its IDs, too."""
        return self._duplicate_senders.detected(now)

    def refused(self, now: float) -> tuple[RejectedValue, ...]:
        """Return what it has to report to count and reports outside its window now."""
        return self._rejected.standing(now, self._frame_periods.timeout)

    @property
    def soc_jumped_at(self) -> float | None:
        """When a jump of the state of charge was believed; None: never."""
        return self._soc.jumped_at

    def readings(self, now: float) -> Readings:
        """Return what is fresh at `now`."""
        cache = self._cache
        if cache.readings is not None and cache.since <= now < cache.until:
            return cache.readings
        ends = {
            name: inf if name in _KEPT else self._stale_at(name, said)
            for name, said in self._said.items()
        }
        fresh = {name: self._said[name] for name, end in ends.items() if now < end}
        readings = readings_of(
            {name: said.value for name, said in fresh.items()},
            self._config.capacity_ah,
        )
        until = min((ends[name] for name in fresh), default=inf)
        self._cache = _Cache(readings, now, until, cache.last)
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
        return recognise(self._marks, now).dialect

    @property
    def current_at(self) -> float | None:
        """When its current was measured."""
        current = self._said.get("current")
        return None if current is None else current.at

    @property
    def limits_at(self) -> float | None:
        """When all of its limits had come last; None: never."""
        if not self._said.keys() >= _REQUIRED:
            return None
        return min(self._said[name].at for name in _REQUIRED)

    @property
    def period(self) -> float | None:
        """Seconds; how often the slowest of its limits and measurements comes."""
        return self._frame_periods.period(LIMITS_ID, MEASUREMENTS_ID)

    def stale_at(self, now: float) -> list[float]:
        """Return when its frames and values cease to count, those that still do."""
        ends = (
            self._stale_at(name, said)
            for name, said in self._said.items()
            if name in ("soc", "voltage") or name in _HELD
        )
        return self._frame_periods.ends(now) + [at for at in ends if at > now]

    def _is_boot(self, frame: Frame) -> bool:
        """Return whether it is only starting: limits of 0 before it measured anything."""
        is_zero = frame.can_id == LIMITS_ID and not any(frame.data)
        return is_zero and "voltage" not in self._known

    def _believed(self, values: dict[str, Any], frame: Frame) -> dict[str, Any]:
        """Return what is believed of the values of one frame."""
        capacity, at = self._config.capacity_ah, frame.at
        values = self._plausibility.screen(
            values, capacity=capacity, soc=self._known.get("soc")
        )
        values = {n: v for n, v in values.items() if v is not None or n not in _BRIDGED}
        if (soc := values.get("soc")) is not None:
            amps = max(abs(self._known.get("current", 0.0)), self._largest_current)
            values["soc"] = self._soc.believed(soc, at, amps=amps, capacity=capacity)
        if (volts := values.get("voltage")) is not None:
            said = self._said.get("voltage")
            goes_on = said is not None and self._fresh("voltage", said, at)
            before = self.voltages[1 - _VOLTAGES :] if goes_on else ()
            self.voltages = (*before, volts)
        longest_period = self._frame_periods.longest_period(frame.can_id)
        self._duplicate_senders.on_frame(frame, longest_period)
        disputed = self._duplicate_senders.detected(at)
        slow = disputed or (longest_period or 0.0) > _QUICK
        for name, value in values.items():
            if value is not None and (name in IMMEDIATE or (slow and name in RAMPED)):
                values[name] = self._confirmation.believed(
                    name,
                    value,
                    at,
                    period=longest_period or 0.0,
                    gap=self._gap(name, frame),
                    disputed=disputed,
                )
        return values

    def _gap(self, name: str, frame: Frame) -> float:
        """Return after how many seconds what was told of a value counts no more."""
        said = self._said.get(name)
        still_counts = said is not None and self._fresh(name, said, frame.at)
        if still_counts or self._frame_periods.longest_period(frame.can_id) is None:
            return inf
        return self._frame_periods.timeout(frame.can_id)

    @property
    def _largest_current(self) -> float:
        """A; what may flow where the current is unknown."""
        said = self._said.get("current")
        unknown = said is None or said.value is None
        return min(self._plausibility.largest_limit, HUGE_LIMIT) if unknown else 0.0

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
            self._frame_periods.keep(_COMMON)
            self._pairs = NO_PAIRS
        self._dialect = dialect

    def _doubt_current(self) -> None:
        """Take the current as unknown: it may have been read by the wrong sign."""
        if (said := self._said.get("current")) is not None:
            self._said["current"] = replace(said, value=None)

    def _after_pairs(self, change: PairChange, at: float) -> dict[str, object]:
        """Return the alarms after a 0x35A; what held before a silence is forgotten."""
        if not self._frame_periods.fresh(ALARM_PAIRS_ID, at):
            self._pairs = NO_PAIRS
            self._forget({"pair_protections", "pair_warnings"})
        self._pairs = self._pairs.after(change)
        protections, warnings = self._pairs.flags
        return {"pair_protections": protections, "pair_warnings": warnings}

    def _forget(self, names: AbstractSet[str]) -> None:
        for name in names:
            self._said.pop(name, None)
            self._known.pop(name, None)
            self._confirmation.forget(name)

    def _is_new(self, name: str, value: object, at: float) -> bool:
        said = self._said.get(name)
        if said is None or said.value != value:
            return True
        return name not in _KEPT and not self._fresh(name, said, at)

    def _is_whole(self, at: float) -> bool:
        awaited = {
            name
            for name in _HELD
            if (said := self._said.get(name)) is not None
            and said.value is not None
            and self._frame_periods.fresh(said.can_id, at)
        }
        is_whole = _BRIDGED | awaited <= self._part
        if is_whole:
            self._part.clear()
            self.telegrams += 1
        return is_whole

    def _fresh(self, name: str, said: _Said, now: float) -> bool:
        return now < self._stale_at(name, said)

    def _stale_at(self, name: str, said: _Said) -> float:
        """Return when a value ceases to count; some hold while limits are fresh."""
        end = said.at + self._frame_periods.timeout(said.can_id)
        if name == "voltage":
            return max(end, self._frame_periods.ends_with_limits(said.at))
        if name == "soc":
            holds = SOC_HOLDS
        elif (
            name in _HELD
            and _forbids(said.value)
            and self._frame_periods.is_own(said.can_id)
        ):
            holds = FORBIDDEN_HOLDS
        else:
            return end
        return max(end, min(said.at + holds, self._frame_periods.stale_at(LIMITS_ID)))


def _forbids(value: object) -> bool:
    """Return whether an enable is cleared, or a protection raised."""
    return value is False or (isinstance(value, frozenset) and bool(value))
