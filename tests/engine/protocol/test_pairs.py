"""Tests of 0x35A: pairs raise, clear or say nothing, and hold in between."""

from collections.abc import Set as AbstractSet

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm
from custom_components.bms_gateway.engine.protocol.flags import Flags, decode_bits
from custom_components.bms_gateway.engine.protocol.pairs import (
    NO_PAIRS,
    Pairs,
    decode_pairs,
    encode_pairs,
)

# SMA, FSS-ConnectingBat-TI-en-10: (byte, k) of the alarm, bits 2k and 2k + 1; the
# warning is four bytes further on.
PLACES = {
    (0, 0): Alarm.GENERAL,
    (0, 1): Alarm.OVER_VOLTAGE,
    (0, 2): Alarm.UNDER_VOLTAGE,
    (0, 3): Alarm.OVER_TEMPERATURE,
    (1, 0): Alarm.UNDER_TEMPERATURE,
    (1, 1): Alarm.CHARGE_OVER_TEMPERATURE,
    (1, 2): Alarm.CHARGE_UNDER_TEMPERATURE,
    (1, 3): Alarm.DISCHARGE_CURRENT,
    (2, 0): Alarm.CHARGE_CURRENT,
    (2, 1): Alarm.CONTACTOR,
    (2, 2): Alarm.SHORT_CIRCUIT,
    (2, 3): Alarm.INTERNAL,
    (3, 0): Alarm.IMBALANCE,
}

HEALTHY = b"\xaa" * 8
"""All pairs say "not raised", as BYD, Seplos and REC packs do."""


def said(
    protections: AbstractSet[Alarm] | None, warnings: AbstractSet[Alarm] | None
) -> Flags:
    """Return flags of any kind of sets."""
    return Flags(
        None if protections is None else frozenset(protections),
        None if warnings is None else frozenset(warnings),
    )


def pair(byte: int, k: int, value: int) -> bytes:
    """Return a frame in which one pair says something and the others nothing."""
    return (value << 8 * byte + 2 * k).to_bytes(8, "little")


def both(first: bytes, second: bytes) -> bytes:
    """Return a frame that says what two say."""
    return bytes(a | b for a, b in zip(first, second, strict=True))


def heard(*frames: bytes) -> Pairs:
    """Return what holds after some frames."""
    held = NO_PAIRS
    for data in frames:
        held = held.after(decode_pairs(data))
    return held


@pytest.mark.parametrize(("place", "alarm"), PLACES.items())
def test_each_pair(place: tuple[int, int], alarm: Alarm) -> None:
    """1 raises, as alarm and as warning; the other half stays unknown."""
    byte, k = place
    assert heard(pair(byte, k, 1)).flags == said({alarm}, None)
    assert heard(pair(byte + 4, k, 1)).flags == said(None, {alarm})


@pytest.mark.parametrize("silent", [0, 3])
def test_a_pair_that_was_ever_cleared_holds_until_it_is_again(silent: int) -> None:
    """Who says 2 for "not raised" ends an alarm with nothing else (SMA)."""
    cleared, raised = pair(0, 1, 2), pair(0, 1, 1)
    held = heard(cleared, raised, pair(0, 1, silent))
    assert held.flags.protections == frozenset({Alarm.OVER_VOLTAGE})
    assert held.after(decode_pairs(cleared)).flags.protections == frozenset()


def test_a_pair_that_was_never_cleared_ends_with_0() -> None:
    """Pylontech 1.3, Dyness, JBD and YamBMS never say 2; healthy, they say all 0.

    Frames of a report from the field: high voltage as alarm and as warning, then over.
    """
    raised = heard(bytes(8), bytes.fromhex("0400000004000000"))
    assert raised.flags == said({Alarm.OVER_VOLTAGE}, {Alarm.OVER_VOLTAGE})
    assert raised.after(decode_pairs(bytes(8))).flags == said(set(), set())


