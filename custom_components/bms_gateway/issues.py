"""The repairs of a gateway: raised when found, cleared by themselves."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .findings import find_issues
from .situation import Issue, Situation

ATTR_ENTRY_ID: Final = "entry_id"
ATTR_DEVICE_ID: Final = "device_id"
ATTR_KEY: Final = "key"
"""The key of the texts: what kind of repair it is."""


class Issues:
    """The repairs of one gateway."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with none."""
        self._hass = hass
        self._entry_id = entry_id
        self._raised: dict[str, Issue] = {}

    @callback
    def async_tell(self, now: Situation) -> None:
        """Raise what is wrong, clear what is well again."""
        wanted = find_issues(now, self._raised)
        for key in self._raised.keys() - wanted.keys():
            self._clear(key)
        for key, issue in wanted.items():
            self._raise(key, issue)

    @callback
    def async_clear(self) -> None:
        """Take back every repair: nobody watches any more."""
        for key in tuple(self._raised):
            self._clear(key)

    def _raise(self, key: str, issue: Issue) -> None:
        there = ir.async_get(self._hass).async_get_issue(DOMAIN, key)
        # Home Assistant takes it back when its dialog is done, whatever came of it
        if there and self._raised.get(key) == issue:
            return
        self._raised[key] = issue
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            key,
            data={
                ATTR_KEY: issue.key,
                ATTR_ENTRY_ID: self._entry_id,
                ATTR_DEVICE_ID: issue.device_id,
            },
            is_fixable=issue.fixable,
            severity=issue.severity,
            translation_key=issue.key,
            translation_placeholders=dict(issue.placeholders),
        )

    def _clear(self, key: str) -> None:
        del self._raised[key]
        ir.async_delete_issue(self._hass, DOMAIN, key)
