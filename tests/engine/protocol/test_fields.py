"""Fields of a frame: frames that end early, codes, implausible values, texts."""

import pytest

from custom_components.bms_gateway.engine.model import RejectedValue
from custom_components.bms_gateway.engine.protocol.fields import (
    Bit,
    Text,
    decode_fields,
    encode_fields,
    printable,
)
from custom_components.bms_gateway.engine.protocol.number import (
    NoValue,
    Number,
    Rounding,
)

TENTHS = Number(
    attribute="limit",
    start=2,
    per_unit=10,
    rounding=Rounding.DOWN,
    codes=frozenset({0xFFFF}),
)
"""A limit in 0.1 A at bytes 2 and 3."""


def test_a_field_beyond_the_end_is_left_out() -> None:
    """A field that the frame does not fully hold is left out, not 0."""
    assert decode_fields(b"\x01\x02\x03", [TENTHS]) == ({}, ())
    assert decode_fields(b"\x01\x02\x03\x00", [TENTHS]) == ({"limit": 0.3}, ())
    assert decode_fields(b"", [Bit(attribute="b", start=0, bit=1)]) == ({}, ())
    assert decode_fields(b"", [Text(attribute="t")]) == ({}, ())


def test_a_code_is_unknown_and_an_implausible_value_is_invalid() -> None:
    """Both give None; only the second is invalid."""
    window = Number(attribute="t", start=0, low=1.0, high=2.0, codes=frozenset({9}))
    assert window.decode(b"\x09\x00") is NoValue.UNAVAILABLE
    assert window.decode(b"\x03\x00") is NoValue.IMPLAUSIBLE
    assert decode_fields(b"\x09\x00", [window]) == ({"t": None}, ())
    assert decode_fields(b"\x03\x00", [window]) == (
        {"t": None},
        (RejectedValue("t", 3.0, 1.0, 2.0),),
    )
    assert decode_fields(b"\x02\x00", [window]) == ({"t": 2.0}, ())


def test_text_ends_at_the_first_byte_that_is_not_printable() -> None:
    """Vendors put binary data after the name, also bytes of 0x80 and above."""
    name = Text(attribute="name")
    assert name.decode(b"  BYD \xff\x41") == "BYD"
    assert name.decode(b"PYTES") == "PYTES"
    assert name.decode(b"\x00BYD") is NoValue.UNAVAILABLE
    assert name.decode(b"        ") is NoValue.UNAVAILABLE
    assert Text(attribute="half", half=True).decode(b"My bank ") == "My bank "
    assert printable(bytes(range(0x7D, 0x80))) == "}~"


def test_text_is_cut_and_padded() -> None:
    """Characters outside ASCII are replaced; the frame keeps its length."""
    name = [Text(attribute="name")]
    assert encode_fields({"name": "PYLON"}, name) == b"PYLON\0\0\0"
    assert encode_fields({"name": "Ä battery"}, name) == b"? batter"
    assert encode_fields({}, name) == bytes(8)


def test_only_numbers_go_into_numbers() -> None:
    """A text in place of a number is a programming error."""
    with pytest.raises(TypeError):
        encode_fields({"limit": "12"}, [TENTHS])
