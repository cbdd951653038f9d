"""Energy from power: trapezoids between measurements, nothing across gaps."""

from dataclasses import dataclass
from typing import Final

from ..model import BatteryState, BatteryStatus, Snapshot

LONGEST_GAP: Final = 30.0
"""Seconds between two measurements above which the power between them is unknown."""
GAP_PERIODS: Final = 3
"""Periods of a battery that are not a gap yet, however slowly it sends."""

_JOULES: Final = 3.6e6
"""In a kWh."""


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy charged and discharged, in kWh, each at least 0."""

    charged: float = 0.0
    discharged: float = 0.0

    def __add__(self, other: Energy) -> Energy:
        """Return the sum, direction by direction."""
        return Energy(self.charged + other.charged, self.discharged + other.discharged)


NO_ENERGY: Final = Energy()


@dataclass(frozen=True, slots=True)
class Sample:
    """A power at the time of its measurement."""

    at: float
    """Seconds of the gateway's clock."""
    watts: float
    """Charge positive."""
    longest_gap: float = LONGEST_GAP
    """Seconds to the sample before it, above which the time between is unknown."""
    of: frozenset[str] = frozenset()
    """The ids of the batteries included in the power."""


def battery_sample(battery: BatteryState) -> Sample | None:
    """Return the sample of a battery's last measurement; None while it is unknown.

    A duplicate battery is counted once, as the other one.
    """
    if battery.status is BatteryStatus.DUPLICATE:
        return None
    voltage, current = battery.readings.voltage, battery.readings.current
    if voltage is None or current is None or battery.current_at is None:
        return None
    return Sample(
        battery.current_at,
        voltage * current,
        max(LONGEST_GAP, GAP_PERIODS * (battery.period or 0.0)),
        frozenset({battery.id}),
    )


def bank_sample(snapshot: Snapshot) -> Sample | None:
    """Return the bank's power, as of the oldest measurement in it.

    None while a battery's current is only estimated.
    """
    bank = snapshot.bank
    online = [battery for battery in snapshot.batteries.values() if battery.online]
    samples = [sample for each in online if (sample := battery_sample(each))]
    if bank.power is None or bank.current_estimated:
        return None
    if not samples or len(samples) < len(online):
        return None
    return Sample(
        min(sample.at for sample in samples),
        bank.power,
        max(sample.longest_gap for sample in samples),
        frozenset(each.id for each in online),
    )


def between(before: Sample | None, after: Sample | None) -> Energy:
    """Return the energy between two samples, nothing where it is not known.

    That is so across a gap, and if the batteries in the sum differ.
    """
    if before is None or after is None or before.of != after.of:
        return NO_ENERGY
    seconds = after.at - before.at
    if not 0 < seconds <= after.longest_gap:
        return NO_ENERGY
    low, high = sorted((before.watts, after.watts))
    if low >= 0 or high <= 0:
        flowed = (low + high) / 2 * seconds / _JOULES
        return Energy(max(flowed, 0.0), max(-flowed, 0.0))
    # A line through 0 makes a triangle on either side
    charging = seconds * high / (high - low)
    charged = high / 2 * charging / _JOULES
    # The rest may come out slightly below 0, by rounding errors
    discharged = -low / 2 * max(0.0, seconds - charging) / _JOULES
    return Energy(charged, discharged)


class Meter:
    """Adds up the energy of one battery or bank; never takes anything back."""

    def __init__(self, total: Energy = NO_ENERGY) -> None:
        """Continue from a total."""
        self.total = total
        self._last: Sample | None = None

    def take(self, sample: Sample | None) -> None:
        """Take the next sample; None: the power is unknown from now on."""
        self.total += between(self._last, sample)
        self._last = sample
