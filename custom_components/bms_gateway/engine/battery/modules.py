"""Modules of a battery: how many it has and how many are missing."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

CONFIRMING_COUNTS: Final = 3
"""Equal reports in a row before a count is accepted: one false frame removes no
module."""


class Modules:
    """The modules of one battery, compared with the most since the start.

    A master leaves out modules that it has lost. Its limits fall with them, and so does
    the capacity of the battery.
    """

    def __init__(self) -> None:
        """Begin without a report."""
        self._counts: deque[int] = deque(maxlen=CONFIRMING_COUNTS)
        self._reports_online = False
        self.most: int | None = None
        """The most that were ever present; None: not known."""
        self.missing = 0
        """The number of those that are missing now."""

    def take(self, values: Mapping[str, Any]) -> None:
        """Take the counts of one frame.

        Modules online if reported, otherwise all modules.
        """
        if (online := values.get("modules_online")) is not None:
            if not self._reports_online:
                self._counts.clear()
            self._reports_online = True
            self._count(online)
        elif not self._reports_online and (count := values.get("modules")) is not None:
            self._count(count)

    def _count(self, count: int) -> None:
        if count == 0:
            return  # a battery without modules would send nothing
        self._counts.append(count)
        if len(self._counts) == CONFIRMING_COUNTS and len(set(self._counts)) == 1:
            self.most = max(self.most or 0, count)
            self.missing = self.most - count
