"""Temporary limits: limits with an owner that end by themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
import math
from typing import Any, Final

from ..engine.config import GatewayConfig
from ..engine.model import Direction
from ..engine.temporary_limits import MOST_OWNERS, TemporaryLimit
from ..errors import action_error
from ..runtime import BmsGatewayRuntime
from .permission import Requester
from .ranges import MAX_CHARGE_VOLTAGE, max_amps, max_watts, without_noise
from .requester import MAX_NAME_LENGTH, is_name

ATTR_DURATION: Final = "duration"
ATTR_UNTIL_CLEARED: Final = "until_cleared"

DEFAULT_DURATION: Final = timedelta(hours=1)
"""A forgotten limit must not stay for ever."""
MAX_DURATION: Final = timedelta(days=365)

NOISE_AMPS: Final = 1.0
"""How far below 0 a program gets by subtracting measured values; it means 0. More is a
wrong sign, and 0 A in its place would black out a house."""
NOISE_WATTS: Final = NOISE_AMPS * MAX_CHARGE_VOLTAGE


@dataclass(frozen=True, slots=True)
class LimitField:
    """A field of the action: direction, field of `TemporaryLimit`, and maximum."""

    key: str
    direction: Direction
    field: str
    unit: str
    maximum: Callable[[GatewayConfig, str | None, Direction], float]
    noise: float
    """A value this far below 0 counts as 0."""


LIMIT_FIELDS: Final = tuple(
    LimitField(f"{direction}_{what}", direction, field, unit, most, noise)
    for what, field, unit, most, noise in (
        ("current", "amps", "A", max_amps, NOISE_AMPS),
        ("power", "watts", "W", max_watts, NOISE_WATTS),
    )
    for direction in (Direction.CHARGE, Direction.DISCHARGE)
)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A value that was changed to fit the range."""

    field: str
    requested: float
    set: float


@dataclass(frozen=True, slots=True)
class RequestedLimits:
    """The result of a call, as far as it does not depend on the present limits."""

    temporary_limits: tuple[TemporaryLimit, ...]
    adjusted: tuple[Adjusted, ...]


def requested_limits(
    runtime: BmsGatewayRuntime,
    inverter_id: str | None,
    requested: Mapping[str, Any],
    owner: str,
    by: str | None = None,
) -> RequestedLimits:
    """Return the requested limits on an inverter or (None) the bank.

    `requested`: values by the keys of LIMIT_FIELDS, ATTR_DURATION (a timedelta) and
    ATTR_UNTIL_CLEARED. `owner`: a checked name. `by`: the user's id. Raises
    ServiceValidationError for anything that makes no sense.
    """
    temporary_limit = TemporaryLimit(
        device_id=inverter_id,
        direction=Direction.CHARGE,
        owner=owner,
        until=_until(requested, runtime.gateway.now),
        by=by,
    )
    temporary_limits, adjusted = [], []
    for row in _given(requested):
        value = _checked(row, requested[row.key])
        most = row.maximum(runtime.config, inverter_id, row.direction)
        taken = min(most, max(0.0, value))
        what: dict[str, Any] = {"direction": row.direction, row.field: taken}
        temporary_limits.append(replace(temporary_limit, **what))
        if taken != value:
            adjusted.append(Adjusted(row.key, value, taken))
    return RequestedLimits(tuple(temporary_limits), tuple(adjusted))


async def async_limit(
    runtime: BmsGatewayRuntime,
    inverter_id: str | None,
    requested: Mapping[str, Any],
    requester: Requester,
    owner: str,
) -> tuple[Adjusted, ...]:
    """Set temporary limits on an inverter or (None) the bank, in an owner's name.

    Returns the values that were adjusted. Raises Unauthorized for an owner that is not
    the caller's, and ServiceValidationError for anything that makes no sense; then
    nothing changes. Setting a limit that is active already changes nothing, either.
    """
    setpoint_manager = runtime.setpoint_manager
    setpoints = setpoint_manager.setpoints.without_ended(runtime.gateway.now)
    owner = checked_owner(owner)
    requester.check_owner(owner, setpoints.temporary_limits)
    what = requested_limits(runtime, inverter_id, requested, owner, requester.by)
    for temporary_limit in what.temporary_limits:
        if not setpoints.has_room_for(temporary_limit):
            raise action_error("too_many_owners", most=str(MOST_OWNERS))
        setpoints = setpoints.with_temporary_limit(temporary_limit)
    if not set(what.temporary_limits) <= set(
        setpoint_manager.setpoints.temporary_limits
    ):
        await setpoint_manager.async_set(setpoints, owner)
    return what.adjusted


async def async_clear(
    runtime: BmsGatewayRuntime,
    inverter_id: str | None,
    requester: Requester,
    owner: str | None = None,
    direction: Direction | None = None,
) -> None:
    """Clear the limits on an inverter or (None) the bank, of one owner or of all.

    Raises Unauthorized for an owner that is not the caller's. Without an owner, limits
    that are not the caller's stay.
    """
    setpoint_manager = runtime.setpoint_manager
    setpoints = setpoint_manager.setpoints.without_ended(runtime.gateway.now)
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
        await setpoint_manager.async_set(
            replace(setpoints, temporary_limits=left), owner or requester.name
        )


def checked_owner(owner: str) -> str:
    """Return an owner's name without surrounding spaces; raise if it cannot be one."""
    owner = owner.strip()
    if not is_name(owner):
        raise action_error("bad_owner", longest=str(MAX_NAME_LENGTH))
    return owner


def _until(requested: Mapping[str, Any], now: float) -> float | None:
    duration: timedelta | None = requested.get(ATTR_DURATION)
    if requested.get(ATTR_UNTIL_CLEARED):
        if duration is not None:
            raise action_error("duration_until_cleared")
        return None
    if duration is None:
        duration = DEFAULT_DURATION
    if not timedelta(0) < duration <= MAX_DURATION:
        raise action_error("bad_duration", days=str(MAX_DURATION.days))
    return now + duration.total_seconds()


def _given(requested: Mapping[str, Any]) -> list[LimitField]:
    given = [row for row in LIMIT_FIELDS if requested.get(row.key) is not None]
    if not given:
        raise action_error("no_limit_given")
    if len({row.direction for row in given}) < len(given):
        raise action_error("current_and_power")
    return given


def _checked(row: LimitField, value: float) -> float:
    """Return a value without float noise; reject one that is no limit."""
    texts = {"field": row.key, "value": f"{value:g}", "unit": row.unit}
    if not math.isfinite(value):
        raise action_error("limit_not_finite", **texts)
    value = without_noise(value)
    if value < -row.noise:
        raise action_error("limit_negative", **texts, noise=f"{-row.noise:g}")
    return value
