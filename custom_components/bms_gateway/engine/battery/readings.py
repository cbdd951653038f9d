"""Readings of a battery, put together from the values of several frames."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from ..model import Readings
from ..protocol import agreed_capacity, joined

_NAMES: Final = frozenset(item.name for item in fields(Readings))


def readings_of(reported: Mapping[str, Any], capacity_ah: float) -> Readings:
    """Return the readings: texts joined, alarms of both kinds, the capacity agreed.

    `reported`: values as named by `protocol.decode`; `capacity_ah`: as configured.
    """
    values = {name: value for name, value in reported.items() if name in _NAMES}
    values |= {
        "product": joined(reported.get("product_1"), reported.get("product_2")),
        "serial": joined(reported.get("serial_1"), reported.get("serial_2")),
        "installed_ah": reported.get("installed_ah")
        or agreed_capacity(reported.get("candidate_ah"), capacity_ah),
    }
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
