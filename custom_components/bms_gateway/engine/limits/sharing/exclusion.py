"""Exclusion: a battery that allows 0 A and carries nothing holds no other one back.

Per direction, a zero-limit period begins when a battery allows 0 A (it is full or
empty, or protects itself) and ends when it allows current again. Where its path is open
in one direction it may be open in both: it then carries nothing although it allows
current.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ...model import Direction
from ...tolerances import TOLERANCE
from .circulating_current import UNKNOWN_HOLD

PROBE_LIMIT: Final = 4 * TOLERANCE
"""A; the limit with which a battery that allows 0 A counts until its path is known."""
CARRYING_LIMIT: Final = 1 * TOLERANCE
"""A; the limit with which it counts once it was seen to carry."""
CARRIES: Final = 2 * TOLERANCE
"""A; more than this in the direction is current that it really carries."""
EXPECTED: Final = 3 * TOLERANCE
"""A; its share of the bank current has to be this large for 0 A to prove anything."""
PROOFS: Final = 2
"""Telegrams of its own that have to prove it."""
REPEAT_FACTOR: Final = 2.0
"""It can be excluded again in the same period only at this many times the bank current
at which it was seen to carry."""
REACTION: Final = 20.0
"""Seconds in which inverters follow a lower limit; the current until then is due to
them."""
RETRY: Final = 300.0
"""Seconds after which a battery that was seen to carry is probed once more: its path
may have opened since."""
DOUBTED: Final = 600.0
"""Seconds in which carrying is accepted at once if it was retracted by the next
telegram before: the lower limit itself may have caused that."""
GOING_EMPTY: Final = 5.0
"""Seconds for which a battery that just went empty counts with the current that it
carried: otherwise every inverter is sent 0 A until the path is known, and the house
goes dark."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One battery in one direction, as observed in one evaluation.

    `limit`: A, what it allows. `amps`: A in the direction's own sense, None: unknown.
    `at`: when that was measured. `bank`: A, the bank's current in that sense.
    `current_share`: the part of it that the battery should carry.
    """

    limit: float
    amps: float | None
    at: float | None
    bank: float
    current_share: float
    protected: bool = False
    """Whether it allows 0 A because of a protection."""
    open: bool = False
    """Whether it allows 0 A in the other direction: its contactor may have opened."""
    disconnected: bool = False
    """Whether it is excluded in the other direction although it allows current
    there."""


@dataclass(frozen=True, slots=True)
class ZeroLimitPeriod:
    """A time in which a battery allows 0 A, and what was observed in it."""

    since: float
    bridge: float | None = None
    """A; the limit with which it counts for GOING_EMPTY, where that applies."""
    carried_at: float | None = None
    excluded: bool = False
    needed: float = 0.0
    """A; the bank current that it takes to exclude it."""
    proofs: int = 0
    counted_at: float | None = None
    """The time of the measurement that was evaluated last."""
    unknown_since: float | None = None
    """Since when its current is unknown; None: it is known."""
    returns_to: ZeroLimitPeriod | None = None
    """The period to restore if the next telegram retracts that it carries."""
    doubted_at: float | None = None
    """When that was last retracted."""

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
    before: Observation | None,
    observation: Observation,
    direction: Direction,
    now: float,
    *,
    others_allow: bool,
) -> ZeroLimitPeriod | None:
    """Return the period after an observation; None: the battery allows current."""
    if observation.limit > 0 and (
        not observation.open or (observation.amps or 0.0) > CARRIES
    ):
        return None
    if zero_period is None and observation.limit > 0:
        zero_period = ZeroLimitPeriod(now)
    if zero_period is None:
        zero_period = ZeroLimitPeriod(
            now, _bridge(before, observation, direction, others_allow=others_allow)
        )
    if observation.protected:
        zero_period = replace(zero_period, bridge=None)
    if observation.amps is None:
        return unknown(zero_period, now)
    zero_period = replace(zero_period, unknown_since=None)
    carries = observation.amps > CARRIES
    if carries and zero_period.excluded:
        needed = REPEAT_FACTOR * observation.bank
        doubted = (
            zero_period.doubted_at is not None
            and now < zero_period.doubted_at + DOUBTED
        )
        back = replace(zero_period, counted_at=observation.at)
        return replace(
            back,
            excluded=False,
            carried_at=now,
            proofs=0,
            needed=needed,
            returns_to=None if doubted else back,
        )
    if observation.at is None or observation.at == zero_period.counted_at:
        return zero_period
    if zero_period.returns_to is not None and abs(observation.amps) < TOLERANCE:
        return replace(
            zero_period.returns_to, counted_at=observation.at, doubted_at=now
        )
    zero_period = replace(zero_period, counted_at=observation.at, returns_to=None)
    if carries and now >= zero_period.since + REACTION:
        return replace(zero_period, carried_at=now, proofs=0)
    share = observation.current_share * observation.bank
    shows = (
        abs(observation.amps) < TOLERANCE
        and share >= EXPECTED
        and observation.bank >= zero_period.needed
    )
    proofs = zero_period.proofs + 1 if shows else 0
    is_disconnected = (
        observation.disconnected and zero_period.carried_at is None and not carries
    )
    excluded = zero_period.excluded or proofs >= PROOFS or is_disconnected
    return replace(zero_period, proofs=proofs, excluded=excluded)


def unknown(zero_period: ZeroLimitPeriod, now: float) -> ZeroLimitPeriod:
    """Return the period of a battery whose current is unknown: it may carry again."""
    since = now if zero_period.unknown_since is None else zero_period.unknown_since
    excluded = zero_period.excluded and now < since + UNKNOWN_HOLD
    return replace(zero_period, unknown_since=since, excluded=excluded, proofs=0)


def follow_lost(
    zero_period: ZeroLimitPeriod, amps: float | None, direction: Direction, now: float
) -> ZeroLimitPeriod:
    """Return the period of a lost battery, as far as it is still received.

    `amps`: A in the direction's own sense, None: unknown. In charge it stays excluded
    no longer than one whose current is unknown: it may be full and still be charged.
    """
    if amps is not None and amps > CARRIES:
        return replace(zero_period, excluded=False)
    return unknown(zero_period, now) if direction is Direction.CHARGE else zero_period


def counts_with(zero_period: ZeroLimitPeriod, now: float) -> float:
    """Return the limit in A with which a battery counts in its zero-limit period."""
    if zero_period.bridge is not None and now < zero_period.since + GOING_EMPTY:
        return zero_period.bridge
    if zero_period.carried_at is not None and now < zero_period.carried_at + RETRY:
        return CARRYING_LIMIT
    return PROBE_LIMIT


def _bridge(
    before: Observation | None,
    observation: Observation,
    direction: Direction,
    *,
    others_allow: bool,
) -> float | None:
    """Return the limit in A with which a battery going empty counts at first.

    Only in discharge, only while another battery continues, and never with a
    protection.
    """
    if direction is Direction.CHARGE or not others_allow:
        return None
    if before is None or before.amps is None:
        return None
    return max(0.0, before.amps) + 2 * TOLERANCE
