"""The requester: the name under which a setpoint or temporary limit is stored."""

from typing import Final
import unicodedata

from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant

AUTOMATION: Final = "automation"
"""Callers that are not users: automations, scripts, other integrations."""
MQTT: Final = "mqtt"
"""Commands over MQTT that name no owner."""
REPAIR: Final = "repair"
"""A person in a repair dialog, which does not identify its user."""

MAX_NAME_LENGTH: Final = 100
_FORBIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Character categories that names may not contain: controls, invisible ones and those
that turn the text direction, surrogates, line ends. Surrogates cannot be written to any
file."""
_JOINERS: Final = frozenset("\u200c\u200d")
"""The exceptions that emoji and some scripts need."""
_INVISIBLE: Final = frozenset({*_JOINERS, *map(chr, range(0xFE00, 0xFE10))})
"""Joiners and variation selectors: with or without them a name looks the same."""


def is_name(text: str) -> bool:
    """Return whether a text can be used as a name, in a file and on a screen."""
    return (
        len(text) <= MAX_NAME_LENGTH
        and bool(normalized(text))
        and not any(
            unicodedata.category(each) in _FORBIDDEN_CATEGORIES and each not in _JOINERS
            for each in text
        )
    )


def normalized(name: str) -> str:
    """Return a key that names have in common if they look alike, ignoring case."""
    seen = "".join(each for each in name if each not in _INVISIBLE)
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().split())


def user_name(user: User | None) -> str:
    """Return the name of a user, shortened if needed; else "automation"."""
    name = ((user.name if user else None) or "").strip()[:MAX_NAME_LENGTH].strip()
    return name if is_name(name) else AUTOMATION


async def async_requester_name(hass: HomeAssistant, context: Context | None) -> str:
    """Return the name of the calling user, shortened if needed; else "automation"."""
    if context is None or context.user_id is None:
        return AUTOMATION
    return user_name(await hass.auth.async_get_user(context.user_id))
