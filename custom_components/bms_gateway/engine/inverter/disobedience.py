"""Whether inverters take more current than they were told, and for how long."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import logging
from math import inf
from typing import Final

from ..config import InverterConfig
from ..model import BatteryState, BatteryStatus, Direction, Disobedience

_LOGGER = logging.getLogger(__name__)

MARGIN: Final = 5.0
"""A; up to so much more than an inverter was told is within what meters get wrong."""
MARGIN_PART: Final = 0.1
"""The same as a part of what it was told; the larger of both counts."""
LASTS: Final = 30.0
"""Seconds for which an inverter has to take too much to be named, or to obey again for
that to end; they follow its reaction time."""
STEP: Final = 10.0
"""Seconds that count at most from one measurement to the next: the slowest batteries
measure that often. So no fewer than four measurements in a row show anything."""
UNKNOWN_FOR: Final = 60.0
"""Seconds without knowledge after which what was found before is forgotten."""
SENSOR_STALE: Final = 60.0
"""Seconds after which the last value of an inverter's own sensor counts no more. Most
integrations that read an inverter do so every 5 to 30 s."""
SAMPLING: Final = 1.0
"""Seconds between two samples; no battery or inverter reports faster."""

_HISTORY: Final = 256
"""Samples of what an inverter was told: its reaction time (up to 120 s) and the age of
a measurement (up to SENSOR_STALE) fit in."""
_AGREEING: Final = 3
"""Measurements in a row of which the least counts: no single one lowers a limit."""


@dataclass(frozen=True, slots=True)
class Current:
    """A current in A, charge positive, and when it was measured."""

    amps: float
    at: float


@dataclass(frozen=True, slots=True)
class InverterLoad:
    """What an inverter may take: `amps` per direction, in A.

    That is what it was told or, where it `is_told` nothing, its rating: then it does as
    it likes, and disobeys nobody.
    """

    config: InverterConfig
    amps: Mapping[Direction, float]
    is_sent: bool


def measured(batteries: Iterable[BatteryState]) -> Current | None:
    """Return the bank's current as the batteries measure it; None: not known exactly.

    Nobody is accused by an estimate: every battery in service has to be online and to
    tell its current. `at` is when the oldest of them was measured.
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


