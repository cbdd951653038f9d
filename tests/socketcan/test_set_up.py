"""From an empty Home Assistant to a running gateway, in a browser, by forms alone."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
import json
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Final

from playwright.async_api import Locator, Page, expect
import pytest
from pytest_socket import enable_socket

from custom_components.bms_gateway.engine.model.nominal_voltage import (
    NOMINAL_VOLTAGES,
    STANDARD,
)
from custom_components.bms_gateway.engine.presets import PRESETS, Make
from tests.browser.visitor import visitor

from .conftest import Link, LinkFactory
from .home_assistant import HomeAssistant, running
from .peers import Record, recording

pytestmark = [pytest.mark.browser, pytest.mark.socketcan, pytest.mark.timeout(900)]

ROOT: Final = Path(__file__).parents[2]
TEXTS: Final = ROOT / "custom_components/bms_gateway/translations/en.json"
LABELS: Final[dict[Make, str]] = json.loads(TEXTS.read_text("utf-8"))["selector"][
    "make"
]["options"]
"""The inverters as the form names them."""
RECOGNISED: Final = (Make.VICTRON, Make.SMA, Make.DEYE)
"""They show what they are; others have to be chosen. A Deye's clones are taken for it."""
SILENT: Final = (Make.VOLTRONIC,)
"""They send nothing themselves: the user continues although nothing was received."""
SHOTS: Final = os.environ.get("SCREENSHOTS")
"""A folder for a picture of each step, if wanted."""
SMALLEST: Final = 1.0
"""A; more than any stand-in for zero."""
MAKES: Final = [
    make for make in Make if make in os.environ.get("MAKES", Make.STUDER).split(",")
]
"""The inverters of the 24 V bank, such as sma,victron; all of them take minutes."""


@dataclass(frozen=True)
class House:
    """What a house has, and how far the user gets in its forms."""

    nominal: int
    """V"""
    capacities: tuple[int, ...]
    """Ah; of each battery."""
    makes: tuple[Make, ...]
    """Of each inverter."""

    def rating(self, number: int) -> int:
        """Return the rated current in A of an inverter, counted from 1."""
        return 100 if number == 1 else 60


HOUSES: Final = (
    House(48, (280, 100), (Make.VICTRON, Make.GROWATT_SPF)),
    House(24, (200,), tuple(MAKES)),
)


