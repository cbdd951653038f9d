"""0x35A: alarms that are raised and cleared by pairs of bits."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from ..model import Alarm
from .flags import Flags

_HALF: Final = 16
"""Pairs 0 to 15 are alarms, which stop a Sunny Island; 16 to 31 the same as warnings."""

_ZERO: Final = 0
_RAISED: Final = 1
_CLEARED: Final = 2

# Pair k of byte n is number 4n + k (SMA, FSS-ConnectingBat-TI-en-10; Victron's
# CAN-bus BMS description has the same).
_PAIRS: Final = (
    Alarm.GENERAL,
    Alarm.OVER_VOLTAGE,
    Alarm.UNDER_VOLTAGE,
    Alarm.OVER_TEMPERATURE,
    Alarm.UNDER_TEMPERATURE,
    Alarm.CHARGE_OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE,
    Alarm.DISCHARGE_CURRENT,
    Alarm.CHARGE_CURRENT,
    Alarm.CONTACTOR,
    Alarm.SHORT_CIRCUIT,
    Alarm.INTERNAL,
    Alarm.IMBALANCE,
)

_STATUS: Final = _HALF + len(_PAIRS)
"""Victron's "system status", on-line or off-line: no warning."""


@dataclass(frozen=True, slots=True)
class PairChange:
    """What one 0x35A said: numbers of pairs. A pair in none of the sets said nothing."""

    raised: frozenset[int]
    cleared: frozenset[int]
    zero: frozenset[int] = frozenset()
    """Told as 0: "not supported", or "not raised" where a battery never says 2."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What 0x35A has said so far: a pair holds until it is said to be otherwise.

    Kept by pair and not by alarm, for several undefined pairs are one `Alarm.OTHER`.
    """

    raised: frozenset[int] = frozenset()
    stated: frozenset[int] = frozenset()
    """Pairs that were ever raised or cleared; the others are not supported."""
    cleared: frozenset[int] = frozenset()
    """Pairs that were ever told as 2: a 0 does not end these."""

    def after(self, change: PairChange) -> Pairs:
        """Return what holds after a frame.

        Who says 2 for "not raised" means nothing by a 0 (SMA). Pylontech 1.3, Dyness,
        JBD and YamBMS never say 2: with them an alarm ends by a 0.
        """
        cleared = self.cleared | change.cleared
        ended = change.cleared | (change.zero - cleared)
        return Pairs(
            (self.raised - ended) | change.raised,
            self.stated | change.raised | change.cleared,
            cleared,
        )

    @property
    def flags(self) -> Flags:
        """Return the alarms that hold; a half never stated is unknown."""
        return Flags(self._named(range(_HALF)), self._named(range(_HALF, 2 * _HALF)))

    def _named(self, half: range) -> frozenset[Alarm] | None:
        if self.stated.isdisjoint(half):
            return None
        return frozenset(_alarm(pair % _HALF) for pair in self.raised & set(half))


NO_PAIRS: Final = Pairs()


def decode_pairs(data: bytes) -> PairChange:
    """Read 0x35A: 1 raises, 2 clears, 3 (and what is not there) changes nothing.

    What a 0 means is the sender's habit, see `Pairs.after`. Some readers have 2 as raised; healthy BYD, Seplos and REC packs send all 2.
    """
    values = {
        4 * number + k: byte >> 2 * k & 3
        for number, byte in enumerate(data)
        for k in range(4)
    }
    values.pop(_STATUS, None)
    return PairChange(
        *(
            frozenset(pair for pair, value in values.items() if value == meaning)
            for meaning in (_RAISED, _CLEARED, _ZERO)
        )
    )


def encode_pairs(
    protections: AbstractSet[Alarm], warnings: AbstractSet[Alarm]
) -> bytes:
    """Return the 8 bytes of 0x35A, with an explicit 2 for what is not raised.

    Without the 2 a receiver would hold an alarm for ever. Reserved pairs stay 0; what
    has no pair of its own is told as the general one.
    """
    return _half(protections) + _half(warnings)


def _half(alarms: AbstractSet[Alarm]) -> bytes:
    named = {alarm if alarm in _PAIRS else Alarm.GENERAL for alarm in alarms}
    word = 0
    for pair, alarm in enumerate(_PAIRS):
        word |= (_RAISED if alarm in named else _CLEARED) << 2 * pair
    return word.to_bytes(4, "little")


def _alarm(pair: int) -> Alarm:
    return _PAIRS[pair] if pair < len(_PAIRS) else Alarm.OTHER
