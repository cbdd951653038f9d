"""The energy dashboard, set up as docs/energy.md describes."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from playwright.async_api import Locator

from .visitor import Visitor

SETTINGS: Final = "/config/energy/electricity"
DASHBOARD: Final = "/energy/electricity"

# kWh in each hour of a day: the sun charges, the night and the evening discharge
CHARGED: Final = (*[0.0] * 9, 0.3, 0.9, 1.6, 2.0, 1.8, 1.1, 0.5, *[0.0] * 8)
DISCHARGED: Final = (
    *(0.4, 0.3, 0.3, 0.3, 0.3, 0.4, 0.7, 0.8, 0.3),
    *[0.0] * 7,
    *(0.3, 0.7, 1.1, 1.3, 1.2, 0.9, 0.7, 0.5),
)

_IMPORT: Final = """
async ([statistic_id, totals]) => {
  const midnight = new Date();
  midnight.setHours(-24, 0, 0, 0);
  await document.querySelector("home-assistant").hass.callWS({
    type: "recorder/import_statistics",
    metadata: {
      statistic_id,
      source: "recorder",
      name: null,
      has_sum: true,
      mean_type: 0,
      unit_class: "energy",
      unit_of_measurement: "kWh",
    },
    stats: totals.map((sum, hour) => ({
      start: new Date(midnight.getTime() + hour * 3600000).toISOString(),
      state: sum,
      sum,
    })),
  });
}
"""


async def have_a_yesterday(visitor: Visitor) -> None:
    """Give the bank energies of yesterday: bars appear only after a full hour."""
    for name, kwh in (("charged", CHARGED), ("discharged", DISCHARGED)):
        totals: Sequence[float] = list(accumulate(kwh))
        statistic = f"sensor.battery_bank_energy_{name}"
        await visitor.page.evaluate(_IMPORT, [statistic, totals])


async def open_yesterday(visitor: Visitor) -> None:
    """Go to the dashboard, and one day back.

    In the first hour of a day it starts with the day before by itself.
    """
    await visitor.page.goto(visitor.address + DASHBOARD)
    previous = visitor.page.get_by_role("button", name="Previous")
    await previous.wait_for()
    if await visitor.page.evaluate("new Date().getHours()") > 0:
        await previous.click()


async def add_battery(visitor: Visitor, capacity: str) -> None:
    """Go through the dialogue for a battery, with the bank's sensors."""
    page = visitor.page
    await page.goto(visitor.address + SETTINGS)
    await page.get_by_role("button", name="Add battery system").click()
    dialog = page.locator("dialog-energy-battery-settings")
    await _pick(dialog, "Energy discharged from the battery", "Energy discharged")
    await _pick(dialog, "Energy charged into the battery", "Energy charged")
    await dialog.locator("ha-radio-option[value=inverted]").click()
    await _pick(dialog, "Battery power", "Power")
    await _pick(dialog, "Battery state of charge sensor", "State of charge")
    await dialog.locator("input[type=number]").fill(capacity)
    await dialog.get_by_role("button", name="Save").click()
    await dialog.get_by_role("button", name="Save").wait_for(state="hidden")


async def _pick(dialog: Locator, label: str, name: str) -> None:
    """Choose one of the bank's sensors."""
    picker = dialog.locator("ha-statistic-picker").filter(has_text=label).last
    await picker.click()
    await picker.locator("ha-picker-combo-box input").fill(name)
    offered = dialog.page.locator("ha-combo-box-item")
    for text in (name, "Battery bank"):
        offered = offered.filter(has=dialog.page.get_by_text(text, exact=True))
    await offered.first.click()
