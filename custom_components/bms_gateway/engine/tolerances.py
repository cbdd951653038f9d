"""Tolerances of measurements: one constant for the current meters of all batteries."""

from typing import Final

TOLERANCE: Final = 1.0
"""A; the possible error of a battery's current meter. Smaller currents may be zero."""
