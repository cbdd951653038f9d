"""How a call is refused: what was asked for makes no sense, and nothing is changed."""

from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN


def refusal(key: str, **placeholders: str) -> ServiceValidationError:
    """Return why something is refused, in the caller's language."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders=placeholders,
    )
