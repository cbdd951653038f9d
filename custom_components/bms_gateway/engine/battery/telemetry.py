"""Everything that a battery reports: frames decoded by its dialect, values with their age."""

from collections.abc import Iterator
import logging
from typing import Any, Final, NamedTuple

from ..config import BatteryConfig
from ..model import Dialect, Frame, Readings, RejectedValue
from ..protocol import NO_PAIRS, PairChange, RecognisedDialect, decode
from .dialect_in_use import DialectInUse
from .modules import Modules
from .plausibility.recognition import Recognition
from .plausibility.screening import BRIDGED, Screening
from .timing.frame_periods import ALARM_PAIRS_ID, LIMITS_ID, OPTIONAL_IDS, FramePeriods
from .timing.timeouts import LONGEST_TIMEOUT
from .value_store import REQUIRED, ValueStore

_LOGGER = logging.getLogger(__name__)

CHARGE_STATE_ID: Final = 0x355
MEASUREMENTS_ID: Final = 0x356

_COMMON: Final = frozenset({LIMITS_ID, CHARGE_STATE_ID, MEASUREMENTS_ID})
"""Sent in every dialect, with the same meaning but for the sign of the current."""
_VOLTAGES: Final = 5


class ReceivedFrame(NamedTuple):
    """The effect of one frame."""

    completes_telegram: bool
    """Every required value has come again since the last telegram, and is known."""
    changes_value: bool
    """A value differs from the one before, or that one had expired."""


NOTHING_RECEIVED: Final = ReceivedFrame(completes_telegram=False, changes_value=False)


