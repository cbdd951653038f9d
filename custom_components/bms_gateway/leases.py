"""Limits that end by themselves: checked as a whole, taken or refused as a whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
import math
from typing import Any, Final

from .coordinator import BmsGatewayCoordinator
from .engine.config import GatewayConfig
from .engine.model import Direction
from .engine.setpoints import Lease
from .keeper import SetpointKeeper
from .ratings import most_amps, most_watts
from .refusal import refusal
from .who import LONGEST_NAME, is_name

ATTR_DURATION: Final = "duration"
ATTR_UNTIL_CLEARED: Final = "until_cleared"

DEFAULT_DURATION: Final = timedelta(hours=1)
"""A throttle that nobody thinks of again must not stay for ever."""
LONGEST_DURATION: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class LimitField:
    """One way to say a limit: its direction, its field of `Lease`, the most of it."""

    key: str
    direction: Direction
    field: str
    unit: str
    most: Callable[[GatewayConfig, str | None, Direction], float]


LIMIT_FIELDS: Final = (
    LimitField("charge_current", Direction.CHARGE, "amps", "A", most_amps),
    LimitField("discharge_current", Direction.DISCHARGE, "amps", "A", most_amps),
    LimitField("charge_power", Direction.CHARGE, "watts", "W", most_watts),
    LimitField("discharge_power", Direction.DISCHARGE, "watts", "W", most_watts),
)


async def async_limit(
    coordinator: BmsGatewayCoordinator,
    inverter_id: str | None,
    asked: Mapping[str, Any],
    owner: str,
) -> None:
    """Limit an inverter or (None) the bank for a time, in the name of an owner.

    `asked`: values by the keys of LIMIT_FIELDS, ATTR_DURATION (a timedelta) and
    ATTR_UNTIL_CLEARED. Raises ServiceValidationError for anything that makes no sense
    or changes nothing; then nothing is changed.
    """
    keeper = coordinator.keeper
    lease = Lease(
        device_id=inverter_id,
        direction=Direction.CHARGE,
        owner=checked_owner(owner),
        until=_until(asked, coordinator.gateway.now),
    )
    setpoints = keeper.setpoints
    for row in _given(asked):
        value = _checked(row, asked[row.key], coordinator.config, inverter_id)
        wanted: dict[str, Any] = {"direction": row.direction, row.field: value}
        setpoints = setpoints.with_lease(replace(lease, **wanted))
    if set(setpoints.leases) == set(keeper.setpoints.leases):
        raise refusal("lease_unchanged", owner=lease.owner)
    await keeper.async_take(setpoints, lease.owner)


async def async_clear(
    keeper: SetpointKeeper,
    inverter_id: str | None,
    owner: str | None = None,
    direction: Direction | None = None,
) -> None:
    """End the leases on an inverter or (None) the bank: of one owner or all.

    Raises ServiceValidationError if there is none.
    """
    ended = {
        lease.key
        for lease in keeper.leases(inverter_id, direction)
        if owner is None or owner.strip() == lease.owner
    }
    if not ended:
        raise refusal("no_such_lease")
    setpoints = keeper.setpoints
    left = tuple(lease for lease in setpoints.leases if lease.key not in ended)
    await keeper.async_take(replace(setpoints, leases=left), owner or "")


def shown_leases(
    keeper: SetpointKeeper, inverter_id: str | None, direction: Direction | None = None
) -> list[dict[str, Any]]:
    """Return the live leases on an inverter or (None) the bank, for people."""
    return [
        {
            "direction": str(lease.direction),
            "owner": lease.owner,
            **({"current": lease.amps} if lease.watts is None else {}),
            **({"power": lease.watts} if lease.amps is None else {}),
            "ends_at": end.isoformat() if (end := keeper.ends_at(lease)) else None,
        }
        for lease in keeper.leases(inverter_id, direction)
    ]


def checked_owner(owner: str) -> str:
    """Return an owner's name without spaces around it, if it can be one."""
    owner = owner.strip()
    if not is_name(owner):
        raise refusal("bad_owner", longest=str(LONGEST_NAME))
    return owner


def _until(asked: Mapping[str, Any], now: float) -> float | None:
    duration: timedelta | None = asked.get(ATTR_DURATION)
    if asked.get(ATTR_UNTIL_CLEARED):
        if duration is not None:
            raise refusal("duration_until_cleared")
        return None
    if duration is None:
        duration = DEFAULT_DURATION
    if not timedelta(0) < duration <= LONGEST_DURATION:
        raise refusal("bad_duration", days=str(LONGEST_DURATION.days))
    return now + duration.total_seconds()


def _given(asked: Mapping[str, Any]) -> list[LimitField]:
    given = [row for row in LIMIT_FIELDS if asked.get(row.key) is not None]
    if not given:
        raise refusal("no_limit_given")
    if len({row.direction for row in given}) < len(given):
        raise refusal("current_and_power")
    return given


def _checked(
    row: LimitField, value: float, config: GatewayConfig, inverter_id: str | None
) -> float:
    most = row.most(config, inverter_id, row.direction)
    texts = {"field": row.key, "value": f"{value:g}", "unit": row.unit}
    if not math.isfinite(value):
        raise refusal("limit_not_finite", **texts)
    if value < 0:
        raise refusal("limit_negative", **texts)
    if value > most:
        raise refusal("limit_above_rating", **texts, most=f"{most:g}")
    return value
