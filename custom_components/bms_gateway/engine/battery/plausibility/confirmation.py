"""Confirmation of values: lower permission at once, higher only when reported twice."""

from collections import deque
from collections.abc import Callable
from functools import reduce
from itertools import combinations
import operator
from typing import Any, Final, NamedTuple

_KEPT: Final = 3
"""Reports kept: two of the last three have to permit as much. So one false low value
ends as soon as the next one is right."""


class _Sides(NamedTuple):
    """Functions that pick the value that permits less, and the one that permits more."""

    less: Callable[[Any, Any], Any]
    more: Callable[[Any, Any], Any]


_LOWER: Final = _Sides(min, max)
_NOT: Final = _Sides(operator.and_, operator.or_)

RAMPED: Final = {
    "charge_voltage_limit": _LOWER,
    "charge_current_limit": _LOWER,
    "discharge_current_limit": _LOWER,
}
"""Limits that rise only after `ramp.HOLD`, wherever they come from."""
NOT_RAMPED: Final = {
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
"""Values that no ramp holds back: these are always confirmed. A charge request makes
inverters buy energy."""
_ALL: Final = RAMPED | NOT_RAMPED


class Confirmation:
    """Remembers the recent reports of all values that permit or forbid.

    A single frame, false or from another node, therefore permits nothing. If two
    senders disagree, the value that permits less holds for as long as both are
    received.
    """

    def __init__(self) -> None:
        """Begin without a report."""
        self._reported: dict[str, deque[tuple[float, Any]]] = {}
        self._last_at: dict[str, float] = {}

    def accepted(
        self,
        name: str,
        value: Any,
        at: float,
        *,
        period: float,
        gap: float,
        disputed: bool,
    ) -> Any:
        """Return the accepted value of `name` after a report of `value` (not None).

        `period`: how often it comes, in s: all frames within one period are one report,
        however many there are, so a flood does not outvote the battery. After more than
        `gap` seconds it starts again. `disputed`: there are two senders, and the lowest
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
        """Forget the reports of it."""
        self._reported.pop(name, None)