class Obedience:
    """Compares what inverters take with what they were told.

    The current of an inverter is known from its own sensor. Of those without one only
    the sum is known: the bank's current less what the sensors show. Where several make
    that sum, all of them are named as those that it may be.

    Evidence is continuous: one measurement that shows the contrary begins anew. Where
    nothing is known, the time stands still, and after UNKNOWN_FOR all is forgotten.
    """

    def __init__(self) -> None:
        """Begin without a past."""
        self._sent: dict[str, deque[tuple[float, Mapping[Direction, float]]]] = {}
        self._sensed: dict[str, Current] = {}
        self._counted: frozenset[str] = frozenset()
        """Inverters whose sensor counted the last time."""
        self._evidence: dict[tuple[frozenset[str], Direction], _Evidence] = {}
        self._looked_at: float | None = None
        self._sampled_at = -inf
        self._bank: Current | None = None
        self._is_sensed = False
        """Whether sensors show currents of inverters."""

    def due_at(self, sent: Callable[[], Mapping[Direction, float]]) -> float | None:
        """Return when to look again though nothing new comes; None: all obey.

        Neither a current that stays the same nor a limit that was told is news by
        itself. `told`: gives the sum of what the inverters were told, in A.
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
        """Take what an inverter's own sensor shows; None: nothing, or it has none."""
        if current is None:
            self._sensed.pop(inverter_id, None)
        else:
            self._sensed[inverter_id] = current
            self._is_sensed = True

    def update(
        self,
        now: float,
        bank: Current | None,
        takers: Sequence[InverterLoad],
        departed: Mapping[Direction, float],
    ) -> None:
        """Look what there is; it counts if the last that did is SAMPLING ago.

        `departed`: what inverters that were taken out of the configuration may still
        take, in A.
        """
        self._looked_at, self._bank = now, bank
        if now < self._sampled_at + SAMPLING:
            return
        self._sampled_at = now
        self._remember(takers, now)
        sensed = self._fresh(takers, now)
        seen = set()
        for group, current in _groups(takers, sensed, bank):
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
                self._evidence.setdefault((key, direction), _Evidence()).see(
                    direction.sign * current.amps,
                    sum(allowed) + rest,
                    sum(max(MARGIN, MARGIN_PART * amps) for amps in allowed),
                    Sample(current.at, now, suspects, is_sensed),
                )
        self._forget(seen, now)
        self._is_sensed = bool(sensed)

    def found(self, inverter_id: str) -> dict[Direction, Disobedience]:
        """Return in which directions an inverter, or one of several, disobeys."""
        return {
            direction: evidence.found
            for (_, direction), evidence in self._evidence.items()
            if evidence.found and inverter_id in evidence.found.inverters
        }

    @property
    def beyond(self) -> dict[Direction, float]:
        """Return what inverters take beyond what they were told, in A per direction.

        Only of inverters that disobey: it is known sooner than current from an unknown
        source, which counts only after 20 s (`Untold`).
        """
        beyond = dict.fromkeys(Direction, 0.0)
        for (_, direction), evidence in self._evidence.items():
            if evidence.found:
                beyond[direction] += evidence.beyond
        return beyond

    def _remember(self, takers: Sequence[InverterLoad], now: float) -> None:
        """Keep what the inverters may take, for as long as they may still follow it."""
        before = self._sent
        self._sent = {}
        for load in takers:
            key = load.config.id
            sent = self._sent[key] = before.get(key) or deque(maxlen=_HISTORY)
            sent.append((now, dict(load.amps)))

    def _fresh(self, takers: Sequence[InverterLoad], now: float) -> dict[str, Current]:
        """Return what the sensors show, by inverter; log once where that changes."""
        names = {load.config.id: load.config.name for load in takers}
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
        """Return what each may have taken at a moment, in A; None: not known yet.

        That is the most it was told since then or within its reaction time before.
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
        """Let evidence wait of which nothing was seen; forget what shows nothing."""
        for key, evidence in list(self._evidence.items()):
            if key not in seen:
                evidence.wait()
            if evidence.is_empty or now > evidence.seen_at + UNKNOWN_FOR:
                del self._evidence[key]


@dataclass(frozen=True, slots=True)
class Sample:
    """When a current was measured, and seen; who may take it, and who tells it."""

    measured_at: float
    now: float
    suspects: frozenset[str]
    is_sensed: bool


class _Evidence:
    """Whether a group of inverters disobeys in one direction."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.found: Disobedience | None = None
        self.seen_at = -inf
        self.beyond = 0.0
        """A beyond what was told: the least of the last measurements."""
        self._recent: deque[tuple[float, float]] = deque(maxlen=_AGREEING)
        self._since: float | None = None
        """When the first measurement in a row was made that contradicts `found`."""
        self._last: float | None = None
        """When the last of them was; None: nothing was known meanwhile."""
        self._lasted = 0.0
        self._least = inf

    @property
    def is_empty(self) -> bool:
        """Return whether nothing points at disobedience."""
        return self.found is None and self._since is None

    def see(self, taken: float, allowed: float, margin: float, sample: Sample) -> None:
        """Take one sample: all in A, in the sense of the direction."""
        at, self.seen_at = sample.measured_at, sample.now
        if not self._recent or at > self._recent[-1][0]:
            self._recent.append((at, taken - allowed))
        self.beyond = max(0.0, min(amps for _, amps in self._recent))
        is_over = taken > allowed + margin
        if is_over is (self.found is not None):
            self._begin()
            return
        if self._since is None:
            self._since = at
        if self._last is not None and at > self._last:
            self._lasted += min(at - self._last, STEP)
        self._last = at if self._last is None else max(at, self._last)
        self._least = min(self._least, taken)
        if self._lasted < LASTS:
            return
        self.found = None
        if is_over:
            self.found = Disobedience(
                sent=allowed,
                taken=self._least,
                since=self._since,
                inverters=sample.suspects,
                sensed=sample.is_sensed,
            )
        self._begin()

    def wait(self) -> None:
        """Count no time while nothing is known."""
        self._last = None

    def _begin(self) -> None:
        self._since = self._last = None
        self._lasted, self._least = 0.0, inf


def _groups(
    takers: Sequence[InverterLoad], sensed: Mapping[str, Current], bank: Current | None
) -> Iterator[tuple[Sequence[InverterLoad], Current]]:
    """Yield inverters whose common current is known, and that current."""
    for load in takers:
        if current := sensed.get(load.config.id):
            yield (load,), current
    others = [load for load in takers if load.config.id not in sensed]
    if others and bank is not None:
        amps = bank.amps - sum(current.amps for current in sensed.values())
        at = min(bank.at, *(current.at for current in sensed.values()), inf)
        yield others, Current(amps, at)


def _most_since(
    sent: deque[tuple[float, Mapping[Direction, float]]],
    since: float,
    direction: Direction,
) -> float | None:
    """Return the most that held since a moment, in A; None: it reaches not so far."""
    most = 0.0
    for at, amps in reversed(sent):
        most = max(most, amps[direction])
        if at <= since:
            return most
    return None
