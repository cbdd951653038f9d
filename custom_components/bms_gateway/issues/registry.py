"""The issue registry of a gateway: raises repairs, and clears them with a delay."""

from math import inf
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from .context import Issue, IssueContext
from .detectors import find_issues

ATTR_ENTRY_ID: Final = "entry_id"
ATTR_DEVICE_ID: Final = "device_id"
ATTR_KEY: Final = "key"
"""The key of the texts: the kind of repair."""


_DEVICE_NAMES: Final = frozenset({"name", "inverters"})
"""The placeholders that name the device concerned, in the titles."""

ALL_KNOWN: Final = 3600.0
"""Seconds after which every earlier problem that persists has been found again."""

RETURNS_WITHIN: Final = 3600.0
"""Seconds; an issue that comes back sooner is flapping, and is cleared later."""
STEADY_AGAIN: Final = 600.0
"""Seconds for which a flapping issue has to be gone before it is cleared again."""


class Issues:
    """The repairs of one gateway.

    A flapping problem is one repair: each issue defines for how long it has to be gone
    before it is cleared, and one that has come back within the hour is held for ten
    minutes. One whose dialog was answered is cleared as soon as it is gone.

    An ignored issue stays ignored when it comes back, and outlives a reload, since it
    would otherwise come back as a new one. It is deleted if it is not found again in
    time.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Start with the issues left from before."""
        self._hass = hass
        self._entry_id = entry_id
        self._raised: dict[str, Issue] = {}
        self._gone_since: dict[str, float] = {}
        self._cleared_at: dict[str, float] = {}
        self._returned: set[str] = set()
        self._answered: set[str] = set()
        self._left = {each.issue_id for each in _issues_of(hass, entry_id)}
        self._since: float | None = None
        self._ended = False

    @callback
    def async_update(self, now: IssueContext) -> None:
        """Raise the issues that are found, clear those that are gone."""
        if self._ended:
            return
        at = now.snapshot.at
        found = find_issues(now, self._raised)
        for key in self._raised.keys() - found.keys():
            since = self._gone_since.setdefault(key, at)
            if at >= since + self._clear_delay(key, now):
                self._clear(key, at)
        for key, issue in found.items():
            self._gone_since.pop(key, None)
            self._raise(key, issue, now)
        self._clear_left(at)

    @callback
    def async_end(self) -> None:
        """Delete every repair that is not ignored: nothing updates it now."""
        self._ended = True
        for issue in _issues_of(self._hass, self._entry_id):
            if issue.dismissed_version is None:
                ir.async_delete_issue(self._hass, DOMAIN, issue.issue_id)

    def _clear_left(self, at: float) -> None:
        """Clear earlier issues that would have been found again by now."""
        if self._since is None:
            self._since = at
        self._left -= self._raised.keys()
        if self._left and at >= self._since + ALL_KNOWN:
            for key in self._left:
                ir.async_delete_issue(self._hass, DOMAIN, key)
            self._left.clear()

    def _clear_delay(self, key: str, now: IssueContext) -> float:
        """Return for how many seconds an issue has to be gone to be cleared."""
        issue, existing = self._raised[key], self._find(key)
        if existing is None or key in self._answered or _is_moot(issue, now):
            return 0.0
        if existing.dismissed_version is not None:
            return ALL_KNOWN
        return STEADY_AGAIN if key in self._returned else issue.steady_for

    def _raise(self, key: str, issue: Issue, now: IssueContext) -> None:
        existing, before = self._find(key), self._raised.get(key)
        if existing and before == issue:
            return
        if before is None:
            if now.snapshot.at < self._cleared_at.get(key, -inf) + RETURNS_WITHIN:
                self._returned.add(key)
        elif existing is None:
            # Home Assistant deletes an issue when its dialog ends, whatever the result
            self._answered.add(key)
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
            translation_placeholders=self._placeholders(issue, now.name),
        )

    def _placeholders(self, issue: Issue, gateway: str) -> dict[str, str]:
        """Return the placeholders; with several gateways, a device is named with its.

        Each gateway may have a "Battery 1", and the list of repairs shows no device.
        """
        placeholders = dict(issue.placeholders)
        if len(self._hass.config_entries.async_entries(DOMAIN)) > 1:
            for key in _DEVICE_NAMES & placeholders.keys():
                if placeholders[key] != gateway:
                    placeholders[key] += f" ({gateway})"
        return placeholders

    def _clear(self, key: str, at: float) -> None:
        if key not in self._answered:
            self._cleared_at[key] = at
        del self._raised[key]
        del self._gone_since[key]
        self._returned.discard(key)
        self._answered.discard(key)
        ir.async_delete_issue(self._hass, DOMAIN, key)

    def _find(self, key: str) -> ir.IssueEntry | None:
        return ir.async_get(self._hass).async_get_issue(DOMAIN, key)


def _is_moot(issue: Issue, now: IssueContext) -> bool:
    """Return whether the device concerned was removed or taken out of service."""
    device_id = issue.device_id
    return device_id is not None and (
        device_id in now.setpoints.out_of_service
        or device_id not in {device.id for device in now.config.devices}
    )


@callback
def async_remove_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Delete every repair of a removed gateway."""
    for issue in _issues_of(hass, entry_id):
        ir.async_delete_issue(hass, DOMAIN, issue.issue_id)


def _issues_of(hass: HomeAssistant, entry_id: str) -> list[ir.IssueEntry]:
    """Return all repairs of a gateway, including ignored ones."""
    return [
        issue
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
        and issue.data is not None
        and issue.data.get(ATTR_ENTRY_ID) == entry_id
    ]
