"""A bank limit that proved too high for a battery is not used again soon."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ...model import Limit, Rule
from ...tolerances import TOLERANCE

HOLD: Final = 15.0
"""Seconds for which it holds after the battery carried too much: longer than it takes
inverters to follow the lower limit, that to be measured, and unmanaged current to
show."""
RELEASE: Final = 30.0
"""Further seconds in which it is released, at a rate given by the rated current."""
REMEMBERED: Final = 60.0
"""Seconds within which a second measurement has to confirm it: one may be false."""
OUTDATED_FACTOR: Final = 1.5
"""Once the battery allows this many times as much as then, plus the tolerance of its
meter, the ceiling no longer applies. A smaller increase is normal variation of
limits."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The last bank limit due to a battery that carried too much."""

    limit: Limit
    at: float
    measured_at: float | None = None
    """When the current that showed it was measured."""
    proven: bool = False
    """Whether a second measurement has confirmed it; only then it holds."""

    def is_outdated(self, allowed: float | None) -> bool:
        """Return whether its battery now allows more, in A; None: it is gone."""
        then = self.limit.number or 0.0
        return allowed is None or allowed > OUTDATED_FACTOR * then + TOLERANCE

    def amps(self, now: float, rated: float) -> float:
        """Return the bank limit in A that it still imposes; `rated`: A, of the bank."""
        past = max(0.0, now - self.at - HOLD)
        return self.limit.amps + rated * past / RELEASE


def apply_ceiling(
    ceiling: Ceiling | None,
    limit: Limit,
    now: float,
    *,
    rated: float,
    allowed: Mapping[str, float],
    measured_at: float | None = None,
) -> tuple[Ceiling | None, Limit]:
    """Return the ceiling that holds from now on, and the limit below it.

    `rated`: A, of the bank. `allowed`: what each battery allows now, in A, by its id.
    `measured_at`: when the battery that binds measured its current.

    While a battery is over its limit, it carries more of the bank current than its
    share says. As soon as it is not, the limit by its share would apply again, and it
    would be over again: every quarter of a minute, for as long as the share is wrong.
    """
    if ceiling is not None and not ceiling.proven and now > ceiling.at + REMEMBERED:
        ceiling = None
    if limit.rule is Rule.OVER_LIMIT:
        proven = ceiling is not None and (
            ceiling.proven or ceiling.measured_at != measured_at
        )
        return Ceiling(limit, now, measured_at, proven), limit
    if ceiling is None or ceiling.is_outdated(allowed.get(ceiling.limit.source or "")):
        return None, limit
    if not ceiling.proven:
        return ceiling, limit
    amps = ceiling.amps(now, rated)
    if limit.amps <= amps:
        return ceiling if now < ceiling.at + HOLD + RELEASE else None, limit
    return ceiling, replace(ceiling.limit, amps=amps)
