"""The wire: frames as tables, decoding, encoding, and recognition of dialects."""

from .alarms.flags import encode_bits
from .alarms.pairs import NO_PAIRS, PairChange, Pairs
from .decode import agreed_capacity, agreed_remaining, decode, joined
from .decoded import NOTHING, Decoded
from .dialect import (
    NO_MARKS,
    Marks,
    RecognisedDialect,
    contradicts,
    is_battery_frame,
    is_extra_frame,
    marks_after,
    recognise,
)
from .makes import SeenMakes, fits, proposed
from .profiles.encode import encode
from .requests import POLL, is_request, neighbour

__all__ = [
    "NOTHING",
    "NO_MARKS",
    "NO_PAIRS",
    "POLL",
    "Decoded",
    "Marks",
    "PairChange",
    "Pairs",
    "RecognisedDialect",
    "SeenMakes",
    "agreed_capacity",
    "agreed_remaining",
    "contradicts",
    "decode",
    "encode",
    "encode_bits",
    "fits",
    "is_battery_frame",
    "is_extra_frame",
    "is_request",
    "joined",
    "marks_after",
    "neighbour",
    "proposed",
    "recognise",
]
