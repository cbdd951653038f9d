"""The voltage limits: never far under the pack, never below the floor."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from .model import BatteryState
from .rounding import round_down

AGREE: Final = 0.5
"""V; batteries on one bus bar do not differ by more, unless one is disconnected."""
CARRYING: Final = 1.0
"""A; more than this is current that flows, less may be the meter's tolerance."""
UNDER_PACK: Final = 0.1
"""V; a charge voltage limit further under the pack makes inverters dump the battery
(Deye's fault W31, a Multi discharging at full power)."""
PEAK_WINDOW: Final = 60.0
"""Seconds over which the highest bank voltage is the reference."""
FALL_RATE: Final = 0.01
"""V/s; how fast the reference may fall: 0.1 V per 10 s."""
CELL_FLOOR: Final = 3.0
"""V per cell; no charge voltage limit is lower."""
BELOW_BANK: Final = 0.5
"""V; how far the discharge voltage limit stays under the bank, so that it never
stops discharging by itself."""
_EPSILON: Final = 1e-6


def bank_voltage(batteries: Sequence[BatteryState]) -> float | None:
    """Return the voltage in V to reckon with: of the batteries that really connect.

    One that differs from the rest may be disconnected. Of two that disagree, the one
    that carries current counts, else the higher.
    """
    known = [b for b in batteries if b.readings.voltage is not None]
    if not known:
        return None
    volts = [b.readings.voltage or 0.0 for b in known]
    middle = median(volts)
    near = [b for b, v in zip(known, volts, strict=True) if abs(v - middle) <= AGREE]
    if len(known) == 2 and max(volts) - min(volts) > AGREE:
        near = []
    if not near:
        carrying = [b for b in known if abs(b.readings.current or 0.0) > CARRYING]
        candidates = carrying or known
        return max(b.readings.voltage or 0.0 for b in candidates)
    weight = sum(b.capacity_ah for b in near)
    return sum((b.readings.voltage or 0.0) * b.capacity_ah for b in near) / weight


class VoltageReference:
    """The highest bank voltage of the last minute; it falls slowly."""

    def __init__(self) -> None:
        """Start without a reference."""
        self._peaks: deque[tuple[float, float]] = deque()
        self._value: float | None = None
        self._at = 0.0

    def update(self, voltage: float | None, now: float) -> float | None:
        """Take the bank voltage in V at `now` and return the reference."""
        peaks = self._peaks
        if voltage is not None:
            while peaks and peaks[-1][1] <= voltage:
                peaks.pop()
            peaks.append((now, voltage))
        while len(peaks) > 1 and peaks[0][0] < now - PEAK_WINDOW:
            peaks.popleft()
        if not peaks:
            return None
        peak = peaks[0][1]
        fallen = (
            peak
            if self._value is None
            else max(peak, self._value - FALL_RATE * (now - self._at))
        )
        self._value, self._at = fallen, now
        return fallen


@dataclass(frozen=True, slots=True)
class ChargeVoltage:
    """The charge voltage limit in V, and whether it had to stay above a battery's."""

    volts: float
    over_battery: bool
    """The bank is above the lowest battery's limit: only 0 A protects that one."""


def charge_voltage(
    lowest: float, reference: float, *, cells: int, cap: float | None = None
) -> ChargeVoltage:
    """Return the charge voltage limit to send.

    `lowest`: the lowest of the batteries' limits, `cells`: that battery's in series,
    `reference`: of VoltageReference, `cap`: what the user or a loss policy wants; in V.
    """
    wanted = lowest if cap is None else min(lowest, cap)
    volts = max(wanted, reference - UNDER_PACK, CELL_FLOOR * cells)
    return ChargeVoltage(volts, over_battery=volts > lowest + _EPSILON)


def discharge_voltage(highest: float | None, bank: float) -> float | None:
    """Return the discharge voltage limit in V; unknown stays unknown.

    Under the bank in whole counts: as a limit that may not be gone below it is rounded
    up where it is sent.
    """
    return None if highest is None else min(highest, round_down(bank - BELOW_BANK))
