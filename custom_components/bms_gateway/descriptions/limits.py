"""Sensors of a limit: its value, the rule that binds, and whose setpoint it is."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.const import UnitOfElectricCurrent, UnitOfElectricPotential

from ..engine.model import Direction, Limit, Rule
from ..engine.rounding import round_down
from ..entity import EntityContext
from ..setpoints.limit_list import MAX_ATTRIBUTE_BYTES, listed
from ..throttle.snapshots import why
from ..throttle.states import Kind
from .base import BmsSensorDescription, choice
from .quantities import amps

_ASKED: Final = frozenset({Rule.SETPOINT, Rule.TEMPORARY_LIMIT})
"""Rules that both the bank and each inverter have."""
_UNITS: Final = {Rule.VOLTAGE: UnitOfElectricPotential.VOLT}
"""The unit of the figure of a rule, where that is not A."""


def limit[S](
    key: str, limit_fn: Callable[[S], Limit | None], **more: Any
) -> BmsSensorDescription[S]:
    """Describe a limit in A, with the reason for it."""

    def attributes(subject: S, around: EntityContext) -> Mapping[str, Any]:
        if (found := limit_fn(subject)) is None:
            return {}
        return {"limited_by": str(found.rule), **_explain(found, around)}

    return amps(
        key,
        # Never shown higher than it may be sent
        lambda s: round_down(found.amps) if (found := limit_fn(s)) else None,
        kind=Kind.LIMIT,
        attributes_fn=attributes,
        exact_fn=_exact(limit_fn),
        **more,
    )


def reason[S](
    key: str,
    direction: Direction,
    limit_fn: Callable[[S], Limit | None],
    inverter_fn: Callable[[S], str | None] = lambda _: None,
    **more: Any,
) -> BmsSensorDescription[S]:
    """Describe which rule binds a limit, of an inverter or (by default) the bank."""

    def attributes(subject: S, around: EntityContext) -> Mapping[str, Any]:
        found = limit_fn(subject)
        temporary_limits = around.temporary_limits(inverter_fn(subject), direction)
        return {
            **(_explain(found, around) if found else {}),
            **listed(temporary_limits, MAX_ATTRIBUTE_BYTES),
        }

    return choice(
        key,
        lambda subject: found.rule if (found := limit_fn(subject)) else None,
        Rule,
        attributes_fn=attributes,
        exact_fn=_exact(limit_fn),
        # As the limit's own, so that the two never contradict each other
        kind=Kind.LIMIT,
        **more,
    )


def _exact[S](limit_fn: Callable[[S], Limit | None]) -> Callable[[S], object]:
    """Return the key that distinguishes one reason from another."""
    return lambda subject: why(found) if (found := limit_fn(subject)) else None


def _explain(found: Limit, around: EntityContext) -> Mapping[str, Any]:
    """Return the source and device of the binding rule and its figure, if it has them.

    `source`: a battery's id, a setpoint's key or an owner. `device_id`: Home Assistant's
    id of the battery, or of the gateway or inverter that the setpoint or the temporary
    limit belongs to. Ids, because names change.
    """
    shown: dict[str, Any] = {}
    if found.source is not None:
        shown["source"] = str(found.source)
    # An owner may have any text as its name, also that of a device's id
    of_a_user = found.rule in _ASKED
    if of_a_user or found.source is not None:
        key = found.device if of_a_user else found.source
        if (device_id := around.device_id(key)) is not None:
            shown["device_id"] = device_id
    if found.number is not None:
        shown["number"] = round(found.number, 1)
        shown["unit"] = str(_UNITS.get(found.rule, UnitOfElectricCurrent.AMPERE))
    return shown
