"""What permits less counts at once; what permits more, only once it was told twice."""

from collections import deque
from collections.abc import Callable
from functools import reduce
from itertools import combinations
import operator
from typing import Any, Final, NamedTuple

_KEPT: Final = 3
"""Times: of the last three, two have to tell as much. So one false low value ends as
soon as the next one is right."""


class _Sides(NamedTuple):
    """Which of two values permits less, and which more."""

    less: Callable[[Any, Any], Any]
    more: Callable[[Any, Any], Any]


_LOWER: Final = _Sides(min, max)
_NOT: Final = _Sides(operator.and_, operator.or_)

RAMPED: Final = {
    "charge_voltage_limit": _LOWER,
    "charge_current_limit": _LOWER,
    "discharge_current_limit": _LOWER,
}
"""What rises only after `rise.HOLD`, wherever it comes from."""
IMMEDIATE: Final = {
    "charge_enabled": _NOT,
    "discharge_enabled": _NOT,
    "protections": _Sides(operator.or_, operator.and_),
    "pair_protections": _Sides(operator.or_, operator.and_),
    "discharge_voltage_limit": _Sides(max, min),
    "force_charge": _NOT,
    "force_charge_2": _NOT,
    "full_charge": _NOT,
    "charge_request": _NOT,
}
"""What goes out as it comes. A request for charge makes inverters buy energy."""
_ALL: Final = RAMPED | IMMEDIATE


class Confirmation:
    """Remembers what a battery told lately, of all that permits or forbids.

    A single frame, false or from somebody else, permits nothing so. Where two senders
    disagree, what permits less holds for as long as both are heard.
    """

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._reported: dict[str, deque[tuple[float, Any]]] = {}
        self._last_at: dict[str, float] = {}

    def believed(
        self,
        name: str,
        value: Any,
        at: float,
        *,
        period: float,
        gap: float,
        disputed: bool,
    ) -> Any:
        """Return what counts of `name`, now that it was told as `value`, not None.

        `period`: how often it is told, in s: frames within one are told at one time,
        however many come, so a flood does not outvote the battery. After more than
        `gap` seconds it begins anew. `disputed`: there are two senders, and the lowest
        of both counts.
        """
        sides = _ALL[name]
        reported = self._reported.setdefault(name, deque(maxlen=_KEPT))
        if self._last_at.get(name, at) < at - gap:
            reported.clear()
        self._last_at[name] = at
        if reported and at < reported[-1][0] + period:
            since, before = reported.pop()
            reported.append((since, sides.less(before, value)))
        else:
            reported.append((at, value))
        values = [each for _, each in reported]
        if disputed or len(values) == 1:
            return reduce(sides.less, values)
        twice = [sides.less(a, b) for a, b in combinations(values, 2)]
        return sides.less(values[-1], reduce(sides.more, twice))

    def forget(self, name: str) -> None:
        """Forget what was told of it."""
        self._reported.pop(name, None)
