"""Errors for rejected calls: invalid requests, and requests the caller may not make."""

from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError, Unauthorized

from .const import DOMAIN


def action_error(key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error for a rejected call, in the caller's language."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )


def forbidden(context: Context, key: str, **placeholders: str) -> Unauthorized:
    """Return the error for a missing permission, in the user's language."""
    error = Unauthorized(context=context)
    # The constructor takes no text, but the code that displays it uses one
    error.generate_message = True
    error.translation_domain = DOMAIN
    error.translation_key = key
    error.translation_placeholders = placeholders
    return error
