"""Readings of a battery, put together from the values of several frames."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from ..model import Readings
from ..protocol import agreed_capacity, agreed_remaining, joined

_NAMES: Final = frozenset(item.name for item in fields(Readings))
_EXTREMES: Final = (
    "cell_voltage_min",
    "cell_voltage_max",
    "cell_temperature_min",
    "cell_temperature_max",
)
"""Cells of which a battery may report the id as a text or a number."""


def readings_of(reported: Mapping[str, Any], capacity_ah: float) -> Readings:
    """Return the readings: texts joined, alarms of both kinds, capacities agreed.

    `reported`: values as named by `protocol.decode`; `capacity_ah`: as configured.
    """
    values = {name: value for name, value in reported.items() if name in _NAMES}
    values |= {
        "product": joined(reported.get("product_1"), reported.get("product_2")),
        "serial": joined(reported.get("serial_1"), reported.get("serial_2")),
        "installed_ah": reported.get("installed_ah")
        or agreed_capacity(reported.get("candidate_ah"), capacity_ah),
        "remaining_ah": reported.get("remaining_ah")
        or agreed_remaining(
            reported.get("remaining_count"), reported.get("soc"), capacity_ah
        ),
        "version": reported.get("version") or reported.get("firmware"),
    }
    for extreme in _EXTREMES:
        number = reported.get(f"{extreme}_number")
        if values.get(f"{extreme}_id") is None and number is not None:
            values[f"{extreme}_id"] = str(number)
    for half in ("protections", "warnings"):
        # A battery may send 0x359 and 0x35A: an alarm in either of them counts.
        values[half] = _either(reported.get(half), reported.get(f"pair_{half}"))
    return Readings(**values)


def _either[T](
    first: frozenset[T] | None, second: frozenset[T] | None
) -> frozenset[T] | None:
    if first is None or second is None:
        return second if first is None else first
    return first | second
