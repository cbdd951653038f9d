"""The actions: limit a current for a time, and end that.

Plain services with a field for the device, since a limit belongs to no entity; but they
obey the permissions for the entities by which the device is controlled.
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
from .coordinator import BmsGatewayConfigEntry, BmsGatewayCoordinator
from .engine.model import Direction
from .errors import action_error
from .setpoints.permission import Requester, async_requester
from .setpoints.temporary_limits import (
    ATTR_DURATION,
    ATTR_UNTIL_CLEARED,
    LIMIT_FIELDS,
    async_clear,
    async_limit,
    shown_temporary_limits,
)

SERVICE_LIMIT_CURRENT: Final = "limit_current"
SERVICE_CLEAR_LIMIT: Final = "clear_limit"

ATTR_OWNER: Final = "owner"
ATTR_DIRECTION: Final = "direction"

type Target = tuple[BmsGatewayCoordinator, str | None]
"""A running gateway, and one of its inverters or (None) the bank."""


def checked_time(value: Any) -> timedelta:
    """Return a time as people and selectors give it; vol.Invalid if it is none."""
    parts = value.values() if isinstance(value, dict) else (value,)
    if any(isinstance(part, bool) for part in parts):
        raise vol.Invalid(f"not a time: {value}")
    try:
        found: timedelta = cv.time_period(value)
    except OverflowError as error:
        raise vol.Invalid(f"too long: {value}") from error
    return found


def checked_amount(value: Any) -> float:
    """Return a current or power; vol.Invalid if it is none, as yes and no are none."""
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
    """Register them once for all gateways, also for those that are not running."""
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
    """Limit the bank or an inverter for a time."""
    requester = await async_requester(call.hass, call.context)
    coordinator, inverter_id = _target(call, requester)
    owner = call.data.get(ATTR_OWNER, requester.name)
    adjusted = await async_limit(coordinator, inverter_id, call.data, requester, owner)
    response = _response(coordinator, inverter_id)
    if adjusted:
        response["adjusted"] = [asdict(each) for each in adjusted]
    return response


async def _async_clear_limit(call: ServiceCall) -> ServiceResponse:
    """End the limits of one owner, or of all that the caller may end."""
    requester = await async_requester(call.hass, call.context)
    coordinator, inverter_id = _target(call, requester)
    await async_clear(
        coordinator,
        inverter_id,
        requester,
        call.data.get(ATTR_OWNER),
        call.data.get(ATTR_DIRECTION),
    )
    return _response(coordinator, inverter_id)


def _target(call: ServiceCall, requester: Requester) -> Target:
    """Return what a call is aimed at; refuse what has no current to limit.

    Raises Unauthorized before it tells anything of a device that was found.
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


def _response(
    coordinator: BmsGatewayCoordinator, inverter_id: str | None
) -> dict[str, Any]:
    """Return the leases that are live now."""
    return {
        "temporary_limits": shown_temporary_limits(
            coordinator.setpoint_manager, inverter_id
        )
    }
