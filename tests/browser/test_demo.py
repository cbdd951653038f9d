"""A new user's steps in the demo."""

from pathlib import Path
import re

from playwright.async_api import FilePayload, Locator, expect

from ..flows.import_daemon.files import FILE, line_of
from .visitor import MARKS, Visitor, running_demo, visitor as visitor_at

pytestmark = list(MARKS)

CURRENT = re.compile(r"-?\d+\.\d A")


async def changes(shown: Locator) -> None:
    """Wait until a current is shown and then changes."""
    await expect(shown).to_contain_text(CURRENT)
    before = await shown.get_by_text(CURRENT).first.inner_text()
    assert CURRENT.search(before)
    await expect(shown).not_to_contain_text(before)


async def test_start_page_shows_live_values(visitor: Visitor) -> None:
    """The dashboard is the first page, and its values change."""
    page = visitor.page
    tiles = page.locator("hui-tile-card")
    await changes(tiles.filter(has_text="Current").first)
    for text in ("Charge with at most", "Limits sent to inverter 2", "Battery 2"):
        await expect(page.get_by_text(text, exact=True).first).to_be_visible()
    await expect(page.locator("hui-error-card")).to_have_count(0)
    await expect(page.get_by_text("Entity not found")).to_have_count(0)


async def test_values_of_a_battery_change(visitor: Visitor) -> None:
    """Values on a device's page follow the battery."""
    await visitor.open_device("Battery 1")
    await changes(visitor.row("Current"))
    await expect(visitor.row("State of charge")).to_contain_text("%")


async def test_options_apply_while_it_runs(visitor: Visitor) -> None:
    """The total limit becomes the setpoint's maximum, without a restart."""
    await visitor.open_integration()
    await visitor.page.get_by_role("button", name="Configure").first.click()
    await visitor.fill("Total limit for discharging", "90")
    await visitor.submit("Options successfully saved")
    await visitor.open_device("Battery bank")
    limit = visitor.row("Discharge current limit")
    await expect(limit).to_contain_text("90.0 A")
    setpoint = visitor.row("Max discharge current").locator("input")
    await expect(setpoint).to_have_value("90")


async def test_daemon_file_is_checked_before_import(
    visitor: Visitor, tmp_path: Path
) -> None:
    """Errors are shown with their lines, then the result with what changes."""
    page, dialog = visitor.page, visitor.dialog()
    await visitor.open_integration()
    await page.get_by_role("button", name="Add hub").click()
    await dialog.get_by_text("Import from the bms_gateway daemon").click()
    bad = FILE.replace("= 190.0", '= "190"')
    line = f"Line {line_of(bad, '190')}: I-LIM-CHARGE must be a number"
    for text, answer in ((bad, line), (FILE, "Rack left: CAN link can_in_1, 1400 Ah")):
        file = FilePayload(
            name="bms_config.toml", mimeType="text/plain", buffer=text.encode()
        )
        await dialog.locator("input[type=file]").set_input_files(file)
        await dialog.get_by_text("bms_config.toml", exact=True).wait_for()
        await dialog.get_by_role("button", name="Submit").click()
        await expect(dialog.locator("li", has_text=answer)).to_be_visible()
        await page.screenshot(path=tmp_path / f"{answer.partition(':')[0]}.png")
    changed = dialog.get_by_text("together up to 310 A for charging")
    await expect(changed).to_contain_text("up to 250 A and 300 A")


async def test_missing_link_is_explained(visitor: Visitor) -> None:
    """Although it is known at once, before the browser asks for progress."""
    page, dialog = visitor.page, visitor.dialog()
    await visitor.open_integration()
    await page.get_by_role("button", name="Add hub").click()
    await dialog.get_by_text("Real batteries and inverters").click()
    await dialog.locator("ha-input").first.wait_for()
    await dialog.get_by_role("button", name="Submit").click()
    await dialog.get_by_text("Enter manually").first.click()
    await dialog.get_by_role("button", name="Submit").click()
    await dialog.get_by_text("Name or address").first.wait_for()
    await visitor.fill("Name or address", "can7")
    await dialog.get_by_role("button", name="Submit").click()
    text = re.compile("can7 does not exist|does not support this kind of CAN")
    await expect(dialog.get_by_text(text)).to_be_visible()


async def test_invalid_input_is_explained(visitor: Visitor) -> None:
    """The form stays open and shows what it needs."""
    await visitor.open_integration()
    await visitor.page.get_by_role("button", name="Add battery").click()
    await visitor.fill("Capacity", "0")
    await visitor.dialog().get_by_role("button", name="Submit").click()
    explained = visitor.dialog().get_by_text("must be between 0.1 and 100000 Ah")
    await expect(explained).to_be_visible()


async def test_added_battery_counts_within_seconds(visitor: Visitor) -> None:
    """It is added in the browser."""
    await visitor.open_integration()
    await visitor.page.get_by_role("button", name="Add battery").click()
    await visitor.fill("Name", "Garage")
    await visitor.fill("Capacity", "200")
    await visitor.submit("Garage")
    await visitor.open_device("Garage")
    await expect(visitor.row("State of charge")).to_contain_text("%")
    await changes(visitor.row("Current"))


async def test_renamed_battery_keeps_running(visitor: Visitor) -> None:
    """Its new name is shown, and it is still read."""
    await visitor.open_integration()
    await visitor.page.get_by_role("button", name="Edit battery").nth(1).click()
    await visitor.fill("Name", "Cellar")
    await visitor.submit("successful")
    await visitor.open_device("Cellar")
    await changes(visitor.row("Current"))


async def test_second_start_keeps_settings(tmp_path: Path) -> None:
    """The setup and the choices remain; nothing is asked again."""
    with running_demo(tmp_path) as demo:
        async with visitor_at(demo.address) as first:
            await first.open_device("Battery bank")
            setpoint = first.row("Max charge current").locator("input")
            await setpoint.fill("30")
            await setpoint.press("Enter")
            await expect(first.row("Charging limited by")).to_contain_text("Setpoint")
    with running_demo(tmp_path) as demo:
        async with visitor_at(demo.address) as second:
            await second.open_device("Battery bank")
            setpoint = second.row("Max charge current").locator("input")
            await expect(setpoint).to_have_value("30")
            limit = second.row("Charge current limit")
            await expect(limit).to_contain_text("30.0 A")
    assert demo.complaints() == []
