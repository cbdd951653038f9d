"""0x35A: pairs raise, clear or change nothing, and hold in between."""

from collections.abc import Set as AbstractSet

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm
from custom_components.bms_gateway.engine.protocol.alarms.flags import (
    Flags,
    decode_bits,
)
from custom_components.bms_gateway.engine.protocol.alarms.pairs import (
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
"""All pairs are "not raised", as BYD, Seplos and REC packs send them."""


def flags_of(
    protections: AbstractSet[Alarm] | None, warnings: AbstractSet[Alarm] | None
) -> Flags:
    """Return flags of any kind of sets."""
    return Flags(
        None if protections is None else frozenset(protections),
        None if warnings is None else frozenset(warnings),
    )


def pair(byte: int, k: int, value: int) -> bytes:
    """Return a frame in which one pair has a value and the others are unchanged."""
    return (value << 8 * byte + 2 * k).to_bytes(8, "little")


def both(first: bytes, second: bytes) -> bytes:
    """Return a frame with the pairs of two."""
    return bytes(a | b for a, b in zip(first, second, strict=True))


def after(*frames: bytes) -> Pairs:
    """Return the pairs that hold after some frames."""
    held = NO_PAIRS
    for data in frames:
        held = held.after(decode_pairs(data))
    return held


@pytest.mark.parametrize(("place", "alarm"), PLACES.items())
def test_each_pair_raises_its_alarm(place: tuple[int, int], alarm: Alarm) -> None:
    """1 raises, as alarm and as warning; the other half stays unknown."""
    byte, k = place
    assert after(pair(byte, k, 1)).flags == flags_of({alarm}, None)
    assert after(pair(byte + 4, k, 1)).flags == flags_of(None, {alarm})


@pytest.mark.parametrize("silent", [0, 3])
def test_a_pair_of_a_sender_of_2_ends_only_with_2(silent: int) -> None:
    """A sender of 2 for "not raised" clears an alarm in no other way (SMA)."""
    cleared, raised = pair(0, 1, 2), pair(0, 1, 1)
    held = after(cleared, raised, pair(0, 1, silent))
    assert held.flags.protections == frozenset({Alarm.OVER_VOLTAGE})
    assert held.after(decode_pairs(cleared)).flags.protections == frozenset()


def test_a_pair_that_was_never_sent_as_2_ends_with_0() -> None:
    """Pylontech 1.3, Dyness, JBD and YamBMS never send 2, healthy ones send all 0.

    Frames of a report from the field: high voltage as alarm and as warning, then over.
    """
    raised = after(bytes(8), bytes.fromhex("0400000004000000"))
    assert raised.flags == flags_of({Alarm.OVER_VOLTAGE}, {Alarm.OVER_VOLTAGE})
    assert raised.after(decode_pairs(bytes(8))).flags == flags_of(set(), set())


def test_only_a_0_ends_a_pair_that_was_never_sent_as_2() -> None:
    """Neither a 3, nor a frame that ends before the pair."""
    raised = after(both(pair(0, 1, 1), pair(2, 2, 1)))
    alarms = frozenset({Alarm.OVER_VOLTAGE, Alarm.SHORT_CIRCUIT})
    assert raised.after(decode_pairs(b"")).flags.protections == alarms
    threes = pair(0, 1, 3)[:1]
    assert raised.after(decode_pairs(threes)).flags.protections == alarms
    rest = raised.after(decode_pairs(b"\0")).flags.protections
    assert rest == frozenset({Alarm.SHORT_CIRCUIT})


def test_a_frame_of_zeros_is_not_no_alarm() -> None:
    """A pack that supports no alarm (a Deye for Victron) is not one without alarm."""
    assert after(bytes(8)).flags == flags_of(None, None)
    assert after(HEALTHY).flags == flags_of(frozenset(), frozenset())


def test_a_short_frame_counts_as_far_as_it_goes() -> None:
    """Four bytes are the alarms only."""
    assert after(HEALTHY[:4]).flags == flags_of(frozenset(), None)
    assert after(b"\x04").flags == flags_of({Alarm.OVER_VOLTAGE}, None)


def test_undefined_pairs_are_kept_separately() -> None:
    """Clearing one does not clear another; both are "other"."""
    two = after(both(pair(3, 1, 1), pair(3, 3, 1)))
    assert two.flags.protections == frozenset({Alarm.OTHER})
    one = two.after(decode_pairs(both(pair(3, 1, 1), pair(3, 3, 2))))
    assert one.flags.protections == frozenset({Alarm.OTHER})
    assert one.after(decode_pairs(pair(3, 1, 2))).flags.protections == frozenset()


def test_the_system_status_is_no_warning() -> None:
    """Byte 7, k = 1 means on-line or off-line (Victron)."""
    assert after(pair(7, 1, 1)).flags == flags_of(None, None)
    assert after(pair(7, 2, 1)).flags == flags_of(None, {Alarm.OTHER})


@given(st.sets(st.sampled_from(list(PLACES.values()))), st.data())
def test_a_sent_frame_replaces_the_whole_state(
    alarms: set[Alarm], data: st.DataObject
) -> None:
    """Every pair is explicit: the frame alone is complete, whatever held before."""
    warnings = data.draw(st.sets(st.sampled_from(list(PLACES.values()))))
    sent = encode_pairs(alarms, warnings)
    assert after(sent).flags == flags_of(alarms, warnings)
    assert after(encode_pairs(set(Alarm), set(Alarm)), sent).flags == flags_of(
        alarms, warnings
    )


def test_encoded_bytes_leave_reserved_pairs_0() -> None:
    """High voltage as alarm, imbalance as warning."""
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
