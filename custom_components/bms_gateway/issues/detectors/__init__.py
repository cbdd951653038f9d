"""Issue detectors: find the problems that a user can fix."""

from typing import Final

from ..context import Detector, Issue, IssueContext, Raised
from . import absent, batteries, buses, disobedience, inverters, makes, ports, setpoints

DETECTORS: Final[tuple[Detector, ...]] = (
    *setpoints.DETECTORS,
    *ports.DETECTORS,
    *absent.DETECTORS,
    *batteries.DETECTORS,
    *buses.DETECTORS,
    *inverters.DETECTORS,
    *makes.DETECTORS,
    *disobedience.DETECTORS,
)


def find_issues(now: IssueContext, raised: Raised) -> dict[str, Issue]:
    """Return the present issues by their ids."""
    return {key: issue for find in DETECTORS for key, issue in find(now, raised)}
