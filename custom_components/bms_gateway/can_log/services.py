"""The support action: record a port's traffic.

For administrators: a recording holds a battery's serial number, and fills the disk.
"""

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
from homeassistant.util import dt as dt_util, slugify

from ..const import DOMAIN
from ..engine.config import BatteryConfig, InverterConfig
from ..errors import action_error
from ..runtime import BmsGatewayConfigEntry, BmsGatewayRuntime
from ..services import checked_time
from ..setpoints.temporary_limits import ATTR_DURATION
from .files import checked_name, folder

SERVICE_RECORD_TRAFFIC: Final = "record_traffic"

ATTR_FILE: Final = "file"

DEFAULT_DURATION: Final = timedelta(minutes=1)
MAX_DURATION: Final = timedelta(hours=1)


RECORD_SCHEMA: Final[Any] = vol.Schema(
    {
        vol.Required(ATTR_DEVICE_ID): cv.string,
        vol.Optional(ATTR_DURATION, default=DEFAULT_DURATION): checked_time,
        vol.Optional(ATTR_FILE): cv.string,
    }
)
type Target = tuple[BmsGatewayRuntime, BatteryConfig | InverterConfig]
"""A running gateway, and one of its batteries or inverters."""


@callback
def async_register_traffic_action(hass: HomeAssistant) -> None:
    """Register the action once for all gateways, including those not running."""
    service.async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_RECORD_TRAFFIC,
        _async_record_traffic,
        schema=RECORD_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_record_traffic(call: ServiceCall) -> ServiceResponse:
    """Start recording; return at once, with the time at which the file is complete."""
    runtime, device = _target(call)
    duration: timedelta = call.data[ATTR_DURATION]
    if not timedelta(seconds=1) <= duration <= MAX_DURATION:
        longest = str(int(MAX_DURATION.total_seconds()))
        raise action_error("bad_recording_duration", longest=longest)
    now = dt_util.now()
    proposed = f"{slugify(device.name)[:50]}-{now:%Y%m%d-%H%M%S}.log"
    name = checked_name(call.data.get(ATTR_FILE, proposed))
    path = folder(call.hass) / name
    await runtime.recorder.async_record(device, path, duration)
    return {
        "file": name,
        "path": str(path),
        "ends_at": (dt_util.now() + duration).isoformat(),
    }


def _target(call: ServiceCall) -> Target:
    """Return the target of a call; reject a device without a port."""
    device, entry = service.async_get_device_and_config_entry(
        call.hass, DOMAIN, call.data[ATTR_DEVICE_ID], include_child_devices=False
    )
    gateway: BmsGatewayConfigEntry = entry
    for config in gateway.runtime_data.config.devices:
        if (DOMAIN, config.id) in device.identifiers:
            return gateway.runtime_data, config
    raise action_error(
        "no_battery_or_inverter", name=device.name_by_user or device.name or ""
    )
