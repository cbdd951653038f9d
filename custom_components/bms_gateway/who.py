"""Who asks: the name under which a setpoint or a lease is remembered."""

from typing import Final

from homeassistant.core import Context, HomeAssistant

AUTOMATION: Final = "automation"
"""Whoever is no user: automations, scripts, other integrations."""
REPAIR: Final = "repair"
"""A person through the dialog of a repair, which does not tell who it is."""


async def async_who(hass: HomeAssistant, context: Context | None) -> str:
    """Return the name of the user behind a call, else "automation"."""
    if context is None or context.user_id is None:
        return AUTOMATION
    user = await hass.auth.async_get_user(context.user_id)
    return (user.name if user else None) or AUTOMATION
