"""A badly written integration for tests: its action holds Home Assistant's loop."""

from threading import Event

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers.typing import ConfigType


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the action `hold_loop.hold`."""

    @callback
    def hold(call: ServiceCall) -> None:
        # Home Assistant forbids time.sleep here, but not what has the same effect
        Event().wait(call.data["seconds"])

    hass.services.async_register("hold_loop", "hold", hold)
    return True
