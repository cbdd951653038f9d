"""Limits that end by themselves: checked as a whole, taken or refused as a whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
import json
import math
from typing import Any, Final

from ..coordinator import BmsGatewayCoordinator
from ..engine.config import GatewayConfig
from ..engine.model import Direction
from ..engine.setpoints import MOST_OWNERS, TemporaryLimit
from ..errors import action_error
from .manager import SetpointManager
from .permission import Requester
from .ranges import MOST_CHARGE_VOLTAGE, most_amps, most_watts, without_noise
from .requester import LONGEST_NAME, is_name

ATTR_DURATION: Final = "duration"
ATTR_UNTIL_CLEARED: Final = "until_cleared"

DEFAULT_DURATION: Final = timedelta(hours=1)
"""A throttle that nobody thinks of again must not stay for ever."""
LONGEST_DURATION: Final = timedelta(days=365)

MOST_IN_ATTRIBUTES: Final = 8192
"""Bytes of JSON for the leases; the recorder takes 16 kB with all other attributes."""

NOISE_AMPS: Final = 1.0
"""As much below 0 a program comes by what it measured and subtracted; it means 0. More
is a wrong sign, and 0 A in its place would black a house out."""
NOISE_WATTS: Final = NOISE_AMPS * MOST_CHARGE_VOLTAGE


@dataclass(frozen=True, slots=True)
class LimitField:
    """One way to say a limit: its direction, its field of `Lease`, the most of it."""

    key: str
    direction: Direction
    field: str
    unit: str
    most: Callable[[GatewayConfig, str | None, Direction], float]
    noise: float
    """As much below 0 is 0."""


LIMIT_FIELDS: Final = tuple(
    LimitField(f"{direction}_{what}", direction, field, unit, most, noise)
    for what, field, unit, most, noise in (
        ("current", "amps", "A", most_amps, NOISE_AMPS),
        ("power", "watts", "W", most_watts, NOISE_WATTS),
    )
    for direction in (Direction.CHARGE, Direction.DISCHARGE)
)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A value that was taken as another one."""

    field: str
    requested: float
    set: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call asks for, as far as it can be told without what is asked already."""

    temporary_limits: tuple[TemporaryLimit, ...]
    adjusted: tuple[Adjusted, ...]


def wanted(
    coordinator: BmsGatewayCoordinator,
    inverter_id: str | None,
    asked: Mapping[str, Any],
    owner: str,
    by: str | None = None,
) -> Wanted:
    """Return what is asked of an inverter or (None) the bank, for a checked owner.

    `asked`: values by the keys of LIMIT_FIELDS, ATTR_DURATION (a timedelta) and
    ATTR_UNTIL_CLEARED. `by`: the user's id. Raises ServiceValidationError for anything
    that makes no sense.
    """
    temporary_limit = TemporaryLimit(
        device_id=inverter_id,
        direction=Direction.CHARGE,
        owner=owner,
        until=_until(asked, coordinator.gateway.now),
        by=by,
    )
    temporary_limits, adjusted = [], []
    for row in _given(asked):
        value = _checked(row, asked[row.key])
        most = row.most(coordinator.config, inverter_id, row.direction)
        taken = min(most, max(0.0, value))
        what: dict[str, Any] = {"direction": row.direction, row.field: taken}
        temporary_limits.append(replace(temporary_limit, **what))
        if taken != value:
            adjusted.append(Adjusted(row.key, value, taken))
    return Wanted(tuple(temporary_limits), tuple(adjusted))


async def async_limit(
    coordinator: BmsGatewayCoordinator,
    inverter_id: str | None,
    asked: Mapping[str, Any],
    requester: Requester,
    owner: str,
) -> tuple[Adjusted, ...]:
    """Limit an inverter or (None) the bank for a time, in the name of an owner.

    Returns what was taken as another value. Raises Unauthorized for an owner that is
    not the asker's, and ServiceValidationError for anything that makes no sense; then
    nothing is changed. Asking for what holds already changes nothing, either.
    """
    setpoint_manager = coordinator.setpoint_manager
    setpoints = setpoint_manager.setpoints.without_ended(coordinator.gateway.now)
    owner = checked_owner(owner)
    requester.check_owner(owner, setpoints.temporary_limits)
    what = wanted(coordinator, inverter_id, asked, owner, requester.by)
    for temporary_limit in what.temporary_limits:
        if not setpoints.has_room_for(temporary_limit):
            raise action_error("too_many_owners", most=str(MOST_OWNERS))
        setpoints = setpoints.with_temporary_limit(temporary_limit)
    if not set(what.temporary_limits) <= set(
        setpoint_manager.setpoints.temporary_limits
    ):
        await setpoint_manager.async_take(setpoints, owner)
    return what.adjusted


async def async_clear(
    coordinator: BmsGatewayCoordinator,
    inverter_id: str | None,
    requester: Requester,
    owner: str | None = None,
    direction: Direction | None = None,
) -> None:
    """End the leases on an inverter or (None) the bank: of one owner or all.

    Raises Unauthorized for an owner that is not the asker's. Without an owner, those
    that are not the asker's stay.
    """
    setpoint_manager = coordinator.setpoint_manager
    setpoints = setpoint_manager.setpoints.without_ended(coordinator.gateway.now)
    if owner is not None:
        owner = checked_owner(owner)
        requester.check_owner(owner, setpoints.temporary_limits)
    ended = {
        temporary_limit.key
        for temporary_limit in setpoint_manager.temporary_limits(inverter_id, direction)
        if (
            requester.may_end(temporary_limit)
            if owner is None
            else temporary_limit.owner == owner
        )
    }
    if ended:
        left = tuple(
            temporary_limit
            for temporary_limit in setpoints.temporary_limits
            if temporary_limit.key not in ended
        )
        await setpoint_manager.async_take(
            replace(setpoints, temporary_limits=left), owner or requester.name
        )


def shown_temporary_limits(
    setpoint_manager: SetpointManager,
    inverter_id: str | None,
    direction: Direction | None = None,
) -> list[dict[str, Any]]:
    """Return the live leases on an inverter or (None) the bank, for people."""
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
    """Return how long the JSON is if all but ASCII is escaped: there is no longer way."""
    return len(json.dumps(shown)) + len(" ")


def listed(
    shown: list[dict[str, Any]],
    most: int,
    size: Callable[[Mapping[str, Any]], int] = escaped_size,
) -> dict[str, Any]:
    """Return the first of the shown leases, in so many bytes, and how many are left."""
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


def checked_owner(owner: str) -> str:
    """Return an owner's name without spaces around it, if it can be one."""
    owner = owner.strip()
    if not is_name(owner):
        raise action_error("bad_owner", longest=str(LONGEST_NAME))
    return owner


def _until(asked: Mapping[str, Any], now: float) -> float | None:
    duration: timedelta | None = asked.get(ATTR_DURATION)
    if asked.get(ATTR_UNTIL_CLEARED):
        if duration is not None:
            raise action_error("duration_until_cleared")
        return None
    if duration is None:
        duration = DEFAULT_DURATION
    if not timedelta(0) < duration <= LONGEST_DURATION:
        raise action_error("bad_duration", days=str(LONGEST_DURATION.days))
    return now + duration.total_seconds()


def _given(asked: Mapping[str, Any]) -> list[LimitField]:
    given = [row for row in LIMIT_FIELDS if asked.get(row.key) is not None]
    if not given:
        raise action_error("no_limit_given")
    if len({row.direction for row in given}) < len(given):
        raise action_error("current_and_power")
    return given


def _checked(row: LimitField, value: float) -> float:
    """Return a value without the noise of floats; refuse what is no limit."""
    texts = {"field": row.key, "value": f"{value:g}", "unit": row.unit}
    if not math.isfinite(value):
        raise action_error("limit_not_finite", **texts)
    value = without_noise(value)
    if value < -row.noise:
        raise action_error("limit_negative", **texts, noise=f"{-row.noise:g}")
    return value
