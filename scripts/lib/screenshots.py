"""Takes the pictures of README.md and the manual."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from typing import Final

from tests.browser.energy import add_battery, have_a_yesterday, open_yesterday
from tests.browser.visitor import Visitor, running_demo, visitor

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / ".github/images"
PAST: Final = 420  # seconds of history; the graph shows 360
SETTLED: Final = 5_000  # milliseconds until all is drawn


def main() -> None:
    """Run a demo, let it grow old, and look at it."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, running_demo(Path(folder)) as demo:
        time.sleep(PAST)
        asyncio.run(take_all(demo.address))


async def take_all(address: str) -> None:
    """Take each picture, the first one in both colour schemes."""
    async with visitor(address, color_scheme="dark") as someone:
        await allow_charging_with(someone, "80")
        await someone.page.goto(address)
        await take(someone, "dashboard-dark")
    async with visitor(address) as someone:
        await take(someone, "dashboard")
        await someone.open_integration()
        await take(someone, "integration")
        await have_a_yesterday(someone)
        await add_battery(someone, capacity="19.5")
        await open_yesterday(someone)
        await take(someone, "energy")
        await limit_charging_to(someone, "30")
        await someone.open_device("Battery bank")
        await someone.open_details("Charging limited by")
        await take(someone, "limits")


async def allow_charging_with(someone: Visitor, amps: str) -> None:
    """Set what a picture without it would not show."""
    await someone.open_device("Battery bank")
    setpoint = someone.row("Max charge current").locator("input")
    await setpoint.fill(amps)
    await setpoint.press("Enter")


async def limit_charging_to(someone: Visitor, amps: str) -> None:
    """Limit it for a time, in the form of the action."""
    await someone.open_action("limit_current", "Battery bank")
    await someone.give("Charge current", amps)
    await someone.give("Owner", "Cheap hours")
    await someone.perform()


async def take(someone: Visitor, name: str) -> None:
    """Take what is seen now."""
    await someone.page.wait_for_timeout(SETTLED)
    await someone.page.screenshot(path=FOLDER / f"{name}.png")


main()
