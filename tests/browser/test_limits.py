"""How a user limits the bank, and sees the reason of a limit."""

from pathlib import Path
import re

from playwright.async_api import Locator, expect

from .visitor import MARKS, Visitor

pytestmark = list(MARKS)


async def shows(row: Locator, value: str) -> None:
    """Wait until a row shows a value, not only as the end of another one."""
    await expect(row).to_contain_text(_whole(value))


def _whole(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\d){re.escape(value)}")


async def shows_attributes(details: Locator, **attributes: str) -> None:
    """Wait until attributes are shown with these values."""
    for name, value in attributes.items():
        # In the page's source the value comes first
        shown = re.compile(_whole(value).pattern + rf"\s+{name}\b")
        await expect(details).to_contain_text(shown)


async def test_setpoint_reaches_the_inverters(visitor: Visitor, tmp_path: Path) -> None:
    """A number set on the gateway's page is shared among the inverters."""
    await visitor.open_device("Battery bank")
    setpoint = visitor.row("Max charge current").locator("input")
    await setpoint.fill("40")
    await setpoint.press("Enter")
    await expect(visitor.row("Charging limited by")).to_contain_text("Setpoint")
    details = await visitor.open_details("Charging limited by")
    await shows_attributes(details, State="Setpoint or switch", Value="40", Unit="A")
    await visitor.page.screenshot(path=tmp_path / "setpoint.png")
    for inverter, text in (("Inverter 1", "25.0 A"), ("Inverter 2", "15.0 A")):
        await visitor.open_device(inverter)
        await shows(visitor.row("Charge current limit"), text)
        await expect(visitor.row("Charging limited by")).to_contain_text("Setpoint")


async def test_temporary_limit_ends_by_itself(visitor: Visitor, tmp_path: Path) -> None:
    """Set in one tab, watched in another until it is over."""
    watcher = await visitor.beside()
    await watcher.open_device("Battery bank")
    reason = watcher.row("Charging limited by")
    limit = watcher.row("Charge current limit")
    # Open everything first: it has to be seen while it lasts
    details = await watcher.open_details("Charging limited by")
    await visitor.open_action("limit_current", "Battery bank")
    await visitor.give("Charge current", "20")
    await visitor.give("Duration", "45")
    await visitor.perform()
    await expect(reason).to_contain_text("Temporary limit")
    await shows(limit, "20.0 A")
    await shows_attributes(details, State="Temporary limit", Value="20", Source="Demo")
    for text in ("owner: Demo", "current: 20", "ends_at:"):
        await expect(details).to_contain_text(text)
    await watcher.page.screenshot(path=tmp_path / "temporary-limit.png")
    await expect(details).not_to_contain_text("owner: Demo")
    await expect(reason).not_to_contain_text("Temporary limit")
    await expect(limit).not_to_contain_text(_whole("20.0 A"))
    await watcher.page.screenshot(path=tmp_path / "temporary-limit-ended.png")


async def test_switch_stops_charging(visitor: Visitor, tmp_path: Path) -> None:
    """The inverters are sent 0 A with the reason, until it is on again."""
    await visitor.open_device("Battery bank")
    switch = visitor.row("Charging allowed").locator("ha-switch")
    limit = visitor.row("Charge current limit")
    await switch.click()
    await shows(limit, "0.0 A")
    await expect(visitor.row("Charging limited by")).to_contain_text("Setpoint")
    await expect(visitor.row("Charging enabled")).to_contain_text("No")
    await visitor.page.mouse.wheel(0, -5000)
    await visitor.page.screenshot(path=tmp_path / "switched-off.png")
    watcher = await visitor.beside()
    for inverter in ("Inverter 1", "Inverter 2"):
        await watcher.open_device(inverter)
        await shows(watcher.row("Charge current limit"), "0.0 A")
    await switch.click()
    await expect(visitor.row("Charging enabled")).to_contain_text("Yes")


async def test_invalid_action_call_is_explained(
    visitor: Visitor, tmp_path: Path
) -> None:
    """In words, next to the form, and nothing changes."""
    await visitor.open_action("limit_current", "Inverter 2")
    await visitor.give("Charge current", "20")
    await visitor.give("Charge power", "1000")
    await visitor.perform()
    text = visitor.page.locator("ha-alert")
    await expect(text).to_contain_text(
        "Specify either a current or a power for each direction, not both."
    )
    await visitor.page.screenshot(path=tmp_path / "refused.png")
    await visitor.open_device("Inverter 2")
    details = await visitor.open_details("Charging limited by")
    await expect(details).to_contain_text("Temporary limits")
    await expect(details).not_to_contain_text("owner:")
