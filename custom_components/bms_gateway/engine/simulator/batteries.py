"""A simulated battery: pack, BMS and telegrams, with all their faults."""

from collections import deque
from dataclasses import dataclass, replace
from random import Random
from typing import TypedDict

from ..model import Alarm, Frame, Telegram
from ..protocol import POLL, encode
from .bms import Bms, BmsState, evaluate, path_of, raised, report
from .physics import NO_PATH, Pack, PackState, Path, soc_of, state_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramTiming:
    """When a battery sends; times in seconds."""

    period: float = 1.0
    """From one telegram to the next."""
    phase: float = 0.0
    """From the start to the first telegram."""
    frame_gap: float = 0.0
    """Between the frames of a telegram."""
    wake_time: float | None = None
    """How long one 0x305 makes it send. None: it sends by itself."""
    exact_dlc: bool = False


class ReportOverrides(TypedDict, total=False):
    """Values that a battery reports in place of the true ones (V, A, °C, %)."""

    charge_voltage_limit: float
    charge_current_limit: float
    discharge_current_limit: float
    soc: float
    voltage: float
    current: float
    temperature: float
    charge_enabled: bool
    discharge_enabled: bool
    force_charge: bool
    full_charge: bool
    warnings: frozenset[Alarm]


class SimulatedBattery:
    """One battery: cells, BMS and the telegrams it sends."""

    def __init__(
        self,
        id: str,
        pack: Pack,
        bms: Bms,
        *,
        soc: float = 50.0,
        timing: TelegramTiming | None = None,
        rng: Random | None = None,
    ) -> None:
        """Create a battery at rest; `soc` in %, `rng` for the measurement noise."""
        self.id = id
        self.pack = pack
        self.bms = bms
        self.cells = state_of(pack, soc)
        self.bms_state = BmsState()
        """The state of the BMS itself."""
        self.timing = timing if timing is not None else TelegramTiming()
        self.silent = False
        """It sends nothing but still carries current."""
        self.breaker_closed = True
        self.protections: frozenset[Alarm] = frozenset()
        """Protections raised by hand, in addition to the BMS's own."""
        self.overrides: ReportOverrides = {}
        self._rng = rng
        self._queue: deque[Frame] = deque()
        self._next_at: float | None = None
        self._polled_at: float | None = None

    @property
    def soc(self) -> float:
        """The true state of charge in %."""
        return soc_of(self.pack, self.cells)

    @property
    def state(self) -> BmsState:
        """The state of the BMS, including protections raised by hand."""
        return raised(self.bms_state, self.protections)

    @property
    def path(self) -> Path:
        """The directions in which current can flow now."""
        return path_of(self.bms, self.state) if self.breaker_closed else NO_PATH

    def on_frame(self, frame: Frame, now: float) -> None:
        """Take a frame from its bus; it only reacts to polls."""
        if frame.standard and frame.can_id == POLL.can_id:
            self._polled_at = now

    def take(self, cells: PackState, dt: float) -> None:
        """Take over the pack's new state, `dt` seconds later."""
        self.cells = cells
        self.bms_state = evaluate(self.bms, self.bms_state, self.pack, cells, dt)

    def telegram(self) -> Telegram:
        """Return the present telegram."""
        truth = report(self.bms, self.state, self.pack, self.cells, self._rng)
        return replace(truth, **self.overrides)

    def due(self, now: float) -> list[Frame]:
        """Return the frames that are due by now."""
        if self._next_at is None:
            self._next_at = now + self.timing.phase
        if now >= self._next_at:
            while self._next_at <= now:
                self._next_at += self.timing.period
            if self._sends(now):
                self._begin(now)
        frames = []
        while self._queue and self._queue[0].at <= now:
            frames.append(self._queue.popleft())
        return [] if self.silent else frames

    def _sends(self, now: float) -> bool:
        """Return whether a telegram is due: sent without polls, or polled recently."""
        wake_time = self.timing.wake_time
        if wake_time is None:
            return True
        return self._polled_at is not None and now - self._polled_at <= wake_time

    def _begin(self, now: float) -> None:
        """Put a telegram's frames in the queue, each with its time."""
        frames = encode(self.telegram(), exact_dlc=self.timing.exact_dlc)
        self._queue.extend(
            Frame(frame.can_id, frame.data, now + k * self.timing.frame_gap)
            for k, frame in enumerate(frames)
        )
