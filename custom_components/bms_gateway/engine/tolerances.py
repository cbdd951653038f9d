"""Measurement error: one constant for the current meters of all batteries."""

from typing import Final

TOLERANCE: Final = 1.0
"""A; a battery's current meter may be off by this much. A smaller current may be
zero."""
