"""Encoding a telegram for an inverter, by its profile."""

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from typing import Final

from ...config import Profile
from ...model import Frame, Telegram
from ..number import Value
from .pylontech import PYLONTECH
from .rows import Row, Values

_REQUIRED: Final = (
    "charge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
    "discharge_voltage_limit",
    "soc",
    "voltage",
)
_ATTRIBUTES: Final = tuple(item.name for item in fields(Telegram))


_PROFILES: Final[Mapping[Profile, tuple[Row, ...]]] = {Profile.PYLONTECH: PYLONTECH}


def encode(
    telegram: Telegram,
    *,
    profile: Profile = Profile.PYLONTECH,
    exact_dlc: bool = False,
    opening: bool = False,
) -> tuple[Frame, ...]:
    """Return the frames of a telegram, in the order to send them.

    `opening`: only the first one, the harmless frame that opens a telegram.

    Limits are rounded down to their counts, values are clamped to their fields. A
    required value that is not a finite number leaves nothing to send: no frame at all.
    Frames are 8 bytes long, padded with 0 (Sol-Ark accepts no others), or with
    `exact_dlc` as long as in the document.
    """
    if not all(isfinite(getattr(telegram, name)) for name in _REQUIRED):
        return ()
    values = _values(telegram)
    rows = _PROFILES[profile][:1] if opening else _PROFILES[profile]
    contents = ((row, row.content(telegram, values)) for row in rows)
    return tuple(
        Frame(row.can_id, data[: row.length] if exact_dlc else data)
        for row, data in contents
        if data is not None
    )


def _values(telegram: Telegram) -> Values:
    values = {name: _known(getattr(telegram, name)) for name in _ATTRIBUTES}
    return values | {"installed_ah": values["capacity_ah"]}


def _known(value: Value) -> Value:
    return None if isinstance(value, float) and not isfinite(value) else value
