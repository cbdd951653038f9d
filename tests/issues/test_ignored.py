"""Repairs that the user ignores: they stay ignored while their reason lasts."""

from dataclasses import replace

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.issues.registry import ALL_KNOWN, Issues
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .detectors.contexts import WELL, with_b1
from .repairs import is_ignored, seen_at


async def test_ignored_repair_stays_ignored(hass: HomeAssistant) -> None:
    """While its reason persists, also when its texts change."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")
    issues.async_update(with_b1(odd_share=True, current_share=0.6))
    registry.async_ignore(DOMAIN, "odd_current_share_b1", True)
    issues.async_update(with_b1(odd_share=True, current_share=0.7))
    issue = registry.async_get_issue(DOMAIN, "odd_current_share_b1")
    assert issue is not None
    assert issue.dismissed_version is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["current_share"] == "70%"


async def test_ignored_repair_outlives_a_reload(hass: HomeAssistant) -> None:
    """It is found again sooner or later, and then still ignored."""
    issues = Issues(hass, "e1")
    issues.async_update(
        replace(with_b1(odd_share=True, current_share=0.6), confirmed=False)
    )
    ir.async_ignore_issue(hass, DOMAIN, "odd_current_share_b1", True)
    issues.async_end()
    assert is_ignored(hass, "odd_current_share_b1") is True
    assert is_ignored(hass, "setpoints_unreadable_e1") is None

    again = Issues(hass, "e1")
    again.async_update(seen_at(0.0, WELL))
    again.async_update(seen_at(1000.0, with_b1(odd_share=True, current_share=0.6)))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(ALL_KNOWN, with_b1(odd_share=True, current_share=0.6)))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(ALL_KNOWN, WELL))
    again.async_update(seen_at(2 * ALL_KNOWN - 1, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(2 * ALL_KNOWN, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is None


async def test_ignored_repair_without_a_reason_goes_in_time(
    hass: HomeAssistant,
) -> None:
    """It must be seen when it comes back for a new reason."""
    issues = Issues(hass, "e1")
    issues.async_update(with_b1(odd_share=True, current_share=0.6))
    ir.async_ignore_issue(hass, DOMAIN, "odd_current_share_b1", True)
    issues.async_end()
    again = Issues(hass, "e1")
    again.async_update(seen_at(500.0, WELL))
    again.async_update(seen_at(499.0 + ALL_KNOWN, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(500.0 + ALL_KNOWN, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is None
