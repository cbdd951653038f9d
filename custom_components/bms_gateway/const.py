"""Names shared by the modules of the integration."""

from typing import Final

DOMAIN: Final = "bms_gateway"

SUBENTRY_BATTERY: Final = "battery"
SUBENTRY_INVERTER: Final = "inverter"

POLLED: Final = {"poll_interval": 1.0}
"""Stored data of a battery that has to be polled: seconds, as often as an inverter
polls."""

CONF_SIMULATED: Final = "simulated"
"""Key of the entry's data: whether batteries and inverters are simulated."""
CONF_UPDATE_INTERVAL: Final = "update_interval"
"""Key of the entry's options: seconds between two writes of a live value."""
DEFAULT_UPDATE_INTERVAL: Final = 30.0
