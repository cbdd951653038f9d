"""A witness who keeps books of its own: what was heard, what may still be acted upon."""

from collections import deque
from typing import Final

from custom_components.bms_gateway.engine.model import Direction, Frame, PortStatus
from custom_components.bms_gateway.engine.scheduling import RECALCULATION_INTERVAL
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ..wires import WirePort

LIMITS: Final = 0x351
MEASUREMENTS: Final = 0x356
DEYE_CELLS: Final = 0x361
NAME: Final = 0x35E
SHORTEST: Final = 3.0 - 1e-6
"""Seconds without limits before which no battery is lost."""
ECHO_TIMEOUT: Final = 0.05
"""Seconds after which an echo that does not come is missed."""

type Told = tuple[float, float, float]
"""CVL (V), CCL and DCL (A)."""


def place(direction: Direction) -> int:
    """Return where the limit of a direction stands in what was told."""
    return 1 if direction is Direction.CHARGE else 2


class ScanResult:
    """When a battery said what, by the times on the wire."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._silences: deque[float] = deque(maxlen=50)
        """When those ended in which it may have been lost."""
        self._limits_at: float | None = None
        """When limits came last that can be true."""
        self._at: dict[int, float] = {}
        self._gaps: dict[int, deque[float]] = {}
        self._deye_at = self._other_at = -1e9
        self._mixed_since: float | None = None
        """Since when the gateway has heard two dialects as the current was told."""

    def take(self, frame: Frame, now: float) -> None:
        """Take a frame of the battery's; `now`: when it comes in, later than `frame.at`."""
        key, at = frame.can_id, frame.at
        if key == LIMITS and _are_limits(frame.data):
            # Spoilt limits keep no battery online
            if self._limits_at is not None and at >= self._limits_at + SHORTEST:
                self._silences.append(at)
            self._limits_at = at
        if key in self._at and 0 < at - self._at[key] < 30.0:
            self._gaps.setdefault(key, deque(maxlen=8)).append(at - self._at[key])
        self._at[key] = max(at, self._at.get(key, at))
        if key == DEYE_CELLS:
            self._deye_at = at
        elif key == NAME:
            self._other_at = at
        elif key == MEASUREMENTS:
            mixed = at - min(self._deye_at, self._other_at) <= 1.5
            self._mixed_since = (self._mixed_since or now) if mixed else None

    def at(self, key: int) -> float:
        """When the last of these was heard."""
        return self._at.get(key, -1e9)

    def silences(self, now: float) -> int:
        """Return how many silences of the last hour may have been gaps."""
        return sum(1 for at in self._silences if at > now - 3600.0)

    @property
    def measured_at(self) -> float:
        """When the voltage was told last."""
        return self.at(MEASUREMENTS)

    def mixes(self, now: float) -> bool:
        """Return whether two dialects are heard, and that was reckoned with by now."""
        return (
            self._mixed_since is not None
            and now > self._mixed_since + RECALCULATION_INTERVAL
        )

    def stale_at(self, key: int) -> float:
        """Return when the last of these is too old, whatever period was learnt."""
        if key not in self._at:
            return -1e9
        longest = max(self._gaps.get(key, ()), default=0.0)
        ceiling = 10.0 if key == LIMITS else 30.0
        return self._at[key] + max(ceiling, 1.5 * longest + 1.0) + 1e-6


class Held:
    """What one inverter may act upon, as its wire shows it."""

    def __init__(self, port: WirePort, timeout: float, reaction: float) -> None:
        """Know nothing. `timeout`, `reaction`: seconds, as configured."""
        self.port = port
        self.timeout = timeout
        self.reaction = reaction
        self.asked_at = 0.0
        self.battery_at = -1e9
        """When a battery was heard on its port."""
        self.troubled_at = -1e9
        """When an echo was on its way for the last time that does not come."""
        self.last: Told = 0.0, 0.0, 0.0
        """What was queued last, whatever became of it."""
        self._left: tuple[float, Told] | None = None
        self._waiting: list[tuple[float, Told]] = []
        self._given_up: list[tuple[float, Told]] = []

    def queue(self, told: Told, now: float) -> None:
        """Take what is queued for it now."""
        self._waiting.append((now, told))
        self.last = told

    def settle(self, now: float) -> None:
        """Note what has left for its wire since; what that replaces is given up."""
        if self.told(now) is None:
            # An inverter that asks again after its time-out does not come back to it.
            self._left = None
        waiting = sum(frame.can_id == LIMITS for frame in self.port.queue)
        # One may, where the inverter was unplugged in the middle of a set.
        assert waiting <= 1, "limits wait in a queue"
        gone = len(self._waiting) - waiting
        for _, told in self._waiting[:gone]:
            if self._left is not None:
                self._given_up.append((now + 2 * self.reaction, self._left[1]))
            self._left = now, told
        del self._waiting[:gone]
        self._given_up = [each for each in self._given_up if each[0] > now]

    def drop(self, now: float) -> None:
        """Take note that its queue is dropped."""
        self.settle(now)
        self._waiting.clear()
        self.troubled_at = now

    def is_well(self, now: float) -> bool:
        """Return whether what is sent now arrives, and is known to."""
        port = self.port
        return (
            port.state.status is PortStatus.OPEN
            and port.acknowledged
            and port.echoes
            and not port.queue
            and now >= self.battery_at + 31.0
            and now >= self.troubled_at + ECHO_TIMEOUT
        )

    def told(self, now: float) -> Told | None:
        """Return what it acts upon for sure."""
        if self._left is None or self._expired(self._left[0], now):
            return None
        return self._left[1]

    def _expired(self, at: float, now: float) -> bool:
        # A hair early: how binary fractions add up decides over the very moment.
        return now > max(self.asked_at, at) + self.timeout - 1e-6

    def amps(self, direction: Direction, now: float) -> float:
        """Return the most that it may act upon, in A."""
        told = self.told(now)
        may = [told for at, told in self._waiting if not self._expired(at, now)]
        return max((t[place(direction)] for t in (told, *may) if t), default=0.0)

    def held(self, direction: Direction, now: float) -> float:
        """Return the most that it may draw, not having followed down yet, in A."""
        given_up = (
            told[place(direction)] for until, told in self._given_up if until > now
        )
        return max(self.amps(direction, now), *given_up, 0.0)


def asked(
    all_: AllSetpoints,
    key: str | None,
    direction: Direction,
    now: float,
    volts: float | None,
) -> float | None:
    """Return the lowest current in A that is asked of an inverter or (None) the bank."""
    own = all_.bank if key is None else all_.inverters.get(key, Setpoints())
    charge = direction is Direction.CHARGE
    amps = [own.charge_current if charge else own.discharge_current]
    if not (own.charging_allowed if charge else own.discharging_allowed):
        amps.append(0.0)
    for temporary_limit in all_.temporary_limits:
        lives = temporary_limit.until is None or now < temporary_limit.until
        if lives and (temporary_limit.device_id, temporary_limit.direction) == (
            key,
            direction,
        ):
            amps.append(
                temporary_limit.amps
                if temporary_limit.watts is None
                else temporary_limit.watts / (volts or 1e9)
            )
    return min((a for a in amps if a is not None), default=None)


def _are_limits(data: bytes) -> bool:
    """Return whether a 0x351 holds a charge voltage limit of a 48 V battery."""
    return len(data) >= 6 and 400 <= int.from_bytes(data[:2], "little") <= 650
