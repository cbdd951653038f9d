"""Conditions that show over time: different voltages, silent inverters, highest limits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..engine.battery.limits import allowed
from ..engine.limits.charge_voltage import AGREE
from ..engine.model import BatteryState, Direction, PortState, PortStatus, Snapshot

MAX_DIFFERENCE: Final = 1.0
"""V; connected batteries never differ by this much for long."""
DIFFERENCE_FOR: Final = 60.0
"""Seconds; telegrams of different age may differ briefly while a load starts."""

NORMAL_SOC: Final = (30.0, 80.0)
"""%; within these no battery lowers its limits because it is nearly empty or full."""
NORMAL_TEMPERATURE: Final = (15.0, 35.0)
"""°C; within these no battery lowers its limits because it is cold or hot."""
NORMAL_FOR: Final = 600.0
"""Seconds for which every battery has to be within these ranges before its limits show
the most that it ever allows."""


@dataclass(frozen=True, slots=True)
class VoltageDifference:
    """Two batteries, by id, and their voltages (V)."""

    high: str
    high_volts: float
    low: str
    low_volts: float


class Conditions:
    """Evaluates one snapshot after the other; times are of the gateway's clock."""

    def __init__(self) -> None:
        """Start without a previous snapshot."""
        self.voltage_difference: VoltageDifference | None = None
        """Two batteries whose voltages have been far apart for DIFFERENCE_FOR."""
        self.signs_of_life: Mapping[str, float] = {}
        """The time at which each inverter was last received or acknowledged a frame. It
        counts as alive while it cannot be received because its port is not open."""
        self._difference_since: float | None = None
        self._counted: frozenset[str] = frozenset()
        self._seen = dict.fromkeys(Direction, 0.0)
        self._normal_since: float | None = None
        self._known = False

    @property
    def highest_limits(self) -> Mapping[Direction, float]:
        """The highest sum (A) that all batteries allowed; empty while unknown."""
        return self._seen if self._known else {}

    def update(self, snapshot: Snapshot, now: float) -> None:
        """Evaluate the present snapshot."""
        batteries = snapshot.batteries.values()
        self._compare(_furthest(batteries), now)
        self._measure([b for b in batteries if not b.is_left_out], now)
        self.signs_of_life = {
            key: now
            if inverter.listening
            or snapshot.ports.get(key, PortState()).status is not PortStatus.OPEN
            else max(
                self.signs_of_life.get(key, now), inverter.last_foreign_frame_at or 0.0
            )
            for key, inverter in snapshot.inverters.items()
        }

    def _compare(self, pair: VoltageDifference | None, now: float) -> None:
        """Set the condition after a while; clear it once the voltages agree."""
        volts = pair.high_volts - pair.low_volts if pair else 0.0
        if volts <= (AGREE if self.voltage_difference else MAX_DIFFERENCE):
            self.voltage_difference = self._difference_since = None
            return
        if self._difference_since is None:
            self._difference_since = now
        if now >= self._difference_since + DIFFERENCE_FOR:
            self.voltage_difference = pair

    def _measure(self, batteries: list[BatteryState], now: float) -> None:
        """Track the most that batteries allow; valid once all were in easy ranges."""
        counted = frozenset(battery.id for battery in batteries)
        if counted != self._counted:
            self._counted, self._known, self._normal_since = counted, False, None
            self._seen = dict.fromkeys(Direction, 0.0)
        if not all(battery.online for battery in batteries):
            self._normal_since = None
            return
        for direction in Direction:
            amps = sum(allowed(battery.readings, direction) for battery in batteries)
            self._seen[direction] = max(self._seen[direction], amps)
        if not all(_is_normal(battery) for battery in batteries):
            self._normal_since = None
        elif self._normal_since is None:
            self._normal_since = now
        elif now >= self._normal_since + NORMAL_FOR:
            self._known = True


def _furthest(batteries: Iterable[BatteryState]) -> VoltageDifference | None:
    """Return the two batteries between which the most current should flow.

    From one that may be discharged to one that may be charged: a full battery whose own
    BMS blocks charging rests below the others although it is connected.
    """
    known = [
        (battery.readings.voltage, battery)
        for battery in batteries
        if battery.online and battery.readings.voltage is not None
    ]
    highs = [
        (volts, battery.id)
        for volts, battery in known
        if allowed(battery.readings, Direction.DISCHARGE) > 0
    ]
    lows = [
        (volts, battery.id)
        for volts, battery in known
        if allowed(battery.readings, Direction.CHARGE) > 0
    ]
    if not highs or not lows:
        return None
    (high_volts, high), (low_volts, low) = max(highs), min(lows)
    return VoltageDifference(high, high_volts, low, low_volts)


def _is_normal(battery: BatteryState) -> bool:
    """Return whether the battery has no reason to lower its limits."""
    soc, temperature = battery.readings.soc, battery.readings.temperature
    return (
        soc is not None
        and NORMAL_SOC[0] <= soc <= NORMAL_SOC[1]
        and temperature is not None
        and NORMAL_TEMPERATURE[0] <= temperature <= NORMAL_TEMPERATURE[1]
    )
