"""A battery's life: waiting, online, lost, rejoining; and what it says meanwhile."""

from dataclasses import dataclass
import logging
from typing import Final

from .config import BatteryConfig
from .content import nominal_voltage
from .freshness import CEILING, LIMITS_CEILING, Pulse
from .model import BatteryState, Dialect, Frame, Life, Readings
from .protocol import (
    NO_MARKS,
    NO_PAIRS,
    decode,
    hear,
    is_battery_frame,
    is_request,
    judge,
)
from .readings import readings_of

_LOGGER = logging.getLogger(__name__)

LIMITS: Final = 0x351
MEASUREMENTS: Final = 0x356
CONTROL: Final = frozenset({LIMITS, 0x359, 0x35A, 0x35C})
"""Limits, alarms, enables: without those that it sends a battery is lost."""

REJOIN_TELEGRAMS: Final = 3
"""Whole telegrams without a gap after which a lost battery counts again."""

OUT_OF_SERVICE_AMPS: Final = 2.0
"""A; a battery that carries more cannot be out of service."""
OUT_OF_SERVICE_TIME: Final = 10.0
"""Seconds for which one that is has to carry that to be reckoned with again."""
INVERTER_ALONE: Final = 5.0
"""Seconds of an inverter's 0x305 without a battery frame: no battery is on this bus."""
INVERTER_GONE: Final = 30.0
"""Seconds without 0x305 after which the inverter is not there any more."""

_KEPT: Final = frozenset(
    {"name", "product_1", "product_2", "serial_1", "serial_2", "version", "family"}
    | {"installed_ah", "candidate_ah"}
)
"""What does not change while a battery is connected: kept however old it is."""
_REQUIRED: Final = frozenset(
    {"charge_voltage_limit", "charge_current_limit", "discharge_current_limit"}
)
_WHOLE: Final = _REQUIRED | {"soc", "voltage", "current"}
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


