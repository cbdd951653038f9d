"""What a user can mend, found in what is known now: the repairs that should stand."""

from typing import Final

from ..context import Detector, Issue, IssueContext, Raised
from . import absent, batteries, buses, disobedience, inverters, ports, setpoints

DETECTORS: Final[tuple[Detector, ...]] = (
    *setpoints.DETECTORS,
    *ports.DETECTORS,
    *absent.DETECTORS,
    *batteries.DETECTORS,
    *buses.DETECTORS,
    *inverters.DETECTORS,
    *disobedience.DETECTORS,
)


def find_issues(now: IssueContext, raised: Raised) -> dict[str, Issue]:
    """Return what is wrong now, by the ids of the issues."""
    return {key: issue for find in DETECTORS for key, issue in find(now, raised)}
