"""Who asks: the name under which a setpoint or a lease is remembered."""

from typing import Final
import unicodedata

from homeassistant.core import Context, HomeAssistant

AUTOMATION: Final = "automation"
"""Whoever is no user: automations, scripts, other integrations."""
REPAIR: Final = "repair"
"""A person through the dialog of a repair, which does not tell who it is."""

LONGEST_NAME: Final = 100
_IN_NO_NAME: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that no name has: controls, halves of a character, ends of
lines. The halves can be in no file at all."""


def is_name(text: str) -> bool:
    """Return whether a text can be a name, in a file and on a screen."""
    return 1 <= len(text) <= LONGEST_NAME and not any(
        unicodedata.category(each) in _IN_NO_NAME for each in text
    )


async def async_who(hass: HomeAssistant, context: Context | None) -> str:
    """Return the name of the user behind a call, cut if need be; else "automation"."""
    if context is None or context.user_id is None:
        return AUTOMATION
    user = await hass.auth.async_get_user(context.user_id)
    name = ((user.name if user else None) or "").strip()[:LONGEST_NAME].strip()
    return name if is_name(name) else AUTOMATION
