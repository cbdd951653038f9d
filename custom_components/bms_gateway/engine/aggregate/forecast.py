"""Forecast: time to full and to empty at the mean current of the last minutes."""

from dataclasses import replace
from math import exp
from typing import Final

from ..model import BankState

SMOOTHING_TIME: Final = 120.0
"""Time constant of the smoothed current in seconds: clouds and kettles are shorter."""
REST: Final = 0.01
"""Part of the capacity per hour; below it the bank is at rest, and no end is in
sight."""

_HOUR: Final = 3600.0


class Forecast:
    """Smooths the bank's current and extrapolates it."""

    def __init__(self) -> None:
        """Begin without a current."""
        self._amps: float | None = None
        self._at = 0.0

    def update(self, bank: BankState, now: float) -> BankState:
        """Return the bank with its times to full and to empty.

        Both are unknown at rest, and while the current has just turned.
        """
        amps = self._smooth(bank.current, now)
        soc, capacity = bank.soc, bank.capacity_ah
        if amps is None or bank.current is None or soc is None or not capacity:
            return bank
        if abs(amps) < REST * capacity or bank.current * amps <= 0:
            return bank
        left = (100 - soc if amps > 0 else soc) / 100 * capacity
        seconds = left / abs(amps) * _HOUR
        if amps > 0:
            return replace(bank, time_to_full=seconds)
        return replace(bank, time_to_empty=seconds)

    def _smooth(self, amps: float | None, now: float) -> float | None:
        """Return the exponentially smoothed current in A; a gap starts it again."""
        before, elapsed = self._amps, now - self._at
        self._amps, self._at = amps, now
        if amps is not None and before is not None:
            self._amps = amps + (before - amps) * exp(
                -max(elapsed, 0.0) / SMOOTHING_TIME
            )
        return self._amps
