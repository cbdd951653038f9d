"""Rows of a profile: one frame each, with ID, length and the function that fills it."""

from collections.abc import Callable
from dataclasses import dataclass

from ...model import Telegram
from ..fields import Field, encode_fields
from ..number import Value

type Values = dict[str, Value]
"""The values of a telegram, by the attributes that the tables use."""


@dataclass(frozen=True, slots=True)
class Row:
    """One frame of a profile: ID, DLC, and the function that fills its 8 bytes."""

    can_id: int
    length: int
    content: Callable[[Telegram, Values], bytes | None]
    """None: a value is unknown, and the frame is left out."""


def fill(fields: tuple[Field, ...], _: Telegram, values: Values) -> bytes:
    """Return the 8 bytes of a frame; an unknown value is its field's `blank`."""
    return encode_fields(values, fields)


def fill_if_known(
    fields: tuple[Field, ...], _: Telegram, values: Values
) -> bytes | None:
    """Return the 8 bytes of a frame; None if a value is unknown."""
    unknown = any(values[field.attribute] is None for field in fields)
    return None if unknown else encode_fields(values, fields)
