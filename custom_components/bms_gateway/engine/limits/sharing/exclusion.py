"""Standing aside: a battery that allows nothing and carries nothing holds nobody.

Per direction, a spell begins when a battery allows nothing (it is full or empty, or
protects itself) and ends when it allows current again. Where its path is open in one
direction it may be so in both: it carries nothing though it allows current.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ...model import Direction
from ...tolerances import TOLERANCE
from .circulating_current import UNKNOWN_HOLD

PROBE: Final = 4 * TOLERANCE
"""A; what a battery that allows nothing counts with until it is known to carry."""
CARRIER: Final = 1 * TOLERANCE
"""A; what it counts with once it was seen to carry."""
CARRIES: Final = 2 * TOLERANCE
"""A; more than this in the direction is current that it really carries."""
EXPECTED: Final = 3 * TOLERANCE
"""A; what must fall to it by its slice before carrying nothing proves anything."""
PROOFS: Final = 2
"""Telegrams of its own that show it."""
AGAIN: Final = 2.0
"""It may stand aside again in the same spell only at that many times the bank current
at which it was seen to carry."""
REACTION: Final = 20.0
"""Seconds in which inverters follow a lower limit; what flows until then is theirs."""
RETRY: Final = 300.0
"""Seconds after which a battery that was seen to carry is probed once more: its path
may have opened since."""
DOUBTED: Final = 600.0
"""Seconds in which it is believed at once that a battery carries, if its next telegram
took it back before: that may have been the effect of the lower limit."""
GOING_EMPTY: Final = 5.0
"""Seconds for which a battery that just went empty counts with what it carried: else
every inverter is told 0 A until the others' part is known, and the house is dark."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one battery in one direction at one moment.

    `limit`: A, what it allows. `amps`: A in the direction's own sense, None unknown.
    `at`: when that was measured. `bank`: A, the bank's current in that sense. `slice`:
    the part of it that should fall to the battery.
    """

    limit: float
    amps: float | None
    at: float | None
    bank: float
    current_share: float
    protected: bool = False
    """Whether a protection is why it allows nothing."""
    open: bool = False
    """Whether it allows nothing in the other direction: its contactor may have opened."""
    disconnected: bool = False
    """Whether it carries nothing in the other direction either, and would be allowed to:
    it stands aside there."""


@dataclass(frozen=True, slots=True)
class ZeroLimitPeriod:
    """A time in which a battery allows nothing, and what it showed in it."""

    since: float
    bridge: float | None = None
    """A; what it counts with for GOING_EMPTY, where that applies."""
    carried_at: float | None = None
    excluded: bool = False
    needed: float = 0.0
    """A; the bank current that it takes to stand aside."""
    proofs: int = 0
    counted_at: float | None = None
    """The measurement that was judged last."""
    unknown_since: float | None = None
    """Since when its current is unknown; None: it is known."""
    returns_to: ZeroLimitPeriod | None = None
    """What it goes back to if the next telegram takes back that it carries."""
    doubted_at: float | None = None
    """When that was taken back last."""

    def wake_times(self, _now: float) -> Iterator[float]:
        """Yield when its battery may count differently although nothing is received."""
        if self.bridge is not None:
            yield self.since + GOING_EMPTY
        if self.carried_at is not None:
            yield self.carried_at + RETRY
        if self.unknown_since is not None:
            yield self.unknown_since + UNKNOWN_HOLD


def follow(
    zero_period: ZeroLimitPeriod | None,
    before: Seen | None,
    seen: Seen,
    direction: Direction,
    now: float,
    *,
    others_allow: bool,
) -> ZeroLimitPeriod | None:
    """Return the spell after what is seen now; None: the battery allows current."""
    if seen.limit > 0 and (not seen.open or (seen.amps or 0.0) > CARRIES):
        return None
    if zero_period is None and seen.limit > 0:
        zero_period = ZeroLimitPeriod(now)
    if zero_period is None:
        zero_period = ZeroLimitPeriod(
            now, _bridge(before, seen, direction, others_allow=others_allow)
        )
    if seen.protected:
        zero_period = replace(zero_period, bridge=None)
    if seen.amps is None:
        return unknown(zero_period, now)
    zero_period = replace(zero_period, unknown_since=None)
    carries = seen.amps > CARRIES
    if carries and zero_period.excluded:
        needed = AGAIN * seen.bank
        doubted = (
            zero_period.doubted_at is not None
            and now < zero_period.doubted_at + DOUBTED
        )
        back = replace(zero_period, counted_at=seen.at)
        return replace(
            back,
            excluded=False,
            carried_at=now,
            proofs=0,
            needed=needed,
            returns_to=None if doubted else back,
        )
    if seen.at is None or seen.at == zero_period.counted_at:
        return zero_period
    if zero_period.returns_to is not None and abs(seen.amps) < TOLERANCE:
        return replace(zero_period.returns_to, counted_at=seen.at, doubted_at=now)
    zero_period = replace(zero_period, counted_at=seen.at, returns_to=None)
    if carries and now >= zero_period.since + REACTION:
        return replace(zero_period, carried_at=now, proofs=0)
    share = seen.current_share * seen.bank
    shows = (
        abs(seen.amps) < TOLERANCE
        and share >= EXPECTED
        and seen.bank >= zero_period.needed
    )
    proofs = zero_period.proofs + 1 if shows else 0
    parted = seen.disconnected and zero_period.carried_at is None and not carries
    excluded = zero_period.excluded or proofs >= PROOFS or parted
    return replace(zero_period, proofs=proofs, excluded=excluded)


def unknown(zero_period: ZeroLimitPeriod, now: float) -> ZeroLimitPeriod:
    """Return the spell of a battery whose current is unknown: it may carry again."""
    since = now if zero_period.unknown_since is None else zero_period.unknown_since
    excluded = zero_period.excluded and now < since + UNKNOWN_HOLD
    return replace(zero_period, unknown_since=since, excluded=excluded, proofs=0)


def follow_lost(
    zero_period: ZeroLimitPeriod, amps: float | None, direction: Direction, now: float
) -> ZeroLimitPeriod:
    """Return the spell of a battery that is lost, as far as it is still heard.

    `amps`: A in the direction's own sense, None unknown. In charge it stays aside no
    longer than one whose current is unknown: it may be full and yet be charged.
    """
    if amps is not None and amps > CARRIES:
        return replace(zero_period, excluded=False)
    return unknown(zero_period, now) if direction is Direction.CHARGE else zero_period


def counts_with(zero_period: ZeroLimitPeriod, now: float) -> float:
    """Return the limit in A with which a battery in a spell is reckoned."""
    if zero_period.bridge is not None and now < zero_period.since + GOING_EMPTY:
        return zero_period.bridge
    if zero_period.carried_at is not None and now < zero_period.carried_at + RETRY:
        return CARRIER
    return PROBE


def _bridge(
    before: Seen | None, seen: Seen, direction: Direction, *, others_allow: bool
) -> float | None:
    """Return what a battery that goes empty counts with for a moment.

    Only in discharge, only while another goes on, and never with a protection.
    """
    if direction is Direction.CHARGE or not others_allow:
        return None
    if before is None or before.amps is None:
        return None
    return max(0.0, before.amps) + 2 * TOLERANCE
