"""Rejected values of a battery as text that reads the same in any language."""

from collections.abc import Iterable
from typing import Final

from ..engine.model import RejectedValue

_SYMBOLS: Final = {
    "charge_voltage_limit": ("CVL", "V"),
    "charge_current_limit": ("CCL", "A"),
    "discharge_current_limit": ("DCL", "A"),
    "voltage": ("Vbat", "V"),
    "soc": ("SOC", "%"),
}
"""Symbol and unit of each value, the same in any language."""


def describe_rejected(refused: Iterable[RejectedValue]) -> str:
    """Return rejected values, with the accepted range in brackets."""
    parts = []
    for each in refused:
        symbol, unit = _SYMBOLS[each.attribute]
        window = f"{each.low:g}–{each.high:g} {unit}"
        parts.append(f"{symbol} {each.value:.1f} {unit} ({window})")
    return ", ".join(parts)
