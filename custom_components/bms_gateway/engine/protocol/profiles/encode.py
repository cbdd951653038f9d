"""Encoding a telegram for an inverter, by its profile."""

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from typing import Final

from ...model import Frame, Telegram
from ...presets import Profile
from ..frames import PYLONTECH_TAG
from ..number import Value
from .deye import DEYE
from .luxpower import LUXPOWER
from .pylontech import PYLONTECH
from .pylontech_plus import PYLONTECH_PLUS
from .rows import Row, Values
from .sma import SMA
from .sol_ark import SOL_ARK, SOL_ARK_COARSE
from .victron import VICTRON

_REQUIRED: Final = (
    "charge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
    "discharge_voltage_limit",
    "soc",
    "voltage",
)
_ATTRIBUTES: Final = tuple(item.name for item in fields(Telegram))

_PROFILES: Final[Mapping[Profile, tuple[Row, ...]]] = {
    Profile.PYLONTECH: PYLONTECH,
    Profile.PYLONTECH_PLUS: PYLONTECH_PLUS,
    Profile.SMA: SMA,
    Profile.VICTRON: VICTRON,
    Profile.DEYE: DEYE,
    Profile.SOL_ARK: SOL_ARK,
    Profile.SOL_ARK_COARSE: SOL_ARK_COARSE,
    Profile.LUXPOWER: LUXPOWER,
}


def encode(
    telegram: Telegram,
    *,
    profile: Profile = Profile.PYLONTECH,
    name: str = "PYLON",
    tag: bytes = PYLONTECH_TAG,
    exact_dlc: bool = False,
    opening: bool = False,
) -> tuple[Frame, ...]:
    """Return the frames of a telegram, in the order to send them.

    `name`: what the name must begin with; the telegram's own is sent only if it does.
    `tag`: bytes 5 and 6 of a Pylontech's 0x359. `opening`: only the first frame, the
    harmless one that opens a telegram.

    Limits are rounded down to their counts, values are clamped to their fields. A
    required value that is not a finite number leaves nothing to send: no frame at all.
    Frames are 8 bytes long, padded with 0 (Sol-Ark accepts no others), or with
    `exact_dlc` as long as in the document.
    """
    if not all(isfinite(getattr(telegram, name)) for name in _REQUIRED):
        return ()
    own = telegram.name or ""
    values = _values(telegram) | {
        "name": own if own.startswith(name) else name,
        "tag": tag,
    }
    rows = _PROFILES[profile][:1] if opening else _PROFILES[profile]
    contents = ((row, row.content(telegram, values)) for row in rows)
    return tuple(
        Frame(row.can_id, data[: row.length] if exact_dlc else data)
        for row, data in contents
        if data is not None
    )


def _values(telegram: Telegram) -> Values:
    values = {name: _known(getattr(telegram, name)) for name in _ATTRIBUTES}
    modules, capacity = values["modules"], values["capacity_ah"]
    return values | {
        "installed_ah": capacity,
        "identity_ah": capacity,
        "candidate_ah": capacity,
        "modules_online": modules,
        "modules_blocking_charge": _blocking(modules, telegram.charge_enabled),
        "modules_blocking_discharge": _blocking(modules, telegram.discharge_enabled),
        "modules_offline": None if modules is None else 0,
    }


def _blocking(modules: Value, enabled: bool) -> Value:
    """Return the modules that block a direction: none, or all of them."""
    return 0 if enabled and modules is not None else modules


def _known(value: Value) -> Value:
    return None if isinstance(value, float) and not isfinite(value) else value