class Telemetry:
    """Everything that one battery has reported, as far as it still counts."""

    def __init__(self, config: BatteryConfig) -> None:
        """Begin without a frame."""
        self._config = config
        self._frame_periods = FramePeriods(config)
        self._values = ValueStore(self._frame_periods, config.capacity_ah)
        self._screening = Screening(
            self._values, self._frame_periods, config.nominal_voltage
        )
        self._dialect_in_use = DialectInUse(config.dialect)
        self._dialect = config.dialect or Dialect.UNKNOWN
        self._pairs = NO_PAIRS
        self._part: set[str] = set()
        self.modules = Modules()
        """How many it has, and how many are missing."""
        self.telegrams = 0
        """Whole telegrams since the start."""
        self.voltages: tuple[float, ...] = ()
        """V; the last ones without a gap, the newest at the end."""
        self.invalid = 0
        """Frames that held a value outside its window."""
        self.last_at: float | None = None
        """When the last frame came; None: none did."""
        self.receiving_since: float | None = None
        """When the first frame came after a silence longer than any time-out."""

    def configure(self, config: BatteryConfig) -> None:
        """Take over a changed configuration."""
        if config.capacity_ah != self._config.capacity_ah:
            self.modules = Modules()
        if self._screening.configure(config.nominal_voltage):
            self.voltages = ()
        self._config = config
        self._values.configure(config.capacity_ah)
        self._frame_periods.configure(config)
        is_other_dialect = self._dialect_in_use.configure(config.dialect)
        if is_other_dialect and self.last_at is not None:
            self._use(self._dialect_in_use.at(self.last_at))

    def on_frame(self, frame: Frame) -> ReceivedFrame:
        """Take one of its frames.

        Of the values that not every battery sends, a whole telegram needs only those that
        this one ever gave: a healthy battery may send 0x35A for ever without stating a
        single alarm.
        """
        if self.last_at is None or frame.at > self.last_at + LONGEST_TIMEOUT:
            self.receiving_since = frame.at
        self.last_at = max(self.last_at or frame.at, frame.at)
        if self._is_boot(frame):
            return NOTHING_RECEIVED
        self._values.expire_cache()
        recognised = self._dialect_in_use.on_frame(frame)
        self._use(recognised)
        decoded = decode(frame, recognised.dialect, settled=recognised.settled)
        self.invalid += decoded.invalid
        if frame.can_id in OPTIONAL_IDS and decoded.is_empty:
            # Malformed, or its layout is not known yet: it must not count as sent
            return NOTHING_RECEIVED
        values: dict[str, Any] = dict(decoded.values)
        if decoded.pairs is not None:
            values |= self._after_pairs(decoded.pairs, frame.at)
        nominal = self.recognition.row
        values = self._screening.accepted(
            values, decoded.rejected, frame, self._config.capacity_ah
        )
        self.invalid += self._screening.is_outside and not decoded.invalid
        if self.recognition.row is not nominal:
            self.voltages = ()
        if (volts := values.get("voltage")) is not None:
            self._add_voltage(volts, frame.at)
        changes_value = any(
            self._values.is_new(name, value, frame.at) for name, value in values.items()
        )
        self.modules.take(values)
        self._frame_periods.on_frame(frame.can_id, frame.at, self.telegrams)
        for name, value in values.items():
            self._values.put(name, value, frame.can_id, frame.at)
            if value is not None:
                self._part.add(name)
        return ReceivedFrame(self._completes_telegram(frame.at), changes_value)

    def begin_telegram(self) -> None:
        """Begin a new telegram: values from before a gap are no part of it."""
        self._part.clear()

    def remember(self, other: Telemetry) -> None:
        """Take over the last known values of one that is no longer received."""
        self._values.remember(other._values)
        self._screening.recognition.remember(other._screening.recognition)

    @property
    def recognition(self) -> Recognition:
        """The battery's nominal voltage."""
        return self._screening.recognition

    def is_controlled(self, now: float) -> bool:
        """Return whether limits are known.

        A battery is not lost for missing alarms and enables: see `missing`.
        """
        return self._frame_periods.fresh(LIMITS_ID, now) and all(
            self._values.is_fresh(name, now) for name in REQUIRED
        )

    def missing(self, now: float) -> frozenset[int]:
        """Return the IDs of alarms and enables that it no longer sends, but used to."""
        return self._frame_periods.missing(now)

    def has_duplicate_sender(self, now: float) -> bool:
        """Return whether another node sends its IDs, too."""
        return self._screening.has_duplicate_sender(now)

    def rejected(self, now: float) -> tuple[RejectedValue, ...]:
        """Return the required values that it reports outside their window now."""
        return self._screening.rejected(now)

    @property
    def soc_jumped_at(self) -> float | None:
        """When a jump of the state of charge was accepted; None: never."""
        return self._screening.soc_jumped_at

    def readings(self, now: float) -> Readings:
        """Return the readings of the values that count at `now`."""
        return self._values.readings(now)

    @property
    def last(self) -> Readings:
        """The readings of its last known values, fresh or not."""
        return self._values.last

    @property
    def dialect(self) -> Dialect:
        """The dialect by which its frames are read, or were before a change began."""
        return self._dialect

    def contradicting(self, now: float) -> Dialect | None:
        """Return the dialect that it shows in spite of the chosen one, for a while now."""
        return self._dialect_in_use.contradicting(now)

    @property
    def current_at(self) -> float | None:
        """When its current was measured."""
        current = self._values.get("current")
        return None if current is None else current.at

    @property
    def limits_at(self) -> float | None:
        """When all of its limits had come last; None: never."""
        return self._values.limits_at

    @property
    def period(self) -> float | None:
        """Seconds; how often the slowest of its limits and measurements comes."""
        return self._frame_periods.period(LIMITS_ID, MEASUREMENTS_ID)

    def wake_times(self, now: float) -> Iterator[float]:
        """Yield when its frames and values expire."""
        yield from self._frame_periods.wake_times(now)
        yield from self._values.wake_times(now)

    def _is_boot(self, frame: Frame) -> bool:
        """Return whether the battery is only starting: limits of 0 before any voltage."""
        is_zero = frame.can_id == LIMITS_ID and not any(frame.data)
        return is_zero and "voltage" not in self._values.known

    def _add_voltage(self, volts: float, at: float) -> None:
        has_no_gap = self._values.is_fresh("voltage", at)
        before = self.voltages[1 - _VOLTAGES :] if has_no_gap else ()
        self.voltages = (*before, volts)

    def _use(self, recognised: RecognisedDialect) -> None:
        """Read by this dialect; while it is not settled, the current is unknown."""
        if recognised.settled:
            self._settle(recognised.dialect)
        else:
            self._clear_current()

    def _settle(self, dialect: Dialect) -> None:
        """Forget values that only the old dialect has: the new one need not send them."""
        both = (dialect, self._dialect)
        if dialect is self._dialect:
            return
        if Dialect.UNKNOWN not in both:
            _LOGGER.info(
                "%s changed from the protocol of %s to that of %s",
                self._config.name,
                self._dialect.brand,
                dialect.brand,
            )
        if Dialect.DEYE in both:
            self._clear_current()
        if Dialect.UNKNOWN not in both:
            self._forget(self._values.names_except(_COMMON))
            self._frame_periods.keep(_COMMON)
            self._pairs = NO_PAIRS
        self._dialect = dialect

    def _clear_current(self) -> None:
        """Make the current unknown: it may have been read with the wrong sign."""
        self._values.clear_value("current")

    def _after_pairs(self, change: PairChange, at: float) -> dict[str, object]:
        """Return the alarms after a 0x35A; those from before a silence are forgotten."""
        if not self._frame_periods.fresh(ALARM_PAIRS_ID, at):
            self._pairs = NO_PAIRS
            self._forget({"pair_protections", "pair_warnings"})
        self._pairs = self._pairs.after(change)
        protections, warnings = self._pairs.flags
        return {"pair_protections": protections, "pair_warnings": warnings}

    def _forget(self, names: set[str]) -> None:
        self._values.forget(names)
        self._screening.forget(names)

    def _completes_telegram(self, at: float) -> bool:
        is_whole = BRIDGED.union(self._values.awaited(at)) <= self._part
        if is_whole:
            self._part.clear()
            self.telegrams += 1
        return is_whole
