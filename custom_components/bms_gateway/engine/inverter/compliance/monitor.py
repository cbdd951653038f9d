"""Detects inverters that take more current than the limits sent to them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import logging
from math import inf
from typing import Final

from ...config import InverterConfig
from ...model import BatteryState, BatteryStatus, Direction, Disobedience
from .evidence import Evidence, Sample

_LOGGER = logging.getLogger(__name__)

MARGIN: Final = 5.0
"""A; up to this much above the limit is within the error of the meters."""
MARGIN_PART: Final = 0.1
"""The same as a part of the limit; the larger of both counts."""
UNKNOWN_FOR: Final = 60.0
"""Seconds without measurements after which earlier findings are dropped."""
SENSOR_STALE: Final = 60.0
"""Seconds after which the last value of an inverter's own sensor no longer counts. Most
integrations that read an inverter do so every 5 to 30 s."""
SAMPLING: Final = 1.0
"""Seconds between two samples; no battery or inverter reports faster."""

_HISTORY: Final = 256
"""Samples of the limits sent to an inverter: its reaction time (up to 120 s) and the
age of a measurement (up to SENSOR_STALE) fit in."""


@dataclass(frozen=True, slots=True)
class Current:
    """A current in A, charge positive, and when it was measured."""

    amps: float
    at: float


@dataclass(frozen=True, slots=True)
class InverterLoad:
    """The current that an inverter may take: `amps` per direction, in A.

    That is the limit sent to it or, if there is none (`is_sent` is false), its rating:
    then it follows its own settings, and exceeds no limit.
    """

    config: InverterConfig
    amps: Mapping[Direction, float]
    is_sent: bool


def measured(batteries: Iterable[BatteryState]) -> Current | None:
    """Return the bank's current as the batteries measure it; None: not exactly known.

    An estimate accuses no inverter: every battery in service has to be online and to
    report its current. `at`: when the oldest of these was measured.
    """
    amps, at = 0.0, inf
    for battery in batteries:
        if battery.status in (BatteryStatus.OUT_OF_SERVICE, BatteryStatus.DUPLICATE):
            continue
        current, measured_at = battery.readings.current, battery.current_at
        if not battery.online or current is None or measured_at is None:
            return None
        amps += current
        at = min(at, measured_at)
    return None if at == inf else Current(amps, at)


class ComplianceMonitor:
    """Compares the currents of inverters with the limits sent to them.

    The current of an inverter is known from its own sensor. For those without one only
    the sum is known: the bank's current minus what the sensors report. Where several
    inverters make up that sum, all of them are named as possible.

    Evidence has to be continuous: one measurement to the contrary restarts it. While
    nothing is known, its time does not advance, and after UNKNOWN_FOR it is dropped.
    """

    def __init__(self) -> None:
        """Create it without evidence."""
        self._sent: dict[str, deque[tuple[float, Mapping[Direction, float]]]] = {}
        self._sensed: dict[str, Current] = {}
        self._counted: frozenset[str] = frozenset()
        """Inverters whose sensor was in use at the last sample."""
        self._evidence: dict[tuple[frozenset[str], Direction], Evidence] = {}
        self._looked_at: float | None = None
        self._sampled_at = -inf
        self._bank: Current | None = None
        self._is_sensed = False
        """Whether sensors report currents of inverters."""

    def due_at(self, sent: Callable[[], Mapping[Direction, float]]) -> float | None:
        """Return when to look again although nothing is received; None: all comply.

        Neither a current that stays the same nor a limit that was sent triggers an
        evaluation. `sent`: gives the sum of the limits sent to the inverters, in A.
        """
        if self._looked_at is None:
            return None
        doubtful = self._is_sensed or bool(self._evidence)
        if not doubtful and self._bank is not None:
            amps = self._bank.amps
            doubtful = abs(amps) > MARGIN and any(
                direction.sign * amps > limit + MARGIN
                for direction, limit in sent().items()
            )
        return self._looked_at + SAMPLING if doubtful else None

    def sense(self, inverter_id: str, current: Current | None) -> None:
        """Take an inverter's own sensor value; None: there is none."""
        if current is None:
            self._sensed.pop(inverter_id, None)
        else:
            self._sensed[inverter_id] = current
            self._is_sensed = True

    def update(
        self,
        now: float,
        bank: Current | None,
        loads: Sequence[InverterLoad],
        departed: Mapping[Direction, float],
    ) -> None:
        """Take a sample if the last one is at least SAMPLING ago.

        `bank`: the bank's current. `departed`: the current that removed inverters may
        still take, in A.
        """
        self._looked_at, self._bank = now, bank
        if now < self._sampled_at + SAMPLING:
            return
        self._sampled_at = now
        self._remember(loads, now)
        sensed = self._fresh(loads, now)
        seen = set()
        for group, current in _groups(loads, sensed, bank):
            suspects = frozenset(t.config.id for t in group if t.is_sent)
            if not suspects:
                continue
            key = frozenset(load.config.id for load in group)
            for direction in Direction:
                allowed = self._allowed(group, direction, current.at)
                if allowed is None:
                    continue
                is_sensed = key <= sensed.keys()
                rest = 0.0 if is_sensed else departed.get(direction, 0.0)
                seen.add((key, direction))
                self._evidence.setdefault((key, direction), Evidence()).add(
                    direction.sign * current.amps,
                    sum(allowed) + rest,
                    sum(max(MARGIN, MARGIN_PART * amps) for amps in allowed),
                    Sample(current.at, now, suspects, is_sensed),
                )
        self._forget(seen, now)
        self._is_sensed = bool(sensed)

    def found(self, inverter_id: str) -> dict[Direction, Disobedience]:
        """Return the directions in which an inverter, or one of several, disobeys."""
        return {
            direction: evidence.found
            for (_, direction), evidence in self._evidence.items()
            if evidence.found and inverter_id in evidence.found.inverters
        }

    @property
    def beyond(self) -> dict[Direction, float]:
        """Return the current above the sent limits, in A per direction.

        Only of inverters that disobey: it is known sooner than current from an unknown
        source, which counts only after 20 s (`UnmanagedCurrent`).
        """
        beyond = dict.fromkeys(Direction, 0.0)
        for (_, direction), evidence in self._evidence.items():
            if evidence.found:
                beyond[direction] += evidence.beyond
        return beyond

    def _remember(self, loads: Sequence[InverterLoad], now: float) -> None:
        """Record the sent limits for as long as an inverter may still follow them."""
        before = self._sent
        self._sent = {}
        for load in loads:
            key = load.config.id
            sent = self._sent[key] = before.get(key) or deque(maxlen=_HISTORY)
            sent.append((now, dict(load.amps)))

    def _fresh(self, loads: Sequence[InverterLoad], now: float) -> dict[str, Current]:
        """Return the sensors' currents by inverter; log a sensor's change once."""
        names = {load.config.id: load.config.name for load in loads}
        fresh = {
            key: current
            for key, current in self._sensed.items()
            if key in names and now <= current.at + SENSOR_STALE
        }
        for key in fresh.keys() - self._counted:
            _LOGGER.info("%s: its DC current is known from its sensor", names[key])
        for key in self._counted & names.keys() - fresh.keys():
            _LOGGER.warning("%s: the sensor of its DC current is silent", names[key])
        self._counted = frozenset(fresh)
        return fresh

    def _allowed(
        self, group: Sequence[InverterLoad], direction: Direction, at: float
    ) -> list[float] | None:
        """Return the current that each may have taken, in A; None: not known yet.

        That is the highest limit sent since `at` or within the reaction time before.
        """
        most = [
            _most_since(
                self._sent[load.config.id],
                at - load.config.reaction_time,
                direction,
            )
            for load in group
        ]
        known = [amps for amps in most if amps is not None]
        return known if len(known) == len(most) else None

    def _forget(self, seen: set[tuple[frozenset[str], Direction]], now: float) -> None:
        """Pause evidence without a sample; drop evidence that shows nothing."""
        for key, evidence in list(self._evidence.items()):
            if key not in seen:
                evidence.pause()
            if evidence.is_empty or now > evidence.sampled_at + UNKNOWN_FOR:
                del self._evidence[key]


def _groups(
    loads: Sequence[InverterLoad], sensed: Mapping[str, Current], bank: Current | None
) -> Iterator[tuple[Sequence[InverterLoad], Current]]:
    """Yield groups of inverters whose common current is known, and that current."""
    for load in loads:
        if current := sensed.get(load.config.id):
            yield (load,), current
    others = [load for load in loads if load.config.id not in sensed]
    if others and bank is not None:
        amps = bank.amps - sum(current.amps for current in sensed.values())
        at = min(bank.at, *(current.at for current in sensed.values()), inf)
        yield others, Current(amps, at)


def _most_since(
    sent: deque[tuple[float, Mapping[Direction, float]]],
    since: float,
    direction: Direction,
) -> float | None:
    """Return the highest limit since a time, in A; None: the record is too short."""
    most = 0.0
    for at, amps in reversed(sent):
        most = max(most, amps[direction])
        if at <= since:
            return most
    return None
