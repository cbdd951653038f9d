"""Rejected values: reported but not accepted, kept so that they can be shown."""

from collections.abc import Callable, Iterable, Set as AbstractSet
from dataclasses import dataclass

from ...model import Frame, RejectedValue


@dataclass(frozen=True, slots=True)
class _Kept:
    """One rejected value, with its frame and its time on the wire."""

    rejected: RejectedValue
    can_id: int
    at: float


class RejectedValues:
    """Keeps the last rejected value of each attribute until one is accepted."""

    def __init__(self, watched: AbstractSet[str]) -> None:
        """Watch these attributes, without which a battery does not count."""
        self._watched = watched
        self._kept: dict[str, _Kept] = {}

    def take(
        self,
        rejected: Iterable[RejectedValue],
        accepted: AbstractSet[str],
        frame: Frame,
    ) -> None:
        """Take the rejected values of one frame, and the attributes that were accepted."""
        for name in self._watched & accepted:
            self._kept.pop(name, None)
        for each in rejected:
            if each.attribute in self._watched:
                self._kept[each.attribute] = _Kept(each, frame.can_id, frame.at)

    def still_reported(
        self, now: float, timeout: Callable[[int], float]
    ) -> tuple[RejectedValue, ...]:
        """Return the values that are still reported.

        `timeout`: returns the seconds for which a frame counts, by ID.
        """
        return tuple(
            kept.rejected
            for kept in self._kept.values()
            if now < kept.at + timeout(kept.can_id)
        )
