"""Temporary limits of the current: each ends by itself, and their number is bounded."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from .model import Direction

MOST_OWNERS: Final = 16
"""Temporary limits per device and direction: more than a house has programs, and few
enough to be stored and searched at each change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryLimit:
    """A limit that ends by itself. One per device, direction and owner.

    Exactly one of `amps` and `watts` is set, at least 0. `until`: seconds of the
    gateway's clock; None: it stays until it is cleared.
    """

    device_id: str | None
    """An inverter's id; None: the bank."""
    direction: Direction
    owner: str
    amps: float | None = None
    watts: float | None = None
    until: float | None = None
    by: str | None = None
    """Which user made it, as an opaque id; None: no user."""

    @property
    def place(self) -> tuple[str | None, Direction]:
        """Device and direction that it limits; at most MOST_OWNERS limits share them."""
        return (self.device_id, self.direction)

    @property
    def key(self) -> tuple[str | None, Direction, str]:
        """The identity of an active temporary limit."""
        return (self.device_id, self.direction, self.owner)

    def is_active(self, now: float) -> bool:
        """Return whether it still applies at `now`."""
        return self.until is None or now < self.until

    def current(self, volts: float | None) -> float:
        """Return the limit in A; watts at `volts`, and 0 A while that is unknown."""
        if self.watts is None:
            return self.amps or 0.0
        return self.watts / volts if volts else 0.0


def bounded(
    temporary_limits: tuple[TemporaryLimit, ...],
) -> tuple[TemporaryLimit, ...]:
    """Return the temporary limits with at most MOST_OWNERS per device and direction."""
    for place, count in Counter(
        temporary_limit.place for temporary_limit in temporary_limits
    ).items():
        if count > MOST_OWNERS:
            others = (
                temporary_limit
                for temporary_limit in temporary_limits
                if temporary_limit.place != place
            )
            temporary_limits = (
                *others,
                *_merged(e for e in temporary_limits if e.place == place),
            )
    return temporary_limits


def _merged(temporary_limits: Iterable[TemporaryLimit]) -> list[TemporaryLimit]:
    """Return the lowest MOST_OWNERS temporary limits of one device and direction.

    One that is dropped leaves its end, if that is later, to one that is as low or lower
    and in the same unit: the result never allows more than all of them together.
    """
    by_height = sorted(
        temporary_limits,
        key=lambda temporary_limit: (
            temporary_limit.amps or temporary_limit.watts or 0.0
        ),
    )
    in_amps = [
        temporary_limit
        for temporary_limit in by_height
        if temporary_limit.watts is None
    ]
    in_watts = [
        temporary_limit
        for temporary_limit in by_height
        if temporary_limit.watts is not None
    ]
    while len(in_amps) + len(in_watts) > MOST_OWNERS:
        more = max(in_amps, in_watts, key=len)
        highest = more.pop()
        more[-1] = replace(more[-1], until=_later(more[-1].until, highest.until))
    return in_amps + in_watts


def _later(one: float | None, other: float | None) -> float | None:
    """Return the later of two ends; None is no end."""
    return None if one is None or other is None else max(one, other)
