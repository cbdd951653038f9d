"""What batteries say: whole telegrams, as frames."""

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

NO_LIMITS: Final = Frame(0x351, bytes.fromhex("ffff00800080ffff"))
"""SMA: 0xFFFF and 0x8000 are "not available"."""


def telegram(
    at: float = 0.0,
    *,
    said: Telegram = HEALTHY,
    without: Collection[int] = (),
    **changes: Any,
) -> list[Frame]:
    """Return the frames of one telegram of a battery; 0x35E comes first.

    `without`: IDs left out; `changes`: attributes of Telegram. A current or a
    temperature of None is sent as "not available".
    """
    return [
        replace(frame, at=at)
        for frame in encode(replace(said, **changes))
        if frame.can_id not in without
    ]
