"""The energy dashboard takes the bank for its battery."""

from pathlib import Path
import re

from playwright.async_api import expect

from .energy import SETTINGS, add_battery, have_a_yesterday, open_yesterday
from .visitor import MARKS, Visitor

pytestmark = list(MARKS)


async def test_energy_dashboard_accepts_the_bank_as_battery(
    visitor: Visitor, tmp_path: Path
) -> None:
    """Its dialog offers our sensors, reports no problem and shows them at once."""
    page = visitor.page
    await have_a_yesterday(visitor)
    await add_battery(visitor, "19.5")
    await page.goto(visitor.address + SETTINGS)
    battery = page.locator("ha-energy-battery-settings")
    await expect(battery).to_contain_text("Battery bank Energy discharged")
    await expect(battery.locator("ha-alert")).to_have_count(0)
    await battery.scroll_into_view_if_needed()
    await page.screenshot(path=tmp_path / "settings.png")
    await open_yesterday(visitor)
    totals = page.locator("hui-energy-sources-table-card")
    await expect(totals).to_contain_text("8.2 kWh")
    await expect(totals).to_contain_text("10.5 kWh")
    await page.screenshot(path=tmp_path / "yesterday.png")
    await page.goto(visitor.address + "/energy/now")
    await expect(page.locator("hui-view")).to_contain_text(re.compile(r"\d+%"))
    await page.screenshot(path=tmp_path / "now.png")
