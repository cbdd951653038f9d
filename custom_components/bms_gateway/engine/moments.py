"""What the bank carried when a battery measured its current: each reports in its time.

A battery over its limit says by how much the bank's current was too high, at the moment
of its own measurement. Taken off what flows later, when that has come down already, the
same excess would be taken off again and again until the battery reports anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .model import BatteryState

SAME_MOMENT: Final = 0.3
"""Seconds between measurements that tell of the same bank current. (Taken as of one
moment whatever their age, a load step made the first to report it seem to carry it
all: twice as many swings, and 1.5 % less energy moved.)"""


@dataclass(frozen=True, slots=True)
class Moment:
    """The bank's current when one battery measured its own."""

    current: float
    """A, charge positive."""
    known: bool
    """Whether every other battery has reported since that battery's current moved."""


class Moments:
    """The moment of each battery's last measurement."""

    def __init__(self) -> None:
        """Begin without any."""
        self._reports: dict[str, tuple[float | None, dict[str, float]]] = {}
        self._moments: dict[str, Moment] = {}

    def of(self, battery_id: str) -> Moment | None:
        """Return the moment of a battery online whose current is known, else None."""
        return self._moments.get(battery_id)

    def update(
        self, online: Sequence[BatteryState], moved_at: Mapping[str, float]
    ) -> None:
        """Take what the batteries report; `moved_at`: when each current last moved."""
        told = {b.id: amps for b in online if (amps := b.readings.current) is not None}
        measured_at = {b.id: b.current_at for b in online}
        # One whose current is unknown is taken to carry its part by capacity.
        known = sum(b.capacity_ah for b in online if b.id in told)
        scale = sum(b.capacity_ah for b in online) / known if known else 1.0
        before, self._reports, self._moments = self._reports, {}, {}
        for key in told:
            at, currents = before.get(key, (None, {}))
            if at != measured_at[key]:
                currents = {}
            oldest = moved_at.get(key, 0.0) - SAME_MOMENT
            for other, amps in told.items():
                when = measured_at[other]
                # The first report counts; those after it tell of what came of it.
                if other not in currents and (when is None or when >= oldest):
                    currents[other] = amps
            self._reports[key] = measured_at[key], currents
            current = sum(currents.get(other, amps) for other, amps in told.items())
            self._moments[key] = Moment(
                scale * current, known=currents.keys() >= told.keys()
            )
