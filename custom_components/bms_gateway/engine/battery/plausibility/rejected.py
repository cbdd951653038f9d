"""Rejected values: reported but not accepted, kept so that they can be shown."""

from collections.abc import Callable, Iterable, Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from ...model import Frame, Readings, RejectedValue
from .ranges import LOWEST_48_V

_MOST: Final = {12: 17.0, 24: 34.0, 36: LOWEST_48_V}
"""V; the highest that packs of these nominal voltages are charged to."""
_EMPTY: Final = 2 / 3
"""Of the nominal voltage; no pack has less."""
_EMPTY_48_V: Final = 30.0
"""V; the lowest voltage that is accepted, see `protocol.quantities.voltage`."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """One rejected value, with its frame and its time on the wire."""

    rejected: RejectedValue
    can_id: int
    at: float


class RejectedValues:
    """Keeps the last rejected value of each attribute until one is accepted."""

    def __init__(self, watched: AbstractSet[str]) -> None:
        """Watch these attributes, without which a battery does not count."""
        self._watched = watched
        self._kept: dict[str, _Kept] = {}

    def take(
        self,
        rejected: Iterable[RejectedValue],
        accepted: AbstractSet[str],
        frame: Frame,
    ) -> None:
        """Take the rejected values of one frame, and the attributes that were accepted."""
        for name in self._watched & accepted:
            self._kept.pop(name, None)
        for each in rejected:
            if each.attribute in self._watched:
                self._kept[each.attribute] = _Kept(each, frame.can_id, frame.at)

    def still_reported(
        self, now: float, timeout: Callable[[int], float]
    ) -> tuple[RejectedValue, ...]:
        """Return the values that are still reported.

        `timeout`: returns the seconds for which a frame counts, by ID.
        """
        return tuple(
            kept.rejected
            for kept in self._kept.values()
            if now < kept.at + timeout(kept.can_id)
        )


def nominal_voltage_of(rejected: Iterable[RejectedValue], last: Readings) -> int | None:
    """Return the nominal voltage in V by rejected values; None: it is 48 V, or unknown.

    `last`: the last accepted values, which stand in for those that are not rejected.
    """
    reported = {
        "charge_voltage_limit": last.charge_voltage_limit,
        "voltage": last.voltage,
    } | {each.attribute: each.value for each in rejected}
    return nominal_voltage(reported["charge_voltage_limit"], reported["voltage"])


def nominal_voltage(
    charge_voltage_limit: float | None, voltage: float | None
) -> int | None:
    """Return the nominal voltage in V of a pack of 12, 24 or 36 V; None: it is none.

    By its charge voltage limit, which shows most; by its voltage alone only if it
    reports no limit (0 is none), and only below the voltage that an empty 48 V pack can
    have.
    """
    limit = charge_voltage_limit or None
    if limit is None and (voltage is None or voltage >= _EMPTY_48_V):
        return None
    volts = [each for each in (limit, voltage) if each is not None]
    for nominal, most in _MOST.items():
        if volts[0] <= most:
            fits = all(_EMPTY * nominal <= each <= most for each in volts)
            return nominal if fits else None
    return None
