"""How a call is refused: what was asked for makes no sense or is not for the caller."""

from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError, Unauthorized

from .const import DOMAIN


def action_error(key: str, **placeholders: str) -> ServiceValidationError:
    """Return why something is refused, in the caller's language."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def forbidden(context: Context, key: str, **placeholders: str) -> Unauthorized:
    """Return why a user may not do something, in the user's language."""
    error = Unauthorized(context=context)
    # Its constructor takes no text, but what shows it does
    error.generate_message = True
    error.translation_domain = DOMAIN
    error.translation_key = key
    error.translation_placeholders = placeholders
    return error
