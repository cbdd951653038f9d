"""The active temporary limits as a list, for attributes and answers of limited size."""

from collections.abc import Callable, Mapping
import json
from typing import Any, Final

from ..engine.model import Direction
from .manager import SetpointManager

MAX_ATTRIBUTE_BYTES: Final = 8192
"""Bytes of JSON for the temporary limits; the recorder takes 16 kB with all other
attributes."""


def shown_temporary_limits(
    setpoint_manager: SetpointManager,
    inverter_id: str | None,
    direction: Direction | None = None,
) -> list[dict[str, Any]]:
    """Return the active limits on an inverter or (None) the bank, as attributes."""
    return [
        {
            "direction": str(temporary_limit.direction),
            "owner": temporary_limit.owner,
            **(
                {"current": temporary_limit.amps}
                if temporary_limit.watts is None
                else {}
            ),
            **(
                {"power": temporary_limit.watts} if temporary_limit.amps is None else {}
            ),
            "ends_at": end.isoformat()
            if (end := setpoint_manager.ends_at(temporary_limit))
            else None,
        }
        for temporary_limit in setpoint_manager.temporary_limits(inverter_id, direction)
    ]


def escaped_size(shown: Mapping[str, Any]) -> int:
    """Return the size of the JSON with all non-ASCII escaped: the longest form."""
    return len(json.dumps(shown)) + len(" ")


def listed(
    shown: list[dict[str, Any]],
    most: int,
    size: Callable[[Mapping[str, Any]], int] = escaped_size,
) -> dict[str, Any]:
    """Return the first limits that fit into `most` bytes, and the number left out."""
    fitting, used = 0, 0
    for each in shown:
        used += size(each) + len(",")
        if used > most:
            break
        fitting += 1
    more = len(shown) - fitting
    return {
        "temporary_limits": shown[:fitting],
        **({"more_temporary_limits": more} if more else {}),
    }
