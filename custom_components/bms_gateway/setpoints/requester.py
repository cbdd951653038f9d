"""Who asks: the name under which a setpoint or a lease is remembered."""

from typing import Final
import unicodedata

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant

AUTOMATION: Final = "automation"
"""Whoever is no user: automations, scripts, other integrations."""
MQTT: Final = "mqtt"
"""Commands over MQTT that do not say whose they are."""
REPAIR: Final = "repair"
"""A person through the dialog of a repair, which does not tell who it is."""

LONGEST_NAME: Final = 100
_IN_NO_NAME: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that no name has: controls, those that are not seen or turn
the direction of a text, halves of a character, ends of lines. The halves can be in no
file at all."""
_JOINERS: Final = frozenset("\u200c\u200d")
"""Of those, the ones that emoji and some scripts need."""
_NOT_SEEN: Final = frozenset({*_JOINERS, *map(chr, range(0xFE00, 0xFE10))})
"""Joiners and variation selectors: with or without them a name looks the same."""


def is_name(text: str) -> bool:
    """Return whether a text can be a name, in a file and on a screen."""
    return (
        len(text) <= LONGEST_NAME
        and bool(looks(text))
        and not any(
            unicodedata.category(each) in _IN_NO_NAME and each not in _JOINERS
            for each in text
        )
    )


def looks(name: str) -> str:
    """Return what names have in common that look alike, in capitals or not."""
    seen = "".join(each for each in name if each not in _NOT_SEEN)
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().split())


def user_name(user: User | None) -> str:
    """Return the name of a user, cut if need be; else "automation"."""
    name = ((user.name if user else None) or "").strip()[:LONGEST_NAME].strip()
    return name if is_name(name) else AUTOMATION


async def async_requester_name(hass: HomeAssistant, context: Context | None) -> str:
    """Return the name of the user behind a call, cut if need be; else "automation"."""
    if context is None or context.user_id is None:
        return AUTOMATION
    return user_name(await hass.auth.async_get_user(context.user_id))
