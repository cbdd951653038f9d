"""Jumps of the state of charge: held back for a minute, then accepted."""

from typing import Final

JUMP: Final = 5.0
"""%; more within WITHIN seconds is a jump, unless the current explains it."""
JUMP_TIME: Final = 10.0
HOLD_TIME: Final = 60.0
"""Seconds for which the previous value is held; a jump that lasts is no false
sample."""
SETTLED_VALUES: Final = 3
"""Agreeing values in a row; before them the battery may still be starting."""
_ENDS: Final = frozenset({0.0, 100.0})
"""%; inverters act on them: never accepted before they are repeated."""


class SocJump:
    """Follows the state of charge of one battery."""

    def __init__(self) -> None:
        """Begin with none."""
        self.jumped_at: float | None = None
        """When a jump was accepted after all; None: never."""
        self._value: float | None = None
        self._reported: float | None = None
        self._at = 0.0
        self._explained = 0.0
        self._agreed = 0
        self._since: float | None = None

    def accepted(self, soc: float, at: float, *, amps: float, capacity: float) -> float:
        """Return the accepted state of charge in % after a report of `soc` (%).

        `amps`: the highest current that may flow; `capacity` in Ah, nan if it is not
        known: then nothing is held back.
        """
        passed = max(0.0, at - self._at)
        repeated = soc == self._reported
        self._reported, self._at = soc, at
        # A x s / (3600 x Ah) x 100 %
        self._explained += amps * passed / (36 * capacity)
        room = JUMP * max(1.0, passed / JUMP_TIME) + self._explained
        value = self._value
        if value is None or not abs(soc - value) > room:
            if value is None or repeated or soc not in _ENDS:
                return self._believe(soc)
            return value
        if self._agreed < SETTLED_VALUES:
            return self._believe(soc, agreed=0)
        self._since = at if self._since is None else self._since
        if at < self._since + HOLD_TIME:
            return value
        self.jumped_at = at
        return self._believe(soc)

    def _believe(self, soc: float, *, agreed: int | None = None) -> float:
        self._value, self._explained, self._since = soc, 0.0, None
        self._agreed = self._agreed + 1 if agreed is None else agreed
        return soc
