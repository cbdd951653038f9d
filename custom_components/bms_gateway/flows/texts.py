"""Texts that belong to no form or menu, in Home Assistant's language."""

from collections.abc import Mapping
from itertools import chain, count

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN

type Texts = Mapping[str, str]
"""Texts in Home Assistant's language, by the keys of `common` in the translations."""


async def async_texts(hass: HomeAssistant) -> Texts:
    """Return the texts that belong to no form or menu."""
    prefix = f"component.{DOMAIN}.common."
    found = await async_get_translations(
        hass, hass.config.language, "common", (DOMAIN,)
    )
    return {key.removeprefix(prefix): text for key, text in found.items()}


async def async_propose_gateway_name(hass: HomeAssistant, kind: str) -> str:
    """Return a name that no gateway has yet, such as "Battery bank 2"."""
    taken = {entry.title for entry in hass.config_entries.async_entries(DOMAIN)}
    name = await async_propose_name(hass, kind)
    numbered = (f"{name} {number}" for number in count(2))
    return next(each for each in chain((name,), numbered) if each not in taken)


async def async_propose_name(hass: HomeAssistant, kind: str, number: int = 1) -> str:
    """Return a name in Home Assistant's language, such as "Battery 2"."""
    texts = await async_texts(hass)
    return texts[f"name_{kind}"].format(number=number)
