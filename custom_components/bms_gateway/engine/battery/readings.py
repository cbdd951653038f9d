"""What a battery told in several frames becomes its readings."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from ..model import Readings
from ..protocol import agreed_capacity, joined

_NAMES: Final = frozenset(item.name for item in fields(Readings))


def readings_of(told: Mapping[str, Any], capacity_ah: float) -> Readings:
    """Return the readings: texts joined, alarms of both kinds, the capacity agreed.

    `told`: values as `protocol.decode` names them; `capacity_ah`: as configured.
    """
    values = {name: value for name, value in told.items() if name in _NAMES}
    values |= {
        "product": joined(told.get("product_1"), told.get("product_2")),
        "serial": joined(told.get("serial_1"), told.get("serial_2")),
        "installed_ah": told.get("installed_ah")
        or agreed_capacity(told.get("candidate_ah"), capacity_ah),
    }
    for half in ("protections", "warnings"):
        # A battery may send 0x359 and 0x35A: what one of them raises is raised.
        values[half] = _either(told.get(half), told.get(f"pair_{half}"))
    return Readings(**values)


def _either[T](
    first: frozenset[T] | None, second: frozenset[T] | None
) -> frozenset[T] | None:
    if first is None or second is None:
        return second if first is None else first
    return first | second