class Battery:
    """One battery: takes its frames, judges what is fresh, tells its state."""

    def __init__(self, config: BatteryConfig) -> None:
        """Wait for a battery's first complete set."""
        self._config = config
        self.in_service = True
        """Whether the user wants it reckoned with."""
        self._carrying_since: float | None = None
        self._life = Life.WAITING
        self._said: dict[str, _Said] = {}
        self._known: dict[str, object] = {}
        self._pulses: dict[int, Pulse] = {}
        self._marks = NO_MARKS
        self._dialect = Dialect.UNKNOWN
        self._pairs = NO_PAIRS
        self._part: set[str] = set()
        self._telegrams = self._since_loss = self._losses = self._invalid = 0
        self._lost_at: float | None = None
        self._last_frame_at: float | None = None
        self._asked_since: float | None = None
        self._asked_at = 0.0
        self._largest_charge_limit = 0.0
        self._largest_charge_voltage = 0.0

    @property
    def config(self) -> BatteryConfig:
        """What the user chose; it may be changed while the battery lives on."""
        return self._config

    @config.setter
    def config(self, config: BatteryConfig) -> None:
        self._config = config
        for can_id, pulse in self._pulses.items():
            pulse.ceiling = self._ceiling(can_id)

    def moved(self, config: BatteryConfig, now: float) -> Battery:
        """Return it on another port: lost, if it was ever online, and begun anew."""
        battery = Battery(config)
        if self._life is not Life.WAITING:
            battery._life = Life.LOST
            battery._lost_at = now if self._lost_at is None else self._lost_at
            battery._known = self._known
            battery._losses = self._losses
            battery._largest_charge_limit = self._largest_charge_limit
            battery._largest_charge_voltage = self._largest_charge_voltage
        return battery

    def hear(self, frame: Frame) -> None:
        """Take one frame from the battery's bus; what is none of its is left out."""
        if is_request(frame):
            self._asked_since = self._asked_since or frame.at
            self._asked_at = frame.at
        if not is_battery_frame(frame):
            return
        self._asked_since = None
        self._marks = hear(self._marks, frame)
        verdict = judge(self._marks, frame.at)
        if verdict.settled:
            self._settle(verdict.dialect)
        decoded = decode(frame, verdict.dialect, settled=verdict.settled)
        self._invalid += decoded.invalid
        self._last_frame_at = max(self._last_frame_at or frame.at, frame.at)
        self._pulse(frame.can_id).beat(frame.at)
        values = dict(decoded.values)
        if decoded.pairs is not None:
            self._pairs = self._pairs.after(decoded.pairs)
            values["pair_protections"], values["pair_warnings"] = self._pairs.flags
        for name, value in values.items():
            self._said[name] = _Said(value, frame.can_id, frame.at)
            if value is not None:
                self._known[name] = value
                self._part.add(name)
        self._count()

    def update(self, now: float) -> None:
        """Move on in life by what is fresh at `now`."""
        controlled = self._controlled(now)
        match self._life:
            case Life.WAITING if controlled and self._complete(now):
                self._life = Life.ONLINE
                _LOGGER.info("Battery %s is online", self.config.name)
            case Life.ONLINE if not controlled:
                self._lose(now)
                _LOGGER.warning("Battery %s is lost", self.config.name)
            case Life.LOST if controlled:
                self._life = Life.REJOINING
            case Life.REJOINING if not controlled:
                self._life = Life.LOST
                self._count_anew()
            case Life.REJOINING if self._since_loss >= REJOIN_TELEGRAMS:
                self._life = Life.ONLINE
                self._lost_at = None
                _LOGGER.info("Battery %s is back", self.config.name)

    def state(self, now: float) -> BatteryState:
        """Return the battery at `now`, only fresh values among its readings."""
        control = self._control_pulses()
        readings = self._readings(now)
        intrudes = self._intrudes(readings, now)
        out = not self.in_service and not intrudes
        current = self._said.get("current")
        periods = [
            pulse.period
            for can_id, pulse in self._pulses.items()
            if can_id in (LIMITS, MEASUREMENTS) and pulse.period is not None
        ]
        limit = readings.charge_current_limit or 0.0
        self._largest_charge_limit = max(self._largest_charge_limit, limit)
        self._largest_charge_voltage = max(
            self._largest_charge_voltage, readings.charge_voltage_limit or 0.0
        )
        return BatteryState(
            id=self.config.id,
            life=Life.OUT_OF_SERVICE if out else self._life,
            capacity_ah=self.config.capacity_ah,
            readings=readings,
            last=(
                readings
                if self._life is Life.ONLINE
                else readings_of(self._known, self.config.capacity_ah)
            ),
            nominal_voltage=nominal_voltage(self._largest_charge_voltage)
            if self._largest_charge_voltage
            else None,
            largest_charge_limit=self._largest_charge_limit,
            dialect=judge(self._marks, now).dialect,
            last_frame_at=self._last_frame_at,
            current_at=None if current is None else current.at,
            period=max(periods, default=None),
            control_at=min((pulse.last or 0.0 for pulse in control), default=None),
            lost_at=self._lost_at,
            telegrams=self._telegrams,
            losses=self._losses,
            carries_out_of_service=intrudes,
            invalid=self._invalid,
            inverter_heard=self._hears_inverter(now),
        )

    def next_change(self, now: float) -> float | None:
        """Return when one of its values becomes stale if nothing more is heard."""
        times = [pulse.stale_at for pulse in self._pulses.values() if pulse.fresh(now)]
        if self._hears_inverter(now):
            times.append(self._asked_at + INVERTER_GONE)
        return min(times, default=None)

    def _hears_inverter(self, now: float) -> bool:
        """Return whether only an inverter talks here: somebody else's port."""
        return (
            self._asked_since is not None
            and self._asked_at - self._asked_since >= INVERTER_ALONE
            and now < self._asked_at + INVERTER_GONE
        )

    def _intrudes(self, readings: Readings, now: float) -> bool:
        """Return whether it carries current though it is out of service."""
        carries = abs(readings.current or 0.0) > OUT_OF_SERVICE_AMPS
        if self.in_service or not carries:
            self._carrying_since = None
            return False
        if self._carrying_since is None:
            self._carrying_since = now
        return now >= self._carrying_since + OUT_OF_SERVICE_TIME

    def _controlled(self, now: float) -> bool:
        """Return whether limits are known, and enables and alarms that it sends."""
        if not all(pulse.fresh(now) for pulse in self._control_pulses()):
            return False
        held = (self._said[name] for name in _HELD if name in self._said)
        return all(self._fresh(said, now) for said in held) and all(
            (said := self._said.get(name)) is not None
            and said.value is not None
            and self._fresh(said, now)
            for name in _REQUIRED
        )

    def _complete(self, now: float) -> bool:
        readings = self._readings(now)
        return None not in (readings.soc, readings.voltage, readings.current)

    def _control_pulses(self) -> list[Pulse]:
        """Return the control frames that it sends, or used to send."""
        return [pulse for can_id, pulse in self._pulses.items() if can_id in CONTROL]

    def _lose(self, now: float) -> None:
        self._life = Life.LOST
        self._lost_at = now
        self._losses += 1
        self._count_anew()

    def _settle(self, dialect: Dialect) -> None:
        """Begin anew with another dialect: it need not send what the old one did."""
        if Dialect.UNKNOWN not in (dialect, self._dialect) and dialect != self._dialect:
            self._said = {n: said for n, said in self._said.items() if n in _KEPT}
            self._pulses.clear()
            self._pairs = NO_PAIRS
            self._count_anew()
        self._dialect = dialect

    def _count_anew(self) -> None:
        self._part.clear()
        self._since_loss = 0

    def _count(self) -> None:
        """Count whole telegrams: all that is needed was told again, and is known.

        Of what not every battery sends, only what it ever gave a value for: a healthy
        one may send 0x35A for ever without stating a single alarm.
        """
        held = {n for n, said in self._said.items() if said.value is not None} & _HELD
        if _WHOLE | held <= self._part:
            self._part.clear()
            self._telegrams += 1
            self._since_loss += 1

    def _pulse(self, can_id: int) -> Pulse:
        if can_id not in self._pulses:
            self._pulses[can_id] = Pulse(self._ceiling(can_id))
        return self._pulses[can_id]

    def _ceiling(self, can_id: int) -> float:
        slow = self.config.timeout
        if can_id == LIMITS:
            return LIMITS_CEILING if slow is None else slow
        return max(CEILING, slow or 0.0)

    def _readings(self, now: float) -> Readings:
        """Return what is fresh at `now`."""
        fresh = {
            name: said.value
            for name, said in self._said.items()
            if name in _KEPT or self._fresh(said, now)
        }
        return readings_of(fresh, self.config.capacity_ah)

    def _fresh(self, said: _Said, now: float) -> bool:
        return now - said.at < self._pulses[said.can_id].timeout
