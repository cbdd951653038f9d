"""Values of a battery that were rejected, as figures that read the same in any language."""

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
"""How values are told in any language, with their units."""


def figures(rejected: Iterable[RejectedValue]) -> str:
    """Return values that were refused, with what would be accepted in brackets."""
    told = []
    for each in rejected:
        symbol, unit = _SYMBOLS[each.attribute]
        window = f"{each.low:g}–{each.high:g} {unit}"
        told.append(f"{symbol} {each.value:.1f} {unit} ({window})")
    return ", ".join(told)
