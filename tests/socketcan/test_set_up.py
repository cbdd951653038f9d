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
class User:
    """A user who sets up a gateway; counts the clicks and fields."""

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

    async def pick(self, label: str, option: str) -> None:
        """Pick an option of a field."""
        await self.click(self.dialog.locator("ha-select", has_text=label).first)
        await self.look()
        await self.click(
            self.page.locator("ha-dropdown-item, ha-list-item", has_text=option).first
        )

    async def submit(self) -> None:
        """Submit the form."""
        await self.look()
        await self.click(self.dialog.get_by_role("button", name="Submit"))

    async def sees(self, text: str) -> None:
        """Wait for a text in the dialogue."""
        await expect(self.dialog.get_by_text(text).first).to_be_visible()

    async def look(self) -> None:
        """Take a picture of the step, if wanted."""
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
    """Simulate batteries and inverters on links, as in a house."""
    command = [sys.executable, "-m", "custom_components.bms_gateway.engine.simulator"]
    for link, capacity in zip(batteries, (280, 100), strict=True):
        command += ["--battery", f"{link.name}:{capacity}"]
    for link, kind in zip(inverters, ("100:victron", "60"), strict=True):
        command += ["--inverter", f"{link.name}:{kind}"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def test_gateway_is_set_up_with_forms_alone(
    home_assistant: HomeAssistant,
    can_link: LinkFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two batteries and two inverters are found, named, and get their limits."""
    # In the order of the list, so that the proposals are right
    links = sorted((can_link() for _ in range(4)), key=lambda link: link.name)
    with hardware(links[:2], links[2:]), recording(tmp_path / "candump") as record:
        async with visitor(home_assistant.address, user="a") as someone:
            page = someone.page
            await page.goto(home_assistant.address + "/config/integrations/dashboard")
            user = User(page)
            await add_integration(user)
            await set_up(user)
            await limits(record, links[2:])
        seconds = time.monotonic() - user.began
        with capsys.disabled():
            sys.stdout.write(
                f"\nFrom an empty Home Assistant to a running gateway: "
                f"{user.clicks} clicks, {user.typed} fields, {seconds:.0f} s\n"
            )
    # Others come from a slow machine without internet: icons, a lost connection
    ours = ("bms_gateway", "intl", "translation")
    complaints = [each for each in someone.errors if "/api/brands/" not in each]
    assert [each for each in complaints if any(of in each.lower() for of in ours)] == []


async def add_integration(user: User) -> None:
    """Find the integration in Home Assistant's list."""
    page = user.page
    await user.click(page.get_by_role("button", name="Add integration"))
    search = page.locator("dialog-add-integration input")
    await search.fill("BMS CAN")
    user.typed += 1
    await user.look()
    found = page.locator("ha-integration-list-item", has_text="BMS CAN Gateway")
    await user.click(found.first)


async def set_up(user: User) -> None:
    """Go through the forms."""
    await user.choose("Real batteries and inverters")
    await user.sees("Name of the battery bank")
    await user.submit()
    for number, capacity in enumerate(("280", "100"), 1):
        await user.sees(f"How is Battery {number} connected?")
        await user.submit()
        await user.look()
        await user.sees("Battery detected")
        await user.type("Capacity", capacity)
        await user.submit()
        await user.choose("Another battery" if number == 1 else "An inverter")
    for number, rating in enumerate(("100", "60"), 1):
        await user.sees(f"How is Inverter {number} connected?")
        await user.submit()
        # A GX shows what it is, others have to be chosen
        await user.sees("Inverter detected" if number == 2 else "Victron GX")
        if number == 2:
            await user.pick("Inverter", "Growatt SPF")
        await user.type("Rated charge current", rating)
        await user.type("Rated discharge current", rating)
        await user.submit()
        await user.choose("An inverter" if number == 1 else "Done")
    await user.look()


async def limits(record: Record, inverters: list[Link]) -> None:
    """Wait until each inverter gets limits above 0 A."""
    for link in inverters:
        await asyncio.to_thread(record.wait_for_limit, link.name, low=1.0)
