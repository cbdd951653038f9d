"""A simulated inverter: serves a house within the limits received, with a lag."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from struct import Struct
from typing import Final

from ..model import Frame
from ..protocol import POLL

type Demand = Callable[[float], float]
"""W of surplus (positive) or demand (negative), by the seconds since the start."""

REQUEST_PERIOD: Final = 1.0
"""Seconds between two requests (Pylontech CAN protocol 1.2: each second)."""

# A/s for each V that the charge voltage limit is away: how quickly an inverter holds
# it, by its own measurement and without its lag.
_VOLTAGE_GAIN: Final = 20.0

# The inverter has a decoder of its own instead of the gateway's: an
# encoder and a decoder that were wrong in the same way would not notice each other.
_LIMITS: Final = Struct("<Hhh")
_SOC: Final = Struct("<H")
_FINE_SOC: Final = 4
_FULL: Final = 100.0
_CHARGE_BIT: Final = 0x80
_DISCHARGE_BIT: Final = 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverter:
    """How an inverter behaves; currents in A, at least 0, times in seconds."""

    rated_charge: float
    rated_discharge: float
    lag: float = 2.0
    """Time constant with which the current follows its target."""
    dead_time: float = 0.0
    """Seconds before it begins to follow."""
    timeout: float = 60.0
    """It stops when no limits came for this long (SMA: 60; Victron: 3)."""
    stops_on_alarm: bool = True
    """Stand by while the battery raises a protection, as an SMA does."""
    dump_margin: float | None = 0.5
    """V. If the charge voltage limit is further than this below the battery's voltage,
    it discharges at its full rating, whatever the limits are (Multi, Sunny Island).
    None: it never does."""
    sends_requests: bool = True
    """Send 0x305 every second."""
    request: bytes = bytes(8)
    """The content of its 0x305."""
    accompanying: tuple[Frame, ...] = ()
    """Sent together with each request."""
    reads_enables: bool = True
    """Read 0x35C."""
    reads_fine_soc: bool = False
    """Prefer the state of charge in hundredths, as an SMA does, even if it is padding."""
    padded_only: bool = False
    """Ignore frames shorter than 8 bytes (Sol-Ark)."""
    ignores_zero: bool = False
    """Keep the last limit in place of 0 A (Sofar)."""
    stops_at_full: bool = False
    """Charge no further at 100 % (Midnite)."""
    keeps_below: float | None = None
    """V. Limits with a charge voltage further than this below the battery's voltage are
    a fault: it goes on with the currents of before (Deye, W31). None: it accepts any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedLimits:
    """The limits that an inverter last received, in V and A, at least 0."""

    charge_voltage_limit: float = 0.0
    charge: float = 0.0
    discharge: float = 0.0
    charge_enabled: bool = True
    discharge_enabled: bool = True
    alarm: bool = False
    soc: float | None = None
    """%"""
    at: float | None = None
    """When limits last came; None: never."""


def on_frame(
    inverter: Inverter,
    received: ReceivedLimits,
    frame: Frame,
    now: float,
    *,
    voltage: float = 0.0,
) -> ReceivedLimits:
    """Return the received limits after one more frame, of any kind and length.

    `voltage`: V at the inverter's terminals.
    """
    data = frame.data
    if not frame.standard or (inverter.padded_only and len(data) < 8):
        return received
    match frame.can_id:
        case 0x351 if len(data) >= _LIMITS.size:
            return _with_limits(inverter, received, data, voltage, now)
        case 0x355 if len(data) >= _SOC.size:
            whole = float(_SOC.unpack_from(data)[0])
            is_fine = inverter.reads_fine_soc and len(data) >= _FINE_SOC + _SOC.size
            fine = _SOC.unpack_from(data, _FINE_SOC)[0] / 100 if is_fine else whole
            return replace(received, soc=fine)
        case 0x35C if data and inverter.reads_enables:
            return replace(
                received,
                charge_enabled=bool(data[0] & _CHARGE_BIT),
                discharge_enabled=bool(data[0] & _DISCHARGE_BIT),
            )
        case 0x359 if len(data) >= 2:
            return replace(received, alarm=any(data[:2]))
        case 0x35A if len(data) >= 4:
            return replace(received, alarm=_pair_raised(data[:4]))
        case _:
            return received


