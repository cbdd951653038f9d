"""Rows of a profile: one frame each, with ID, length and the function that fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...model import Telegram
from ..alarms.pairs import encode_pairs
from ..fields import Field, encode_fields
from ..number import Value

type Values = dict[str, Value]
"""The values of a telegram, by the attributes that the tables use."""

CHARGE_REQUESTS: Final = ("force_charge", "force_charge_2", "full_charge")


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


def fill_enabled_limits(
    fields: tuple[Field, ...], telegram: Telegram, values: Values
) -> bytes:
    """Return 0x351 of a profile without enables: what is not enabled is 0 A."""
    stopped: Values = {}
    if not telegram.charge_enabled:
        stopped["charge_current_limit"] = 0.0
    if not telegram.discharge_enabled:
        stopped["discharge_current_limit"] = 0.0
    return encode_fields(values | stopped, fields)


def fill_pairs(telegram: Telegram, _: Values) -> bytes:
    """Return 0x35A: every alarm and warning, raised or explicitly cleared."""
    return encode_pairs(telegram.protections, telegram.warnings)
