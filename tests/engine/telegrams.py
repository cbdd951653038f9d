"""Complete telegrams of batteries, as frames."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from custom_components.bms_gateway.engine.model import Frame, Telegram
from custom_components.bms_gateway.engine.protocol import encode

HEALTHY: Final = Telegram(
    charge_voltage_limit=56.0,
    charge_current_limit=100.0,
    discharge_current_limit=100.0,
    discharge_voltage_limit=46.0,
    soc=50.0,
    soh=99.0,
    voltage=52.0,
    current=0.0,
    temperature=20.0,
    charge_enabled=True,
    discharge_enabled=True,
    modules=2,
    name="PYLON",
)

RECORDED: Final = Telegram(
    charge_voltage_limit=56.3,
    charge_current_limit=922.5,
    discharge_current_limit=922.5,
    discharge_voltage_limit=46.9,
    soc=80.0,
    soh=100.0,
    voltage=52.91,
    current=-80.1,
    temperature=20.4,
    charge_enabled=True,
    discharge_enabled=True,
    modules=5,
    name="PYLON",
    cell_voltage_min=3.288,
    cell_voltage_max=3.313,
    cell_temperature_min=17.0,
    cell_temperature_max=25.0,
)
"""The values of a recorded Pylontech stack, see protocol/captures.py."""

_UNKNOWN: Final = {
    "discharge_voltage_limit": (0x351, 6, b"\0\0"),
    "current": (0x356, 2, b"\0\x80"),
    "temperature": (0x356, 4, b"\0\x80"),
}
"""Frame, position and code of values that may be unknown (Pylontech 1.2, SMA)."""

NO_LIMITS: Final = Frame(0x351, bytes.fromhex("ffff00800080ffff"))
"""SMA: 0xFFFF and 0x8000 are "not available"."""


def telegram(
    at: float = 0.0,
    *,
    reported: Telegram = HEALTHY,
    without: Collection[int] = (),
    **changes: Any,
) -> list[Frame]:
    """Return the frames of one telegram of a battery; 0x35E comes first.

    `without`: IDs left out; `changes`: attributes of Telegram. A current, a temperature
    or a discharge voltage limit of None is sent as "not available".
    """
    unknown = {k for k in _UNKNOWN if changes.get(k, getattr(reported, k)) is None}
    known = {k: v for k, v in changes.items() if k not in unknown}
    return [
        replace(_with_codes(frame, unknown), at=at)
        for frame in encode(replace(reported, **known))
        if frame.can_id not in without
    ]


def _with_codes(frame: Frame, unknown: Collection[str]) -> Frame:
    data = bytearray(frame.data)
    for name in unknown:
        can_id, start, code = _UNKNOWN[name]
        if frame.can_id == can_id:
            data[start : start + 2] = code
    return replace(frame, data=bytes(data))
