"""What a user can mend, found in what is known now: the repairs that should stand."""

from typing import Final

from ..context import Finder, Issue, Raised, Situation
from . import absent, batteries, buses, disobedience, inverters, ports, setpoints

FINDERS: Final[tuple[Finder, ...]] = (
    *setpoints.FINDERS,
    *ports.FINDERS,
    *absent.FINDERS,
    *batteries.FINDERS,
    *buses.FINDERS,
    *inverters.FINDERS,
    *disobedience.FINDERS,
)


def find_issues(now: Situation, raised: Raised) -> dict[str, Issue]:
    """Return what is wrong now, by the ids of the issues."""
    return {key: issue for find in FINDERS for key, issue in find(now, raised)}
