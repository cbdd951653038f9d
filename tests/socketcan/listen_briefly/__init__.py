"""An integration for tests that set up many gateways: its form listens only briefly."""

from unittest.mock import patch

from custom_components.bms_gateway.flows.ports import listen as listen_flow
from homeassistant.core import HomeAssistant
from homeassistant.helpers.typing import ConfigType


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Shorten the time for which the form listens."""
    patch.object(listen_flow, "LISTEN_TIME", 0.5).start()
    return True
