"""What the bank proved to be too much for a battery is not offered anew at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ...model import Limit, Rule
from ...tolerances import TOLERANCE

HOLD: Final = 15.0
"""Seconds for which it holds after the battery carried too much: longer than the lower
limit takes to be followed and seen, and that the current nobody was told takes to show."""
RELEASE: Final = 30.0
"""Seconds more in which it is let go, by the rated current."""
REMEMBERED: Final = 60.0
"""Seconds within which a second measurement has to show it: one may be false."""
MORE: Final = 1.5
"""So many times what it allowed then, and the tolerance of its meter: it allows more now,
and what was too much is not any more. Less is how limits vary."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The last limit by which a battery that carried too much held the bank."""

    limit: Limit
    at: float
    measured_at: float | None = None
    """When the current was measured that showed it."""
    proven: bool = False
    """Whether another one has shown it, too; only then it holds."""

    def is_outdated(self, allowed: float | None) -> bool:
        """Return whether its battery now allows more, in A; None: it is gone."""
        then = self.limit.number or 0.0
        return allowed is None or allowed > MORE * then + TOLERANCE

    def amps(self, now: float, rated: float) -> float:
        """Return what it still holds the bank to, in A; `rated`: A, of the bank."""
        past = max(0.0, now - self.at - HOLD)
        return self.limit.amps + rated * past / RELEASE


def under(
    ceiling: Ceiling | None,
    limit: Limit,
    now: float,
    *,
    rated: float,
    allowed: Mapping[str, float],
    measured_at: float | None = None,
) -> tuple[Ceiling | None, Limit]:
    """Return the ceiling that holds from now on, and the limit under it.

    `rated`: A, of the bank. `allowed`: what each battery allows now, in A, by its id.
    `measured_at`: when the one that holds the bank measured its current.

    A battery carries more of the bank than was thought while it is over its limit. As
    soon as it is not, the thought would hold again, and it would be over anew: every
    quarter of a minute, for as long as the thought is wrong.
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
