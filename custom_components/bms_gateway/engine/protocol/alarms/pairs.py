"""Alarms of 0x35A, raised and cleared by pairs of bits."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from ...model import Alarm
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
"""Victron's "system status", on-line or off-line: not a warning."""


@dataclass(frozen=True, slots=True)
class PairChange:
    """The pairs in one 0x35A, by number. A pair in none of the sets did not change."""

    raised: frozenset[int]
    cleared: frozenset[int]
    zero: frozenset[int] = frozenset()
    """Sent as 0: "not supported", or "not raised" by a battery that never sends 2."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The state of all pairs so far: a pair holds until it is sent otherwise.

    Kept by pair and not by alarm, because several undefined pairs are one
    `Alarm.OTHER`.
    """

    raised: frozenset[int] = frozenset()
    stated: frozenset[int] = frozenset()
    """Pairs that were ever raised or cleared; the others are not supported."""
    cleared: frozenset[int] = frozenset()
    """Pairs that were ever sent as 2: a 0 does not clear these."""

    def after(self, change: PairChange) -> Pairs:
        """Return the state after a frame.

        A sender of 2 for "not raised" means nothing by a 0 (SMA). Pylontech 1.3,
        Dyness, JBD and YamBMS never send 2: with them a 0 clears an alarm.
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
        """Return the raised alarms; a half never stated is unknown."""
        return Flags(self._named(range(_HALF)), self._named(range(_HALF, 2 * _HALF)))

    def _named(self, half: range) -> frozenset[Alarm] | None:
        if self.stated.isdisjoint(half):
            return None
        return frozenset(_alarm(pair % _HALF) for pair in self.raised & set(half))


NO_PAIRS: Final = Pairs()


def decode_pairs(data: bytes) -> PairChange:
    """Read 0x35A: 1 raises, 2 clears, 3 or a missing byte changes nothing.

    The meaning of a 0 depends on the sender, see `Pairs.after`. Some readers take 2 as
    raised, but healthy BYD, Seplos and REC packs send 2 in all pairs.
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
    """Return the 8 bytes of 0x35A, with an explicit 2 for alarms that are not raised.

    Without the 2 a receiver would hold an alarm for ever. Reserved pairs stay 0; an
    alarm without a pair of its own is sent as the general one.
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
