"""How many of a battery's modules are there: what it says again and again."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

CONFIRMING_COUNTS: Final = 3
"""Times in a row that a count has to be told: no false frame takes modules away."""


class Modules:
    """The modules of one battery, of those that it ever had since the start.

    A master leaves out modules that it has lost. Its limits fall with them; so does what
    the battery holds.
    """

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._counts: deque[int] = deque(maxlen=CONFIRMING_COUNTS)
        self._reports_online = False
        self.most: int | None = None
        """The most that were ever there; None: not known."""
        self.missing = 0
        """How many of them are not there now."""

    def take(self, values: Mapping[str, Any]) -> None:
        """Take what one frame says: those online if that is told, else all there are."""
        if (online := values.get("modules_online")) is not None:
            if not self._reports_online:
                self._counts.clear()
            self._reports_online = True
            self._count(online)
        elif not self._reports_online and (count := values.get("modules")) is not None:
            self._count(count)

    def _count(self, count: int) -> None:
        if count == 0:
            return  # a battery without modules sends nothing
        self._counts.append(count)
        if len(self._counts) == CONFIRMING_COUNTS and len(set(self._counts)) == 1:
            self.most = max(self.most or 0, count)
            self.missing = self.most - count
