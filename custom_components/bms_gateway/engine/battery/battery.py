"""One battery's status: waiting, online, lost, rejoining, out of service."""

from collections import deque
from collections.abc import Iterator
import logging
from math import inf
from typing import Final

from ..config import BatteryConfig
from ..model import BatteryState, BatteryStatus, Frame, Readings
from ..protocol import is_battery_frame, is_extra_frame, is_request
from ..scheduling import Priority
from .highest_limits import HighestLimits
from .out_of_service import OutOfServiceMonitor
from .telemetry import MEASUREMENTS_ID, Telemetry
from .timing.frame_periods import CONTROL_IDS
from .timing.gaps import Gaps
from .timing.telegram_boundary import TelegramBoundary
from .timing.timeouts import LONGEST_TIMEOUT
from .wrong_port import WrongPort

_LOGGER = logging.getLogger(__name__)

REJOIN_TELEGRAMS: Final = 3
"""Whole telegrams without a gap after which a lost battery counts again."""


class Battery:
    """One battery: takes its frames and returns its state."""

    def __init__(self, config: BatteryConfig) -> None:
        """Wait for the battery's first complete telegram."""
        self._config = config
        self._telemetry = Telemetry(config)
        self._telegram_boundary = TelegramBoundary()
        self._in_service = True
        self._out_of_service_monitor = OutOfServiceMonitor()
        self._status = BatteryStatus.WAITING
        self._since_loss = self._losses = 0
        self._gaps = Gaps()
        self._habitual = False
        self._recent_readings: deque[Readings] = deque(maxlen=2)
        self._lost_at: float | None = None
        self._wrong_port = WrongPort()
        self._limits_at: float | None = None
        self._bridged_until = -inf
        self._highest = HighestLimits()

    @property
    def config(self) -> BatteryConfig:
        """The configuration; it may be changed while the battery runs."""
        return self._config

    @config.setter
    def config(self, config: BatteryConfig) -> None:
        self._config = config
        self._telemetry.configure(config)

    def moved_to(self, config: BatteryConfig, now: float) -> Battery:
        """Return this battery on another port.

        It is lost, if it was ever online, and restarted.
        """
        battery = Battery(config)
        battery._in_service, battery._lost_at = self._in_service, self._lost_at
        if self._status is not BatteryStatus.WAITING:
            battery._status = BatteryStatus.LOST
            battery._lost_at = now if self._lost_at is None else self._lost_at
            battery._telemetry.remember(self._telemetry)
            battery._losses = self._losses
            battery._highest = self._highest
        return battery

    def set_in_service(self, in_service: bool, now: float) -> None:
        """Put the battery in service or take it out, as the user wants.

        One that is not received when it is put in service, or never was, is lost since
        then: the others continue for the grace period, in which it may be connected.
        """
        if in_service is self._in_service:
            return
        self._in_service = in_service
        self._out_of_service_monitor = OutOfServiceMonitor()
        self._gaps.leave()
        self._habitual = False
        if in_service:
            self._begin_to_count(now)

    @property
    def telegram_boundary(self) -> TelegramBoundary:
        """The boundaries of its telegrams."""
        return self._telegram_boundary

    @property
    def recent_readings(self) -> tuple[Readings, ...]:
        """Its readings at each of its last two whole telegrams."""
        return tuple(self._recent_readings)

    def on_frame(self, frame: Frame) -> Priority:
        """Take one frame from the battery's bus; return how soon to evaluate it.

        Frames of other nodes are ignored. On a busy bus most frames change nothing.
        """
        if is_request(frame):
            self._wrong_port.on_request(frame.at)
            return Priority.SOON
        if is_battery_frame(frame):
            self._wrong_port.on_battery_frame()
            self._telegram_boundary.on_frame(frame.can_id, frame.at)
        elif not is_extra_frame(frame, self._telemetry.dialect):
            return Priority.NONE
        received = self._telemetry.on_frame(frame)
        if received.completes_telegram:
            self._since_loss += 1
            self._recent_readings.append(self._telemetry.readings(frame.at))
        if self._status is not BatteryStatus.ONLINE or (
            received.changes_value and frame.can_id in CONTROL_IDS
        ):
            return Priority.AT_ONCE
        # An unchanged current matters, too: its time shows which battery carries it
        measured = frame.can_id == MEASUREMENTS_ID
        return Priority.SOON if received.changes_value or measured else Priority.NONE

    def bridge(self, until: float) -> None:
        """Record that the others continue until then although it is not received.

        If it is back by then, it counts from its first whole telegram on.
        """
        self._bridged_until = until

    def update(self, now: float) -> None:
        """Update the status by the values that are fresh at `now`."""
        self._telegram_boundary.update(now)
        controlled = self._telemetry.is_controlled(now)
        enough = 1 if now < self._bridged_until else REJOIN_TELEGRAMS
        if self._status is BatteryStatus.LOST and controlled:
            self._status = BatteryStatus.REJOINING
            self._gaps.on_frame(now)
        match self._status:
            case BatteryStatus.WAITING if controlled and self._complete(now):
                self._status = BatteryStatus.ONLINE
                self._lost_at = None
                _LOGGER.info("%s is online", self.config.name)
            case BatteryStatus.ONLINE if not controlled:
                self._lose(now)
                _LOGGER.warning("%s is lost", self.config.name)
            case BatteryStatus.REJOINING if not controlled:
                self._status = BatteryStatus.LOST
                self._restart_count()
            case BatteryStatus.REJOINING if self._since_loss >= enough:
                self._status = BatteryStatus.ONLINE
                self._lost_at = None
                self._gaps.end()
                _LOGGER.info("%s is back", self.config.name)
        if not self._in_service:
            self._watch(now)
        self._highest.take(
            self._telemetry.readings(now), self._telemetry.recognition.row
        )
        if self._status is BatteryStatus.ONLINE:
            self._limits_at = self._telemetry.limits_at

    def state(self, now: float) -> BatteryState:
        """Return the battery's state at `now`; its readings hold only fresh values."""
        telemetry = self._telemetry
        readings = telemetry.readings(now)
        carries_current = self._out_of_service_monitor.counts
        out = not self._in_service and not carries_current
        return BatteryState(
            id=self.config.id,
            status=BatteryStatus.OUT_OF_SERVICE if out else self._status,
            capacity_ah=self.config.capacity_ah,
            readings=readings,
            last=readings if self._status is BatteryStatus.ONLINE else telemetry.last,
            cells=self._highest.cells,
            largest_charge_limit=self._highest.charge,
            largest_discharge_limit=self._highest.discharge,
            dialect=telemetry.dialect,
            contradicting=telemetry.contradicting(now),
            last_frame_at=telemetry.last_at,
            current_at=telemetry.current_at,
            period=telemetry.period,
            limits_at=self._limits_at,
            lost_at=self._lost_at,
            telegrams=telemetry.telegrams,
            losses=self._losses,
            gaps=self._gaps.count(now),
            habitual=self._habitual,
            carries_current_out_of_service=carries_current,
            voltages=telemetry.voltages,
            modules_most=telemetry.modules.most,
            modules_missing=telemetry.modules.missing,
            invalid=telemetry.invalid,
            rejected=telemetry.rejected(now),
            nominal=telemetry.recognition.nominal,
            apparent_nominal=telemetry.recognition.apparent,
            receiving_since=telemetry.receiving_since,
            missing=telemetry.missing(now),
            has_duplicate_sender=telemetry.has_duplicate_sender(now),
            soc_jumped_at=telemetry.soc_jumped_at,
            inverter_detected=self._wrong_port.only_inverter(now),
        )

    def wake_times(self, now: float) -> Iterator[float]:
        """Yield when one of its values expires if nothing more is received."""
        yield from self._telemetry.wake_times(now)
        if self._telegram_boundary.closes_at is not None:
            yield self._telegram_boundary.closes_at
        if self._wrong_port.only_inverter(now):
            yield self._wrong_port.ends_at
        if self._out_of_service_monitor.counts:
            yield self._silent_at

    def _watch(self, now: float) -> None:
        """Check whether it carries current although it is out of service.

        One that does counts while it is received: the user opens its breaker so that it
        stops sending, or puts it in service, permanently or to take it out again.
        """
        if now >= self._silent_at:
            self._out_of_service_monitor = OutOfServiceMonitor()
            return
        counted = self._out_of_service_monitor.counts
        self._out_of_service_monitor.watch(self._telemetry.readings(now).current, now)
        if self._out_of_service_monitor.counts and not counted:
            self._begin_to_count(now)

    @property
    def _silent_at(self) -> float:
        """When it counts as switched off, not just badly received, if no frame comes."""
        return (self._telemetry.last_at or 0.0) + max(
            LONGEST_TIMEOUT, self.config.timeout or 0.0
        )

    def _begin_to_count(self, now: float) -> None:
        """Count as lost since now, unless online.

        Before, no other device waited for it.
        """
        if self._status is not BatteryStatus.ONLINE:
            self._lost_at = now

    def _complete(self, now: float) -> bool:
        readings = self._telemetry.readings(now)
        return None not in (readings.soc, readings.voltage)

    def _lose(self, now: float) -> None:
        self._status = BatteryStatus.LOST
        self._lost_at = now
        self._losses += 1
        if self._in_service:
            self._gaps.lose(now)
            self._habitual = self._gaps.is_habit(now)
        self._restart_count()

    def _restart_count(self) -> None:
        self._telemetry.begin_telegram()
        self._since_loss = 0
