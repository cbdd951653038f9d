"""Unmanaged current: chargers and loads on the batteries that no inverter controls."""

from collections import deque
from collections.abc import Callable
import operator
from typing import Final

from ..model import Limit, Rule
from .rule_inputs import RuleInputs

SENT_WINDOW: Final = 10.0
"""Seconds; inverters may still follow the largest sum told in them."""
WINDOW: Final = 20.0
"""Seconds for which it has to flow, at the least; twice the longest reaction time."""


class _Extreme:
    """The lowest or highest value of a sliding window."""

    def __init__(self, better: Callable[[float, float], bool]) -> None:
        self._better = better
        self._kept: deque[tuple[float, float]] = deque()

    def add(self, value: float, now: float, window: float) -> float:
        """Take a value that holds from now on; return the extreme of the window."""
        kept = self._kept
        since = now
        while kept and not self._better(kept[-1][1], value):
            # What is kept stands for what it outdid: the one before ended then.
            since = kept.pop()[0]
        kept.append((since, value))
        while len(kept) > 1 and kept[1][0] <= now - window:
            kept.popleft()
        return kept[0][1]


class UnmanagedCurrent:
    """What has been flowing for long, in one direction, beyond what was told."""

    def __init__(self) -> None:
        """Begin without knowledge."""
        self.most_sent = 0.0
        """A; the largest sum told in TOLD_WINDOW, which inverters may still follow."""
        self._since: float | None = None
        self._sent = _Extreme(operator.gt)
        self._excess = _Extreme(operator.lt)

    def update(
        self, flowing: float | None, sent: float, now: float, *, reaction: float
    ) -> float:
        """Return the untold current in A, at least 0.

        `flowing`: the bank's current in the direction's sense; None forgets all.
        `told`: the sum of what the inverters were told in the direction. `reaction`:
        the longest reaction time of an inverter in seconds.
        """
        if flowing is None:
            self._since = None
            self._sent, self._excess = _Extreme(operator.gt), _Extreme(operator.lt)
            self.most_sent = sent
            return 0.0
        if self._since is None:
            self._since = now
        window = max(WINDOW, 2 * reaction)
        self.most_sent = self._sent.add(sent, now, SENT_WINDOW)
        least = self._excess.add(flowing - self.most_sent, now, window)
        return max(0.0, least) if now >= self._since + window else 0.0


def unmanaged_current(inputs: RuleInputs, limit: Limit) -> Limit:
    """Subtract current that flows although no inverter was sent it.

    `Rule.UNMANAGED`: a charger or load beside the gateway, or an inverter that disobeys,
    already uses this part of what the batteries allow.
    """
    if inputs.unmanaged <= 0 or not inputs.config.inverters:
        return limit
    rest = max(0.0, limit.amps - inputs.unmanaged)
    return Limit(amps=rest, rule=Rule.UNMANAGED, number=inputs.unmanaged)
