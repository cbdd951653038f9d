"""Issues of inverters that take more current than they were sent."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from homeassistant.util import dt as dt_util

from ...engine.model import Disobedience
from ..context import Detector, Issue, IssueContext, Raised


def _disobedience(now: IssueContext, raised: Raised) -> Iterator[tuple[str, Issue]]:
    """Find excess current of one inverter, or of one among several."""
    disobedience = {
        (tuple(sorted(found.inverters)), direction): found
        for state in now.snapshot.inverters.values()
        for direction, found in state.disobeys.items()
    }
    for (ids, direction), found in sorted(disobedience.items(), key=lambda e: e[0]):
        key = f"over_limit_{'_'.join(ids)}_{direction}"
        if len(ids) > 1:
            kind = "inverters_over_limit"
        else:
            kind = (
                "inverter_over_limit_measured"
                if found.sensed
                else "inverter_over_limit"
            )
        before = raised.get(key)
        placeholders = {
            "name": ", ".join(now.device_name(each) for each in ids),
            "allowed": f"{found.sent:.0f}",
            "measured": f"{found.taken:.0f}",
            # From two clocks: recalculated, it might differ by a minute
            "since": before.placeholders["since"] if before else _since(now, found),
        }
        device_id = ids[0] if len(ids) == 1 else None
        yield key, Issue(f"{kind}_{direction}", placeholders, device_id=device_id)


def _since(now: IssueContext, found: Disobedience) -> str:
    """Return the start in local time."""
    ago = timedelta(seconds=now.snapshot.at - found.since)
    return dt_util.as_local(dt_util.utcnow() - ago).strftime("%Y-%m-%d %H:%M")


DETECTORS: Final[tuple[Detector, ...]] = (_disobedience,)
