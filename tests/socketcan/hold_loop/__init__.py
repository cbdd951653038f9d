"""A badly written integration for tests: its action holds Home Assistant's loop."""

from pathlib import Path
from threading import Event

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.helpers.typing import ConfigType

HELD = "loop-is-held"
"""A file that is there while the loop is held; who takes it away lets the loop go."""


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the action `hold_loop.hold`."""
    held = Path(hass.config.path(HELD))

    @callback
    def hold(call: ServiceCall) -> None:
        held.touch()
        # Home Assistant forbids time.sleep here, but not what has the same effect
        while held.exists():
            Event().wait(0.01)

    hass.services.async_register("hold_loop", "hold", hold)
    return True
