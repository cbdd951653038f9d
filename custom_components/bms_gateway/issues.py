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


ALL_KNOWN: Final = 3600.0
"""Seconds after which whatever was wrong before has been found again if it still is."""


class Issues:
    """The repairs of one gateway.

    One that is ignored outlives the end of the watch, else it would come back as a new
    one after each reload. It goes if it is not found again in time.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with none but those that are left from before."""
        self._hass = hass
        self._entry_id = entry_id
        self._raised: dict[str, Issue] = {}
        self._left = {each.issue_id for each in _issues_of(hass, entry_id)}
        self._since: float | None = None
        self._ended = False

    @callback
    def async_tell(self, now: Situation) -> None:
        """Raise what is wrong, clear what is well again."""
        if self._ended:
            return
        wanted = find_issues(now, self._raised)
        for key in self._raised.keys() - wanted.keys():
            self._clear(key)
        for key, issue in wanted.items():
            self._raise(key, issue)
        self._clear_left(now.snapshot.at)

    @callback
    def async_end(self) -> None:
        """Take back every repair that is not ignored: nobody watches any more."""
        self._ended = True
        for issue in _issues_of(self._hass, self._entry_id):
            if issue.dismissed_version is None:
                ir.async_delete_issue(self._hass, DOMAIN, issue.issue_id)

    def _clear_left(self, at: float) -> None:
        """Clear what is left from before once it would have been found again."""
        if self._since is None:
            self._since = at
        self._left -= self._raised.keys()
        if self._left and at >= self._since + ALL_KNOWN:
            for key in self._left:
                ir.async_delete_issue(self._hass, DOMAIN, key)
            self._left.clear()

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


@callback
def async_remove_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Delete every repair of a gateway that is no more."""
    for issue in _issues_of(hass, entry_id):
        ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def _issues_of(hass: HomeAssistant, entry_id: str) -> list[ir.IssueEntry]:
    """Return the repairs of a gateway that there are, ignored ones too."""
    return [
        issue
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
        and issue.data is not None
        and issue.data.get(ATTR_ENTRY_ID) == entry_id
    ]