@dataclass
class User:
    """A user who sets up a gateway; counts the clicks and fields."""

    page: Page
    house: str
    """The beginning of the names of the pictures."""
    clicks: int = 0
    typed: int = 0
    began: float = field(default_factory=time.monotonic)
    _shots: int = 0

    @property
    def effort(self) -> str:
        """What it took until now."""
        seconds = time.monotonic() - self.began
        return f"{self.clicks} clicks, {self.typed} fields, {seconds:.0f} s"

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

    async def pick(self, label: str, value: str, text: str) -> None:
        """Pick an option of a list, unless it is picked; nothing else is but RECOGNISED."""
        field = self.dialog.locator("ha-select", has_text=label).first
        await expect(field).to_be_visible()
        picked = await field.evaluate("field => field.value")
        assert not picked or picked in RECOGNISED
        if picked == value:
            return
        # At its top: the text below it is a part of it, too
        await field.click(position={"x": 40, "y": 20})
        self.clicks += 1
        await self.look()
        await self.click(
            self.page.locator("ha-dropdown-item, ha-list-item", has_text=text).first
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
            path = Path(SHOTS) / f"{self.house}-{self._shots:02}.png"
            await self.page.screenshot(path=path)


@pytest.fixture
def home_assistant(tmp_path: Path) -> Iterator[HomeAssistant]:
    """Start an empty Home Assistant."""
    enable_socket()
    with running(tmp_path / "home-assistant", frontend=True) as home_assistant:
        yield home_assistant


@contextmanager
def hardware(
    house: House, batteries: Sequence[Link], inverters: Sequence[Link]
) -> Iterator[None]:
    """Simulate batteries and inverters on links, as in a house."""
    command = [sys.executable, "-m", "custom_components.bms_gateway.engine.simulator"]
    command += ["--nominal-voltage", f"{house.nominal}"]
    for link, capacity in zip(batteries, house.capacities, strict=True):
        command += ["--battery", f"{link.name}:{capacity}"]
    for number, (link, make) in enumerate(zip(inverters, house.makes, strict=True), 1):
        command += ["--inverter", f"{link.name}:{house.rating(number)}:{make}"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


async def test_gateways_are_set_up_with_forms_alone(
    home_assistant: HomeAssistant,
    can_link: LinkFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Batteries and inverters are found, named, and get their limits."""
    async with visitor(home_assistant.address, user="a") as someone:
        for house in HOUSES:
            name = f"{house.nominal} V"
            user = User(someone.page, name)
            log = tmp_path / name
            await set_up_gateway(user, home_assistant.address, house, can_link, log)
            with capsys.disabled():
                sys.stdout.write(f"\n{name}: {user.effort}\n")
    # Others come from a slow machine without internet: icons, a lost connection
    ours = ("bms_gateway", "intl", "translation")
    complaints = [each for each in someone.errors if "/api/brands/" not in each]
    assert [each for each in complaints if any(of in each.lower() for of in ours)] == []


async def set_up_gateway(
    user: User, address: str, house: House, can_link: LinkFactory, log: Path
) -> None:
    """Set up the gateway of a house whose hardware is there."""
    # In the order of the list, so that the proposals are right
    count = len(house.capacities) + len(house.makes)
    links = iter(sorted((can_link() for _ in range(count)), key=lambda link: link.name))
    batteries = list(islice(links, len(house.capacities)))
    inverters = list(links)
    with hardware(house, batteries, inverters), recording(log) as record:
        await user.page.goto(address + "/config/integrations/dashboard")
        await add_integration(user)
        await fill_forms(user, house)
        await limits(record, house, inverters)


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


async def fill_forms(user: User, house: House) -> None:
    """Go through the forms."""
    await user.choose("Real batteries and inverters")
    await user.sees("Name of the battery bank")
    await user.submit()
    others = len(house.capacities) - 1
    following = chain(["Another battery"] * others, ["An inverter"])
    for number, capacity in enumerate(house.capacities, 1):
        await user.sees(f"How is Battery {number} connected?")
        await user.submit()
        await user.look()
        await user.sees("Battery detected")
        if house.nominal != STANDARD:
            await user.sees(f"{house.nominal} V battery")
        await user.type("Capacity", f"{capacity}")
        await user.submit()
        await user.choose(next(following))
    for number, make in enumerate(house.makes, 1):
        await user.sees(f"How is Inverter {number} connected?")
        await user.submit()
        if make in SILENT:
            await user.choose("Continue anyway")
        else:
            await user.sees(LABELS[make] if make in RECOGNISED else "Inverter detected")
        await user.pick("Inverter", make, LABELS[make])
        await user.type("Rated charge current", f"{house.rating(number)}")
        await user.type("Rated discharge current", f"{house.rating(number)}")
        await user.submit()
        await user.choose("Done" if number == len(house.makes) else "An inverter")
    await user.look()


async def limits(record: Record, house: House, inverters: Sequence[Link]) -> None:
    """Wait until each inverter gets limits above 0 A, and a voltage for its bank."""
    window = NOMINAL_VOLTAGES[house.nominal].charge_voltage_limit
    for make, link in zip(house.makes, inverters, strict=True):
        preset = PRESETS[make]
        if house.nominal == STANDARD or preset.charge_voltage_min < window.low:
            seen = await asyncio.to_thread(
                record.wait_for_limit, link.name, low=SMALLEST
            )
            assert window.holds(seen.charge_voltage)
