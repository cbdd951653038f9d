"""Repairs in Home Assistant's registry, at times of the gateway's clock."""

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.issues.context import IssueContext
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .detectors.contexts import seen


def seen_at(at: float, now: IssueContext) -> IssueContext:
    """Return a context at another time of the gateway's clock."""
    return seen(now, at=at)


def is_ignored(hass: HomeAssistant, issue_id: str) -> bool | None:
    """Return whether a repair is ignored; None: there is none."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return None if issue is None else issue.dismissed_version is not None
