"""The wire: frames as tables, decoding, encoding, and recognition of dialects."""

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
from .flags import encode_bits
from .pairs import NO_PAIRS, PairChange, Pairs
from .profiles.encode import encode
from .requests import POLL, Neighbour, is_request, neighbour

__all__ = [
    "NOTHING",
    "NO_MARKS",
    "NO_PAIRS",
    "POLL",
    "Decoded",
    "Marks",
    "Neighbour",
    "PairChange",
    "Pairs",
    "RecognisedDialect",
    "agreed_capacity",
    "agreed_remaining",
    "contradicts",
    "decode",
    "encode",
    "encode_bits",
    "is_battery_frame",
    "is_extra_frame",
    "is_request",
    "joined",
    "marks_after",
    "neighbour",
    "recognise",
]
