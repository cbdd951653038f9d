"""Energy from power: trapezoids between what was measured, nothing where it was not."""

from dataclasses import dataclass
from typing import Final

from ..model import BatteryState, BatteryStatus, Snapshot

LONGEST_GAP: Final = 30.0
"""Seconds between two measurements of which nobody knows what flowed meanwhile."""
GAP_PERIODS: Final = 3
"""Periods of a battery that count as no gap yet, however slowly it speaks."""

_JOULES: Final = 3.6e6
"""In a kWh."""


@dataclass(frozen=True, slots=True)
class Energy:
    """What went in and what came out, in kWh, each at least 0."""

    charged: float = 0.0
    discharged: float = 0.0

    def __add__(self, other: Energy) -> Energy:
        """Return the sum of both ways."""
        return Energy(self.charged + other.charged, self.discharged + other.discharged)


NO_ENERGY: Final = Energy()


@dataclass(frozen=True, slots=True)
class Sample:
    """A power at the moment when it was measured."""

    at: float
    """Seconds of the gateway's clock."""
    watts: float
    """Charge positive."""
    longest_gap: float = LONGEST_GAP
    """Seconds to the sample before it, above which the time between is unknown."""
    of: frozenset[str] = frozenset()
    """The ids of the batteries that the power is the sum of."""


def battery_sample(battery: BatteryState) -> Sample | None:
    """Return what a battery's last measurement says; None while it is unknown.

    What a twin measures is counted once, as the other battery's.
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
    """Return what the bank carries, as of the oldest measurement in it.

    None while a battery's current was only estimated.
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
    """Return what flowed between two samples, nothing where that is not known.

    That is so across a gap, and where other batteries make up the sum.
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
    # What is left may come out below 0, by the binary fraction
    discharged = -low / 2 * max(0.0, seconds - charging) / _JOULES
    return Energy(charged, discharged)


class Meter:
    """Adds up the energy of one battery or bank; never takes anything back."""

    def __init__(self, total: Energy = NO_ENERGY) -> None:
        """Go on from a total."""
        self.total = total
        self._last: Sample | None = None

    def take(self, sample: Sample | None) -> None:
        """Take the next sample; None: the power is unknown from now on."""
        self.total += between(self._last, sample)
        self._last = sample
