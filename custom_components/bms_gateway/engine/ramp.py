"""Ramp of a limit: down at once, up only after a hold time and at a fixed rate."""

from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Final

HOLD: Final = 3.0
"""Seconds that a higher limit has to hold. A full pack that retries (its limit jumps to
922 A for 1 s in 20 s) is never sent as anything but 0 A."""
RAMP_TIME: Final = 10.0
"""Seconds from nothing to the rated current."""
RAMP_STEP: Final = 0.25
"""Seconds after which a limit that ramps is evaluated again."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """A limit on its way: `amps` may be sent now, `wanted` was requested recently.

    `wanted`: (since when, A) of the last HOLD seconds, the oldest one reaching back
    before them.
    """

    amps: float
    at: float
    wanted: tuple[tuple[float, float], ...]
    fell: bool = False

    @property
    def target(self) -> float:
        """Return the lowest limit that was wanted in the last HOLD seconds, in A."""
        return min(amps for _, amps in self.wanted)


def ramp_to(
    before: Ramp | None, wanted: float, now: float, *, rated: float, flowing: float
) -> Ramp:
    """Return the ramp at `now` towards the `wanted` limit; all in A.

    A lower limit is sent at once. A higher one, once it has held, ramps by `rated` per
    RAMP_TIME; the ramp begins no lower than the current that already flows (`flowing`),
    if that is within the limit. Before the first fall a rise is sent in full.
    """
    if before is None:
        return Ramp(wanted, now, ((now, wanted),))
    history = _remember(before.wanted, wanted, now)
    target = min(amps for _, amps in history)
    if target <= before.amps:
        return Ramp(target, now, history, before.fell or target < before.amps)
    if not before.fell:
        return Ramp(target, now, history)
    start = max(before.amps, min(flowing, target))
    risen = _rise(before, start, rated / RAMP_TIME, now)
    return Ramp(min(target, risen), now, history, True)


def _rise(before: Ramp, amps: float, rate: float, now: float) -> float:
    """Return where a ramp of `rate` A/s is at `now`, which was at `amps` before.

    What was held at each time bounds it, also between two evaluations: otherwise a
    lower limit in the past could end in a higher one.
    """
    ends = [until + HOLD for _, (until, _) in pairwise(before.wanted)]
    at = before.at
    for end in (*(each for each in ends if at < each < now), now):
        held = min(
            wanted
            for (_, wanted), until in zip(before.wanted, (*ends, inf), strict=True)
            if until > at
        )
        amps = max(amps, min(held, amps + rate * (end - at)))
        at = end
    return amps


def _remember(
    wanted: tuple[tuple[float, float], ...], amps: float, now: float
) -> tuple[tuple[float, float], ...]:
    """Add the limit wanted now and drop entries that the window no longer needs."""
    history = wanted if wanted[-1][1] == amps else (*wanted, (now, amps))
    # An entry holds until the next one begins: it goes when that one fills the window.
    while len(history) > 1 and history[1][0] <= now - HOLD:
        history = history[1:]
    return history
