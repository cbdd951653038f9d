"""The voltage limits: never far under the pack, never below the floor."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from ..model import BatteryState, Direction, Limit, Rule
from ..rounding import round_down
from ..tolerances import TOLERANCE
from .rule_inputs import RuleInputs, tighter

AGREE: Final = 0.5
"""V; batteries on one bus bar do not differ by more, unless one is disconnected."""
UNDER_PACK: Final = 0.1
"""V; a charge voltage limit further under the pack makes inverters dump the battery
(Deye's fault W31, a Multi discharging at full power)."""
PEAK_WINDOW: Final = 60.0
"""Seconds over which the highest bank voltage is the reference."""
FALL_RATE: Final = 0.01
"""V/s; how fast the reference may fall: 0.1 V per 10 s."""
CELL_FULL: Final = 3.65
"""V per cell; no reference is higher: more is no voltage of a lithium battery."""
CELL_FLOOR: Final = 3.0
"""V per cell; no charge voltage limit is lower."""
EMPTY_CELL: Final = 2.8
"""V per cell; the discharge voltage limit where no battery ever told one."""
RAMP_RATE: Final = 1.0
"""V/s; how fast a higher charge voltage limit is told, once it has held: from a pack
that is empty to one that is full in as long as a current limit takes."""
BELOW_BANK: Final = 0.5
"""V; how far the discharge voltage limit stays under the bank, so that it never
stops discharging by itself."""
_EPSILON: Final = 1e-6


def steady(battery: BatteryState) -> float | None:
    """Return the voltage in V without single outliers: the median of three."""
    if battery.readings.voltage is None:
        return None
    return median(battery.voltages[-3:] or (battery.readings.voltage,))


def peak(battery: BatteryState) -> float | None:
    """Return the voltage in V that was told twice of the last times, or more."""
    if battery.readings.voltage is None:
        return None
    volts = sorted(battery.voltages)
    return volts[-2] if len(volts) > 1 else battery.readings.voltage


def bank_voltage(
    batteries: Sequence[BatteryState],
    pick: Callable[[BatteryState], float | None] = steady,
) -> float | None:
    """Return the voltage in V to reckon with: of the batteries that really connect.

    One that differs from the rest may be disconnected. Of two that disagree, the one
    that carries current counts, else the higher. `pick`: a battery's voltage.
    """
    picked = [(b, volts) for b in batteries if (volts := pick(b)) is not None]
    if not picked:
        return None
    all_volts = [volts for _, volts in picked]
    middle = median(all_volts)
    near = [(b, volts) for b, volts in picked if abs(volts - middle) <= AGREE]
    if len(picked) == 2 and max(all_volts) - min(all_volts) > AGREE:
        near = []
    if not near:
        carrying = [
            volts for b, volts in picked if abs(b.readings.current or 0.0) > TOLERANCE
        ]
        return max(carrying or all_volts)
    weight = sum(b.capacity_ah for b, _ in near)
    return sum(volts * b.capacity_ah for b, volts in near) / weight


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


def charge_voltage_limit(
    lowest: float, reference: float, *, cells: int, cap: float | None = None
) -> ChargeVoltage:
    """Return the charge voltage limit to send.

    `lowest`: the lowest of the batteries' limits, `cells`: that battery's in series,
    `reference`: of VoltageReference, `cap`: what the user or a loss policy wants; in V.
    """
    wanted = lowest if cap is None else min(lowest, cap)
    volts = max(wanted, reference - UNDER_PACK, CELL_FLOOR * cells)
    return ChargeVoltage(volts, over_battery=volts > lowest + _EPSILON)


def discharge_voltage(
    highest: float | None, bank: float | None, *, cells: int
) -> float:
    """Return the discharge voltage limit in V: never 0, which some readers refuse.

    With the limit they would refuse the whole 0x351, and go on with the currents of the
    one before. `highest`: that of the batteries, as far as any ever told; `cells`: in
    series. Under the `bank` (V) in whole counts: as a limit that may not be gone below
    it is rounded up where it is sent.
    """
    limit = EMPTY_CELL * cells if highest is None else highest
    return limit if bank is None else min(limit, round_down(bank - BELOW_BANK))


def charge_voltage(inputs: RuleInputs, limit: Limit) -> Limit:
    """Stop charging where the voltage limit that is sent is too high for a battery.

    `Rule.VOLTAGE`: a charge voltage limit far under the pack makes inverters discharge
    it, so the limit that is sent stays close to the pack; 0 A protects the battery.
    """
    battery = inputs.over_voltage
    if battery is None or inputs.direction is not Direction.CHARGE:
        return limit
    number = battery.last.charge_voltage_limit
    return tighter(
        limit, Limit(amps=0.0, rule=Rule.VOLTAGE, source=battery.id, number=number)
    )
