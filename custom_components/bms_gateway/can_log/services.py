"""The support actions: record a port's traffic, replay it in a simulation.

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
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv, service
from homeassistant.util import dt as dt_util, slugify

from ..const import DOMAIN
from ..engine.config import BatteryConfig, Interface, InverterConfig
from ..errors import action_error
from ..runtime import BmsGatewayConfigEntry, BmsGatewayRuntime
from ..services import checked_amount, checked_time
from ..setpoints.temporary_limits import ATTR_DURATION
from ..simulation import Simulation
from .files import checked_name, folder, read

SERVICE_RECORD_TRAFFIC: Final = "record_traffic"
SERVICE_REPLAY_TRAFFIC: Final = "replay_traffic"

ATTR_FILE: Final = "file"
ATTR_LOOPS: Final = "loops"

DEFAULT_DURATION: Final = timedelta(minutes=1)
MAX_DURATION: Final = timedelta(hours=1)
MAX_LOOPS: Final = 1000


def _checked_loops(value: Any) -> int:
    """Return how often to play a log; vol.Invalid if not a whole number in range."""
    loops = checked_amount(value)
    if not 1 <= loops <= MAX_LOOPS or loops != int(loops):
        raise vol.Invalid(f"not a whole number from 1 to {MAX_LOOPS}: {value}")
    return int(loops)


RECORD_SCHEMA: Final[Any] = vol.Schema(
    {
        vol.Required(ATTR_DEVICE_ID): cv.string,
        vol.Optional(ATTR_DURATION, default=DEFAULT_DURATION): checked_time,
        vol.Optional(ATTR_FILE): cv.string,
    }
)
REPLAY_SCHEMA: Final[Any] = vol.Schema(
    {
        vol.Required(ATTR_DEVICE_ID): cv.string,
        vol.Required(ATTR_FILE): cv.string,
        vol.Optional(ATTR_LOOPS, default=1): _checked_loops,
    }
)

type Target = tuple[BmsGatewayRuntime, BatteryConfig | InverterConfig]
"""A running gateway, and one of its batteries or inverters."""


@callback
def async_register_traffic_actions(hass: HomeAssistant) -> None:
    """Register the actions once for all gateways, including those not running."""
    for name, action, schema in (
        (SERVICE_RECORD_TRAFFIC, _async_record_traffic, RECORD_SCHEMA),
        (SERVICE_REPLAY_TRAFFIC, _async_replay_traffic, REPLAY_SCHEMA),
    ):
        service.async_register_admin_service(
            hass,
            DOMAIN,
            name,
            action,
            schema=schema,
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


async def _async_replay_traffic(call: ServiceCall) -> ServiceResponse:
    """Play a log in place of a simulated battery or inverter."""
    runtime, device = _target(call)
    simulation = _simulation(runtime, device)
    name = checked_name(call.data[ATTR_FILE])
    path = folder(call.hass) / name
    try:
        replay = await call.hass.async_add_executor_job(
            read, path, call.data[ATTR_LOOPS]
        )
    except OSError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="log_not_read",
            translation_placeholders={"file": str(path), "error": str(error)},
        ) from error
    # Check again: the devices may have changed meanwhile
    _simulation(runtime, device)
    if not simulation.replay(device.id, replay):
        raise action_error("not_simulated", name=device.name)
    return {"frames": replay.frames, "seconds": round(replay.seconds, 3)}


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


def _simulation(
    runtime: BmsGatewayRuntime, device: BatteryConfig | InverterConfig
) -> Simulation:
    """Return the simulation of a gateway that has no real port at all.

    A replayed log decides what every inverter of the gateway is sent.
    """
    interfaces = {one.port.interface for one in runtime.config.devices}
    if runtime.simulation is None or interfaces != {Interface.VIRTUAL}:
        raise action_error("not_simulated", name=device.name)
    return runtime.simulation
