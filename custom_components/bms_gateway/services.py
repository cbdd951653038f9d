"""The actions `limit_current` and `clear_limit` for temporary limits.

Plain services with a field for the device, since a limit belongs to no entity; they
check the permissions for the entities that control the device.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv, service

from .const import DOMAIN, SUBENTRY_INVERTER
from .engine.model import Direction
from .errors import action_error
from .runtime import BmsGatewayConfigEntry, BmsGatewayRuntime
from .setpoints.limit_list import shown_temporary_limits
from .setpoints.permission import Requester, async_requester
from .setpoints.temporary_limits import (
    ATTR_DURATION,
    ATTR_UNTIL_CLEARED,
    LIMIT_FIELDS,
    async_clear,
    async_limit,
)

SERVICE_LIMIT_CURRENT: Final = "limit_current"
SERVICE_CLEAR_LIMIT: Final = "clear_limit"

ATTR_OWNER: Final = "owner"
ATTR_DIRECTION: Final = "direction"

type Target = tuple[BmsGatewayRuntime, str | None]
"""A running gateway, and one of its inverters or (None) the bank."""


def checked_time(value: Any) -> timedelta:
    """Return a duration as people and selectors enter it; vol.Invalid if it is none."""
    parts = value.values() if isinstance(value, dict) else (value,)
    if any(isinstance(part, bool) for part in parts):
        raise vol.Invalid(f"not a time: {value}")
    try:
        found: timedelta = cv.time_period(value)
    except OverflowError as error:
        raise vol.Invalid(f"too long: {value}") from error
    return found


def checked_amount(value: Any) -> float:
    """Return a current or power; vol.Invalid if it is none, such as a boolean."""
    if isinstance(value, bool):
        raise vol.Invalid(f"not a number: {value}")
    try:
        # With 0 added, -0 is 0
        return float(value) + 0.0
    except (OverflowError, TypeError, ValueError) as error:
        raise vol.Invalid(f"not a number: {value}") from error


_LIMITS: Final[dict[vol.Marker, Any]] = {
    vol.Optional(row.key): checked_amount for row in LIMIT_FIELDS
}

# Home Assistant serves probatio under the name voluptuous; mypy sees the latter
LIMIT_SCHEMA: Final[Any] = vol.Schema(
    {
        vol.Required(ATTR_DEVICE_ID): cv.string,
        **_LIMITS,
        vol.Optional(ATTR_DURATION): checked_time,
        vol.Optional(ATTR_UNTIL_CLEARED): cv.boolean,
        vol.Optional(ATTR_OWNER): cv.string,
    }
)
CLEAR_SCHEMA: Final[Any] = vol.Schema(
    {
        vol.Required(ATTR_DEVICE_ID): cv.string,
        vol.Optional(ATTR_OWNER): cv.string,
        vol.Optional(ATTR_DIRECTION): vol.All(cv.string, vol.Coerce(Direction)),
    }
)


@callback
def async_register_actions(hass: HomeAssistant) -> None:
    """Register the actions once for all gateways, including those not running."""
    for name, action, schema in (
        (SERVICE_LIMIT_CURRENT, _async_limit_current, LIMIT_SCHEMA),
        (SERVICE_CLEAR_LIMIT, _async_clear_limit, CLEAR_SCHEMA),
    ):
        hass.services.async_register(
            DOMAIN,
            name,
            action,
            schema=schema,
            supports_response=SupportsResponse.OPTIONAL,
        )


async def _async_limit_current(call: ServiceCall) -> ServiceResponse:
    """Set a temporary limit on the bank or an inverter."""
    requester = await async_requester(call.hass, call.context)
    runtime, inverter_id = _target(call, requester)
    owner = call.data.get(ATTR_OWNER, requester.name)
    adjusted = await async_limit(runtime, inverter_id, call.data, requester, owner)
    response = _response(runtime, inverter_id)
    if adjusted:
        response["adjusted"] = [asdict(each) for each in adjusted]
    return response


async def _async_clear_limit(call: ServiceCall) -> ServiceResponse:
    """Clear the limits of one owner, or all that the caller may clear."""
    requester = await async_requester(call.hass, call.context)
    runtime, inverter_id = _target(call, requester)
    await async_clear(
        runtime,
        inverter_id,
        requester,
        call.data.get(ATTR_OWNER),
        call.data.get(ATTR_DIRECTION),
    )
    return _response(runtime, inverter_id)


def _target(call: ServiceCall, requester: Requester) -> Target:
    """Return the target of a call; reject a device without a current to limit.

    Raises Unauthorized before it reveals anything about a device it found.
    """
    device, entry = service.async_get_device_and_config_entry(
        call.hass, DOMAIN, call.data[ATTR_DEVICE_ID], include_child_devices=False
    )
    requester.check_control(call.hass, device.id)
    gateway: BmsGatewayConfigEntry = entry
    keys = {key for domain, key in device.identifiers if domain == DOMAIN}
    if gateway.entry_id in keys:
        return gateway.runtime_data, None
    for inverter in gateway.get_subentries_of_type(SUBENTRY_INVERTER):
        if inverter.subentry_id in keys:
            return gateway.runtime_data, inverter.subentry_id
    raise action_error(
        "no_gateway_or_inverter", name=device.name_by_user or device.name or ""
    )


def _response(runtime: BmsGatewayRuntime, inverter_id: str | None) -> dict[str, Any]:
    """Return the active temporary limits."""
    return {
        "temporary_limits": shown_temporary_limits(
            runtime.setpoint_manager, inverter_id
        )
    }