def _with_limits(
    inverter: Inverter,
    received: ReceivedLimits,
    data: bytes,
    voltage: float,
    now: float,
) -> ReceivedLimits:
    """Return the received limits after a 0x351."""
    counts, charge, discharge = _LIMITS.unpack_from(data)
    volts = counts / 10
    below = inverter.keeps_below
    if below is not None and volts < voltage - below and (charge or discharge):
        return replace(received, at=now)
    keeps = inverter.ignores_zero
    return replace(
        received,
        charge_voltage_limit=volts,
        charge=received.charge if keeps and not charge else max(charge / 10, 0.0),
        discharge=(
            received.discharge if keeps and not discharge else max(discharge / 10, 0.0)
        ),
        at=now,
    )


def wanted_current(
    inverter: Inverter,
    received: ReceivedLimits,
    power: float,
    voltage: float,
    now: float,
) -> float:
    """Return the current (A, charge positive) that an inverter aims at.

    Args:
        inverter: its behaviour.
        received: the limits it received.
        power: W of surplus (positive) or demand (negative).
        voltage: V at its terminals; without it the current is 0.
        now: s, by the clock of `received`.
    """
    silent = received.at is None or now - received.at > inverter.timeout
    if silent or voltage <= 0 or (received.alarm and inverter.stops_on_alarm):
        return 0.0
    headroom = received.charge_voltage_limit - voltage
    if inverter.dump_margin is not None and headroom < -inverter.dump_margin:
        return -inverter.rated_discharge
    charge = received.charge if received.charge_enabled else 0.0
    if inverter.stops_at_full and received.soc is not None and received.soc >= _FULL:
        charge = 0.0
    discharge = received.discharge if received.discharge_enabled else 0.0
    most = min(charge, inverter.rated_charge)
    least = -min(discharge, inverter.rated_discharge)
    return min(max(power / voltage, least), most)


class SimulatedInverter:
    """One inverter over time: received limits, current and requests."""

    def __init__(self, id: str, inverter: Inverter, demand: Demand) -> None:
        """Create an inverter that serves a demand."""
        self.id = id
        self.inverter = inverter
        self.demand = demand
        self.received = ReceivedLimits()
        self.current = 0.0
        """A, charge positive."""
        self._wanted: deque[tuple[float, float]] = deque()
        self._target = 0.0
        self._following = 0.0
        self._ceiling = 0.0
        self._request_at: float | None = None
        self._voltage = 0.0

    def on_frame(self, frame: Frame, now: float) -> None:
        """Take a frame from its bus."""
        self.received = on_frame(
            self.inverter, self.received, frame, now, voltage=self._voltage
        )

    def step(self, now: float, dt: float, power: float, voltage: float) -> float:
        """Return the current (A, charge positive) after `dt` more seconds.

        `power`: W of surplus or, negative, demand; `voltage`: V at the terminals.
        """
        self._voltage = voltage
        target = wanted_current(self.inverter, self.received, power, voltage, now)
        if self.inverter.dead_time:
            target = self._delayed(target, now)
        self._following += (target - self._following) * min(dt / self.inverter.lag, 1.0)
        ramp = _VOLTAGE_GAIN * (self.received.charge_voltage_limit - voltage) * dt
        self._ceiling = min(max(self._ceiling + ramp, 0.0), self.inverter.rated_charge)
        if voltage <= 0:
            self._following = 0.0
        self.current = min(self._following, self._ceiling)
        return self.current

    def due(self, now: float) -> list[Frame]:
        """Return the request that is due, if any."""
        if self._request_at is None:
            self._request_at = now
        if not self.inverter.sends_requests or now < self._request_at:
            return []
        while self._request_at <= now:
            self._request_at += REQUEST_PERIOD
        frames = (
            Frame(POLL.can_id, self.inverter.request),
            *self.inverter.accompanying,
        )
        return [replace(frame, at=now) for frame in frames]

    def _delayed(self, target: float, now: float) -> float:
        """Return the target of one dead time ago."""
        self._wanted.append((now, target))
        while self._wanted and self._wanted[0][0] <= now - self.inverter.dead_time:
            self._target = self._wanted.popleft()[1]
        return self._target


def _pair_raised(data: bytes) -> bool:
    """Return whether any 2-bit field is 1, the value for raised."""
    return any((byte >> shift) & 3 == 1 for byte in data for shift in (0, 2, 4, 6))
