"""From an empty Home Assistant to a running gateway, in a browser, by forms alone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Final

from playwright.async_api import Locator, Page, expect
import pytest
from pytest_socket import enable_socket

from tests.browser.visitor import visitor

from .conftest import Link, LinkFactory
from .home_assistant import HomeAssistant, running
from .peers import Record, recording

pytestmark = [pytest.mark.browser, pytest.mark.socketcan, pytest.mark.timeout(900)]

ROOT: Final = Path(__file__).parents[2]
SHOTS: Final = os.environ.get("SCREENSHOTS")
"""A folder for a picture of each step, if wanted."""


@dataclass
class Newcomer:
    """Somebody who sets up a gateway; counts what there is to do."""

    page: Page
    clicks: int = 0
    typed: int = 0
    began: float = field(default_factory=time.monotonic)
    _shots: int = 0

    @property
    def dialog(self) -> Locator:
        """The dialogue that is open."""
        return self.page.locator("dialog-data-entry-flow")

    async def click(self, where: Locator) -> None:
        """Click once."""
        await where.click()
        self.clicks += 1

    async def choose(self, option: str) -> None:
        """Choose from a menu."""
        row = self.dialog.locator("ha-list-item, ha-md-list-item, ha-list-item-button")
        choice = row.filter(has_text=option).first
        await expect(choice).to_be_visible()
        await self.look()
        await self.click(choice)

    async def type(self, label: str, text: str) -> None:
        """Fill a field."""
        typed = self.dialog.locator("ha-input", has_text=label).first
        await typed.locator("input").fill(text)
        self.typed += 1

    async def submit(self) -> None:
        """Submit the form."""
        await self.look()
        await self.click(self.dialog.get_by_role("button", name="Submit"))

    async def sees(self, text: str) -> None:
        """Wait for a text in the dialogue."""
        await expect(self.dialog.get_by_text(text).first).to_be_visible()

    async def look(self) -> None:
        """Take a picture for whoever wants to see each step."""
        if SHOTS:
            self._shots += 1
            path = Path(SHOTS) / f"{self._shots:02}.png"
            await self.page.screenshot(path=path)


@pytest.fixture
def home_assistant(tmp_path: Path) -> Iterator[HomeAssistant]:
    """Start an empty Home Assistant."""
    enable_socket()
    with running(tmp_path / "home-assistant", frontend=True) as home_assistant:
        yield home_assistant


@contextmanager
def hardware(batteries: list[Link], inverters: list[Link]) -> Iterator[None]:
    """Play batteries and inverters on links, as in a house."""
    command = [sys.executable, "-m", "custom_components.bms_gateway.engine.simulator"]
    for link, capacity in zip(batteries, (280, 100), strict=True):
        command += ["--battery", f"{link.name}:{capacity}"]
    for link, rating in zip(inverters, (100, 60), strict=True):
        command += ["--inverter", f"{link.name}:{rating}"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def test_set_up_in_a_minute(
    home_assistant: HomeAssistant,
    can_link: LinkFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two batteries and two inverters: found, heard, named, told their limits."""
    # In the order of the list, so that what is proposed is right
    links = sorted((can_link() for _ in range(4)), key=lambda link: link.name)
    with hardware(links[:2], links[2:]), recording(tmp_path / "candump") as record:
        async with visitor(home_assistant.address, user="a") as someone:
            page = someone.page
            await page.goto(home_assistant.address + "/config/integrations/dashboard")
            newcomer = Newcomer(page)
            await add_integration(newcomer)
            await set_up(newcomer)
            await told(record, links[2:])
        seconds = time.monotonic() - newcomer.began
        with capsys.disabled():
            sys.stdout.write(
                f"\nFrom an empty Home Assistant to a running gateway: "
                f"{newcomer.clicks} clicks, {newcomer.typed} fields, {seconds:.0f} s\n"
            )
    # Others are of a slow machine without internet: icons, a connection that was lost
    ours = ("bms_gateway", "intl", "translation")
    complaints = [each for each in someone.errors if "/api/brands/" not in each]
    assert [each for each in complaints if any(of in each.lower() for of in ours)] == []


async def add_integration(newcomer: Newcomer) -> None:
    """Find the integration in Home Assistant's list."""
    page = newcomer.page
    await newcomer.click(page.get_by_role("button", name="Add integration"))
    search = page.locator("dialog-add-integration input")
    await search.fill("BMS CAN")
    newcomer.typed += 1
    await newcomer.look()
    found = page.locator("ha-integration-list-item", has_text="BMS CAN Gateway")
    await newcomer.click(found.first)


async def set_up(newcomer: Newcomer) -> None:
    """Go through the forms."""
    await newcomer.choose("Real batteries and inverters")
    await newcomer.sees("Name of the battery bank")
    await newcomer.submit()
    for number, capacity in enumerate(("280", "100"), 1):
        await newcomer.sees(f"How is Battery {number} connected?")
        await newcomer.submit()
        await newcomer.look()
        await newcomer.sees("Battery detected")
        await newcomer.type("Capacity", capacity)
        await newcomer.submit()
        await newcomer.choose("Another battery" if number == 1 else "An inverter")
    for number, rating in enumerate(("100", "60"), 1):
        await newcomer.sees(f"How is Inverter {number} connected?")
        await newcomer.submit()
        await newcomer.sees("Inverter detected")
        await newcomer.type("Rated charge current", rating)
        await newcomer.type("Rated discharge current", rating)
        await newcomer.submit()
        await newcomer.choose("An inverter" if number == 1 else "Done")
    await newcomer.look()


async def told(record: Record, inverters: list[Link]) -> None:
    """Wait until each inverter is told more than nothing."""
    for link in inverters:
        await asyncio.to_thread(record.wait_for_limit, link.name, low=1.0)