def test_only_a_0_ends_what_was_never_cleared() -> None:
    """Neither a 3, nor a frame that ends before the pair."""
    raised = heard(both(pair(0, 1, 1), pair(2, 2, 1)))
    alarms = frozenset({Alarm.OVER_VOLTAGE, Alarm.SHORT_CIRCUIT})
    assert raised.after(decode_pairs(b"")).flags.protections == alarms
    threes = pair(0, 1, 3)[:1]
    assert raised.after(decode_pairs(threes)).flags.protections == alarms
    rest = raised.after(decode_pairs(b"\0")).flags.protections
    assert rest == frozenset({Alarm.SHORT_CIRCUIT})


def test_a_frame_of_zeros_says_nothing() -> None:
    """A pack that supports no alarm (a Deye for Victron) is not one without alarm."""
    assert heard(bytes(8)).flags == said(None, None)
    assert heard(HEALTHY).flags == said(frozenset(), frozenset())


def test_a_short_frame_tells_what_it_holds() -> None:
    """Four bytes are the alarms only."""
    assert heard(HEALTHY[:4]).flags == said(frozenset(), None)
    assert heard(b"\x04").flags == said({Alarm.OVER_VOLTAGE}, None)


def test_undefined_pairs_are_kept_apart() -> None:
    """One that is cleared does not end another; both are "other"."""
    two = heard(both(pair(3, 1, 1), pair(3, 3, 1)))
    assert two.flags.protections == frozenset({Alarm.OTHER})
    one = two.after(decode_pairs(both(pair(3, 1, 1), pair(3, 3, 2))))
    assert one.flags.protections == frozenset({Alarm.OTHER})
    assert one.after(decode_pairs(pair(3, 1, 2))).flags.protections == frozenset()


def test_the_system_status_is_no_warning() -> None:
    """Byte 7, k = 1 says on-line or off-line (Victron)."""
    assert heard(pair(7, 1, 1)).flags == said(None, None)
    assert heard(pair(7, 2, 1)).flags == said(None, {Alarm.OTHER})


@given(st.sets(st.sampled_from(list(PLACES.values()))), st.data())
def test_what_is_sent_is_heard_and_ends_what_was(
    alarms: set[Alarm], data: st.DataObject
) -> None:
    """Every pair is explicit: the frame alone tells all, whatever was held."""
    warnings = data.draw(st.sets(st.sampled_from(list(PLACES.values()))))
    sent = encode_pairs(alarms, warnings)
    assert heard(sent).flags == said(alarms, warnings)
    assert heard(encode_pairs(set(Alarm), set(Alarm)), sent).flags == said(
        alarms, warnings
    )


def test_bytes_sent() -> None:
    """High voltage as alarm, imbalance as warning; reserved pairs stay 0."""
    sent = encode_pairs({Alarm.OVER_VOLTAGE}, {Alarm.IMBALANCE})
    assert sent == bytes.fromhex("A6AAAA02AAAAAA01")
    assert encode_pairs({Alarm.OTHER}, set())[:1] == b"\xa9"


@pytest.mark.parametrize(
    ("byte", "bits", "place"),
    [
        (0, 1, (0, 1)),
        (0, 2, (0, 2)),
        (0, 3, (0, 3)),
        (0, 4, (1, 0)),
        (0, 7, (1, 3)),
        (1, 0, (2, 0)),
        (1, 3, (2, 3)),
    ],
)
def test_bits_of_0x359_become_pairs(
    byte: int, bits: int, place: tuple[int, int]
) -> None:
    """A protection becomes an alarm, its warning a warning, each at its pair."""
    data = bytearray(4)
    data[byte] = data[byte + 2] = 1 << bits
    protections, warnings = decode_bits(bytes(data))
    assert protections is not None
    assert warnings is not None
    expected = bytearray(encode_pairs(set(), set()))
    for offset in (0, 4):
        expected[place[0] + offset] ^= 0b11 << 2 * place[1]
    assert encode_pairs(protections, warnings) == bytes(expected)
