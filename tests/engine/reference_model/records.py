"""Independent record of what was received, and which limits may still be acted on."""

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
ROUNDING: Final = 1e-6
"""Seconds by which rounding of binary fractions decides at a limit of time itself."""
ECHO_TIMEOUT: Final = 0.05
"""Seconds after which a missing echo is noticed."""

type Limits = tuple[float, float, float]
"""CVL (V), CCL and DCL (A)."""


def index_of(direction: Direction) -> int:
    """Return the place of a direction's limit in what was sent."""
    return 1 if direction is Direction.CHARGE else 2


class BatteryRecord:
    """What a battery reported and when, by the times on the wire."""

    def __init__(self) -> None:
        """Create it without frames."""
        self._silences: deque[float] = deque(maxlen=50)
        """The ends of the times in which it may have been lost."""
        self._limits_at: float | None = None
        """When plausible limits were last received."""
        self._at: dict[int, float] = {}
        self._gaps: dict[int, deque[float]] = {}
        self._deye_at = self._other_at = -1e9
        self._mixed_since: float | None = None
        """Since when the gateway has received two dialects while a current was
        reported."""

    def take(self, frame: Frame, now: float) -> None:
        """Take a frame of the battery; `now`: when it is read."""
        key, at = frame.can_id, frame.at
        if key == LIMITS and _are_limits(frame.data):
            # Invalid limits keep no battery online
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
        """Return when the last of these was received."""
        return self._at.get(key, -1e9)

    def silences(self, now: float) -> int:
        """Return how many silences of the last hour may have been gaps."""
        return sum(1 for at in self._silences if at > now - 3600.0)

    @property
    def measured_at(self) -> float:
        """When the voltage was last reported."""
        return self.at(MEASUREMENTS)

    def mixes(self, now: float) -> bool:
        """Return whether two dialects are received, and were evaluated by now."""
        return (
            self._mixed_since is not None
            and now > self._mixed_since + RECALCULATION_INTERVAL
        )

    def times_out_at(self, key: int) -> float:
        """Return when the last of these is too old, whatever period was learned."""
        if key not in self._at:
            return -1e9
        longest = max(self._gaps.get(key, ()), default=0.0)
        ceiling = 10.0 if key == LIMITS else 30.0
        return self._at[key] + max(ceiling, 1.5 * longest + 1.0) + 1e-6


class InverterRecord:
    """The limits that one inverter may act on, as its wire shows them."""

    def __init__(self, port: WirePort, timeout: float, reaction: float) -> None:
        """Create it without frames. `timeout`, `reaction`: seconds, as configured."""
        self.port = port
        self.timeout = timeout
        self.reaction = reaction
        self.requested_at = 0.0
        self.battery_at = -1e9
        """When a battery was received on its port."""
        self.echo_failed_at = -1e9
        """When an echo that never arrives was last on its way."""
        self.last: Limits = 0.0, 0.0, 0.0
        """The last queued limits, whatever became of them."""
        self._left: tuple[float, Limits] | None = None
        self._waiting: list[tuple[float, Limits]] = []
        self._replaced: list[tuple[float, Limits]] = []

    def queue(self, sent: Limits, now: float) -> None:
        """Take a frame queued for it now."""
        self._waiting.append((now, sent))
        self.last = sent

    def settle(self, now: float) -> None:
        """Note what has left for its wire since; earlier limits are given up."""
        if self._left and self._expired(self._left[0], now - 2 * ROUNDING):
            # An inverter that requests data after its time-out does not return to it.
            self._left = None
        waiting = sum(frame.can_id == LIMITS for frame in self.port.queue)
        # One may, where the inverter was unplugged in the middle of a telegram.
        assert waiting <= 1, "limits wait in a queue"
        gone = len(self._waiting) - waiting
        for _, sent in self._waiting[:gone]:
            if (before := self.sent(now)) is not None:
                self._replaced.append((now + 2 * self.reaction, before))
            self._left = now, sent
        del self._waiting[:gone]
        self._replaced = [each for each in self._replaced if each[0] > now]

    def drop(self, now: float) -> None:
        """Note that its queue is dropped."""
        self.settle(now)
        self._waiting.clear()
        self.echo_failed_at = now

    def reachable(self, now: float) -> bool:
        """Return whether a frame sent now arrives, with proof."""
        port = self.port
        return (
            port.state.status is PortStatus.OPEN
            and port.acknowledged
            and port.echoes
            and not port.queue
            and now >= self.battery_at + 31.0
            and now >= self.echo_failed_at + ECHO_TIMEOUT
        )

    def sent(self, now: float) -> Limits | None:
        """Return the limits that it acts on for certain."""
        if self._left is None or self._expired(self._left[0], now):
            return None
        return self._left[1]

    def _expired(self, at: float, now: float) -> bool:
        return now > max(self.requested_at, at) + self.timeout - ROUNDING

    def amps(self, direction: Direction, now: float) -> float:
        """Return the highest limit that it may act on, in A."""
        sent = self.sent(now)
        may = [sent for at, sent in self._waiting if not self._expired(at, now)]
        return max((t[index_of(direction)] for t in (sent, *may) if t), default=0.0)

    def acted_on(self, direction: Direction, now: float) -> float:
        """Return the highest limit that it may have acted on until now, in A.

        At its time-out itself that is the limit which ends, unlike in `amps`.
        """
        return self.amps(direction, now - 2 * ROUNDING)

    def reserved(self, direction: Direction, now: float) -> float:
        """Return the most that it may take, not having followed down yet, in A."""
        given_up = (
            sent[index_of(direction)] for until, sent in self._replaced if until > now
        )
        return max(self.amps(direction, now), *given_up, 0.0)


def lowest_setpoint(
    all_: AllSetpoints,
    key: str | None,
    direction: Direction,
    now: float,
    volts: float | None,
) -> float | None:
    """Return the lowest limit in A set on an inverter or (None) the bank."""
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
