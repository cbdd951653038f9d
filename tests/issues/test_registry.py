"""Repairs come and go by themselves."""

from dataclasses import replace

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import BatteryStatus
from custom_components.bms_gateway.engine.setpoints import AllSetpoints
from custom_components.bms_gateway.issues.detectors.absent import STEADY_FOR
from custom_components.bms_gateway.issues.registry import Issues, async_remove_issues
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .detectors.contexts import CONFIG, WELL, with_status
from .repairs import is_ignored, seen_at


async def test_repair_names_the_gateway_too_if_there_are_several(
    hass: HomeAssistant,
) -> None:
    """Each may have a battery of that name; what is of the gateway itself does not."""
    for entry_id in ("e1", "e2"):
        MockConfigEntry(domain=DOMAIN, entry_id=entry_id).add_to_hass(hass)
    Issues(hass, "e1").async_update(
        replace(with_status(BatteryStatus.LOST), confirmed=False)
    )
    names = {
        issue_id: (issue.translation_placeholders or {})["name"]
        for (_, issue_id), issue in ir.async_get(hass).issues.items()
    }
    assert names == {"battery_b1": "Garage (Bank)", "setpoints_unreadable_e1": "Bank"}


async def test_repairs_are_raised_and_cleared(hass: HomeAssistant) -> None:
    """Each goes with its reason, all go when the gateway stops."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")

    def raised() -> set[str]:
        return {issue_id for domain, issue_id in registry.issues if domain == DOMAIN}

    issues.async_update(replace(with_status(BatteryStatus.LOST), confirmed=False))
    assert raised() == {"battery_b1", "setpoints_unreadable_e1"}
    unreadable = registry.async_get_issue(DOMAIN, "setpoints_unreadable_e1")
    assert unreadable is not None and unreadable.is_fixable
    assert unreadable.data == {
        "key": "setpoints_unreadable",
        "entry_id": "e1",
        "device_id": None,
    }

    issues.async_update(replace(WELL, confirmed=False))
    later = seen_at(WELL.snapshot.at + STEADY_FOR, WELL)
    issues.async_update(replace(later, confirmed=False))
    assert raised() == {"setpoints_unreadable_e1"}
    issues.async_update(with_status(BatteryStatus.LOST))
    assert raised() == {"battery_b1"}
    issues.async_end()
    assert raised() == set()
    issues.async_update(with_status(BatteryStatus.LOST))
    assert raised() == set()


async def test_issue_of_a_new_battery_is_cleared_at_once(
    hass: HomeAssistant,
) -> None:
    """A battery that has sent for the first time is there to stay."""
    issues = Issues(hass, "e1")
    issues.async_update(with_status(BatteryStatus.WAITING))
    assert ir.async_get(hass).async_get_issue(DOMAIN, "battery_b1")
    issues.async_update(WELL)
    assert not ir.async_get(hass).async_get_issue(DOMAIN, "battery_b1")


async def test_repair_that_its_dialog_did_not_fix_comes_back(
    hass: HomeAssistant,
) -> None:
    """Home Assistant deletes it with the dialog: it is raised again."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")
    issues.async_update(with_status(BatteryStatus.LOST))
    ir.async_delete_issue(hass, DOMAIN, "battery_b1")
    issues.async_update(with_status(BatteryStatus.LOST))
    assert registry.async_get_issue(DOMAIN, "battery_b1") is not None


async def test_answered_repair_goes_with_its_reason(
    hass: HomeAssistant,
) -> None:
    """Home Assistant deletes it, before or after the problem is gone."""
    issues = Issues(hass, "e1")
    issues.async_update(seen_at(0, with_status(BatteryStatus.LOST)))
    ir.async_delete_issue(hass, DOMAIN, "battery_b1")
    issues.async_update(seen_at(1, with_status(BatteryStatus.LOST)))
    assert is_ignored(hass, "battery_b1") is False
    issues.async_update(seen_at(2, WELL))
    assert is_ignored(hass, "battery_b1") is None
    # That was not flapping
    issues.async_update(seen_at(3, with_status(BatteryStatus.LOST)))
    issues.async_update(seen_at(4, WELL))
    ir.async_delete_issue(hass, DOMAIN, "battery_b1")
    issues.async_update(seen_at(5, WELL))
    assert is_ignored(hass, "battery_b1") is None
    issues.async_update(seen_at(6, with_status(BatteryStatus.LOST)))
    assert is_ignored(hass, "battery_b1") is False


async def test_repair_of_a_removed_device_goes_at_once(
    hass: HomeAssistant,
) -> None:
    """Removed, or taken out of service; ignored or not."""
    issues = Issues(hass, "e1")
    for at, ignored in (0, False), (10, True):
        for gone in (
            replace(WELL, config=replace(CONFIG, batteries=CONFIG.batteries[1:])),
            replace(WELL, setpoints=AllSetpoints(out_of_service=frozenset({"b1"}))),
        ):
            issues.async_update(seen_at(at, with_status(BatteryStatus.LOST)))
            ir.async_ignore_issue(hass, DOMAIN, "battery_b1", ignored)
            issues.async_update(seen_at(at + 1, gone))
            assert is_ignored(hass, "battery_b1") is None


async def test_removed_gateway_leaves_no_repair(hass: HomeAssistant) -> None:
    """Ignored or not; those of another stay."""
    for entry_id in "e1", "e2":
        unreadable = replace(WELL, entry_id=entry_id, confirmed=False)
        Issues(hass, entry_id).async_update(unreadable)
        ir.async_ignore_issue(hass, DOMAIN, f"setpoints_unreadable_{entry_id}", True)
    async_remove_issues(hass, "e1")
    assert is_ignored(hass, "setpoints_unreadable_e1") is None
    assert is_ignored(hass, "setpoints_unreadable_e2") is True
