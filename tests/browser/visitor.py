"""The demo as a process, and a visitor who uses it with Chromium."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Final, Literal

from playwright.async_api import (
    ConsoleMessage,
    Locator,
    Page,
    Response,
    async_playwright,
    expect,
)
import pytest

ROOT: Final = Path(__file__).parents[2]
INTEGRATION: Final = "/config/integrations/integration/bms_gateway"
START_PAGE: Final = re.compile("/(battery-bank|home|lovelace)")
PATIENCE: Final = 180_000
"""Milliseconds for anything to appear: the machine may be busy."""
MARKS: Final = (
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("browser"),  # one after the other
)

expect.set_options(timeout=PATIENCE)

_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_ADDRESS: Final = re.compile(r"Open (http://\S+) in a browser")
_NAMES_US: Final = re.compile(r"(WARNING|ERROR|CRITICAL).*bms_gateway")
_EXPECTED: Final = re.compile("We found a custom integration")  # each one reported


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo while it runs."""

    address: str
    folder: Path

    def complaints(self) -> list[str]:
        """Return what Home Assistant's log reports against us."""
        log = (self.folder / "home-assistant.log").read_text(encoding="utf-8")
        return [
            line
            for line in log.splitlines()
            if _NAMES_US.search(line) and not _EXPECTED.search(line)
        ]


@contextmanager
def running_demo(folder: Path) -> Generator[Demo]:
    """Run `scripts/demo` on a free port, from its first start to Ctrl-C's signal."""
    process = subprocess.Popen(
        [ROOT / "scripts/demo", "--port", "0", "--folder", folder],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := _ADDRESS.search(line):
                yield Demo(found[1], folder)
                break
        else:
            raise RuntimeError(f"The demo ended with {process.wait()}")
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(PATIENCE / 1000)


def chromium() -> str:
    """Return the path of the browser."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        raise RuntimeError("Set CHROMIUM to the path of Chromium")
    return path


@dataclass  # without slots: Playwright keeps an attribute of its own in it
class Visitor:
    """A user with a browser; `errors` are the browser's complaints."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Collect errors of the page."""
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._take_down_message)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("response", self._take_down_response)

    async def log_in(self, user: str = "demo") -> None:
        """Open the address and log in; the password is the user's name."""
        await self.page.goto(self.address)
        await self.page.fill("input[name=username]", user)
        await self.page.fill("input[name=password]", user)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.wait_for_url(START_PAGE)

    async def open_integration(self) -> None:
        """Go to the integration's page."""
        await self.page.goto(self.address + INTEGRATION)
        await self.page.get_by_text("Battery bank").last.wait_for()

    async def open_device(self, name: str) -> None:
        """Go to a device's page, through the integration's."""
        await self.open_integration()
        row = self.page.locator("ha-config-entry-device-row", has_text=name).first
        await row.get_by_text(name).first.click()
        await self.page.wait_for_url(re.compile("/config/devices/device/"))
        await self.page.get_by_text("Device info").wait_for()

    async def open_details(self, name: str) -> Locator:
        """Show an entity's attributes over its device's page."""
        await self.row(name).click()
        dialog = self.page.locator("ha-more-info-dialog")
        await dialog.locator("ha-dropdown ha-icon-button").last.click()
        await self.page.get_by_text("Details", exact=True).last.click()
        return dialog.locator("ha-more-info-details")

    async def open_action(self, action: str, device: str) -> None:
        """Go to an action's form in the tools, and choose a device."""
        form = f"/config/tools/action?service=bms_gateway.{action}"
        await self.page.goto(self.address + form)
        await self.field("Device").locator("ha-device-picker").click()
        offered = self.page.locator("ha-combo-box-item")
        named = self.page.get_by_text(device, exact=True)
        await offered.filter(has=named).first.click()

    def field(self, name: str) -> Locator:
        """Return a field of an action's form."""
        named = self.page.get_by_text(name, exact=True)
        return self.page.locator("ha-service-control ha-settings-row").filter(has=named)

    async def give(self, name: str, value: str) -> None:
        """Type into a field of an action's form; of a duration, the seconds."""
        await self.field(name).locator("ha-checkbox").click()
        typed = self.field(name).locator("input:not([type=checkbox])").last
        await typed.fill(value)
        await typed.press("Tab")

    async def perform(self) -> None:
        """Send an action's form."""
        await self.page.get_by_role("button", name="Perform action").click()

    async def beside(self) -> Visitor:
        """Open a second tab."""
        page = await self.page.context.new_page()
        return Visitor(page, self.address, self.errors)

    def row(self, name: str) -> Locator:
        """Return the row of an entity on a device's page."""
        named = self.page.get_by_text(name, exact=True)
        return self.page.locator("hui-generic-entity-row").filter(has=named).first

    def dialog(self) -> Locator:
        """Return the open dialog."""
        return self.page.locator("dialog-data-entry-flow")

    async def fill(self, label: str, value: str) -> None:
        """Type into a field of the open dialog."""
        field = self.dialog().locator("ha-input", has_text=label).first
        await field.locator("input").fill(value)

    async def submit(self, answer: str) -> None:
        """Submit the open dialog, read the answer and close it."""
        dialog = self.dialog()
        await dialog.get_by_role("button", name="Submit").click()
        await dialog.get_by_text(answer).first.wait_for()
        await self.page.keyboard.press("Escape")

    def _take_down_message(self, message: ConsoleMessage) -> None:
        # A failed request is recorded with its address, below
        if message.type == "error" and "Failed to load" not in message.text:
            self.errors.append(message.text)

    def _take_down_response(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")


@asynccontextmanager
async def visitor(
    address: str, color_scheme: Literal["light", "dark"] = "light", user: str = "demo"
) -> AsyncGenerator[Visitor]:
    """Open a browser and log in."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=_FLAGS
        )
        context = await browser.new_context(
            viewport={"width": 1440, "height": 900}, color_scheme=color_scheme
        )
        someone = Visitor(await context.new_page(), address)
        await someone.log_in(user)
        yield someone
        await browser.close()
