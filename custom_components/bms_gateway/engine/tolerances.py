"""How wrong a measurement may be: one constant for the current meters of all batteries."""

from typing import Final

TOLERANCE: Final = 1.0
"""A; a battery's current meter may be wrong by this much. Smaller currents may be none."""
