"""A problem that comes and goes is one repair, until it stays away."""

from dataclasses import dataclass, replace

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.model import (
    BatteryStatus,
    PortState,
    PortStatus,
    Status,
)
from custom_components.bms_gateway.event_detector import EventDetector
from custom_components.bms_gateway.issues.context import IssueContext
from custom_components.bms_gateway.issues.registry import (
    ALL_KNOWN,
    STEADY_AGAIN,
    Issues,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .detectors.contexts import WELL, with_port, with_status
from .repairs import is_ignored, seen_at


@dataclass
class Flapper:
    """A battery that comes and goes, and its repair."""

    hass: HomeAssistant
    at: float = 0.0

    def __post_init__(self) -> None:
        """Start without repairs."""
        self.watch, self.issues = EventDetector(), Issues(self.hass, "e1")
        self.created: list[str] = []
        self.hass.bus.async_listen(
            ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, self._on_update
        )

    @callback
    def _on_update(self, event: Event[ir.EventIssueRegistryUpdatedData]) -> None:
        if event.data["action"] == "create":
            self.created.append(event.data["issue_id"])

    async def live(self, battery_status: BatteryStatus, seconds: float) -> None:
        """Hold the battery in this state for a while, with a snapshot each second."""
        for _ in range(round(seconds)):
            self.at += 1
            now = seen_at(self.at, with_status(battery_status, Status.RUNNING))
            self.watch.update(now.snapshot, self.at)
            self.issues.async_update(
                replace(
                    now,
                    unsteady=self.watch.unsteady,
                    lost_since=self.watch.lost_since,
                )
            )
        await self.hass.async_block_till_done()

    def shown(self) -> str | None:
        """The key of the texts of its repair, if there is any."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, "battery_b1")
        return issue.translation_key if issue else None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "back"), [(30, 30), (5, 25), (1, 59), (59, 1), (90, 90), (10, 590)]
)
async def test_flapping_battery_is_one_repair(
    hass: HomeAssistant, lost: float, back: float
) -> None:
    """For an hour; no new one each time."""
    battery = Flapper(hass)
    for _ in range(round(3600 / (lost + back))):
        await battery.live(BatteryStatus.LOST, lost)
        assert battery.shown() is not None
        await battery.live(BatteryStatus.ONLINE, back)
    assert battery.created.count("battery_b1") <= (1 if back <= 60 else 2)
    assert set(battery.created) == {"battery_b1"}
    assert battery.shown() == "battery_losses"
    # It is stable: an hour later all but three of its losses are forgotten
    await battery.live(BatteryStatus.ONLINE, 3600 + STEADY_AGAIN)
    assert battery.shown() is None


async def test_flapping_battery_is_reported_as_lost_once_it_stays_away(
    hass: HomeAssistant,
) -> None:
    """In the same repair, which its return changes back."""
    battery = Flapper(hass)
    for _ in range(5):
        await battery.live(BatteryStatus.LOST, 20)
        await battery.live(BatteryStatus.ONLINE, 20)
    assert battery.shown() == "battery_losses"
    await battery.live(BatteryStatus.LOST, 60)
    assert battery.shown() == "battery_losses"
    await battery.live(BatteryStatus.LOST, 2)
    assert battery.shown() == "battery_lost"
    await battery.live(BatteryStatus.ONLINE, 1)
    assert battery.shown() == "battery_losses"
    assert battery.created == ["battery_b1"]


async def test_repair_is_cleared_once_its_reason_stays_away(
    hass: HomeAssistant,
) -> None:
    """For a minute; for ten if it comes back within the hour."""
    battery = Flapper(hass)
    for rest, steady_for in (120, 60), (3000, 600), (3601, 600), (0, 60):
        await battery.live(BatteryStatus.LOST, 30)
        await battery.live(BatteryStatus.ONLINE, steady_for)
        assert battery.shown() == "battery_lost"
        await battery.live(BatteryStatus.ONLINE, 1)
        assert battery.shown() is None
        await battery.live(BatteryStatus.ONLINE, rest)
    assert battery.created == ["battery_b1"] * 4


@pytest.mark.slow
@pytest.mark.parametrize("back", [30, 600, 3000])
async def test_ignored_flapping_battery_stays_ignored(
    hass: HomeAssistant, back: float
) -> None:
    """Until it has been fine for an hour."""
    battery = Flapper(hass)
    await battery.live(BatteryStatus.LOST, 30)
    ir.async_ignore_issue(hass, DOMAIN, "battery_b1", True)
    for _ in range(8):
        await battery.live(BatteryStatus.ONLINE, back)
        assert is_ignored(hass, "battery_b1") is True
        await battery.live(BatteryStatus.LOST, 30)
        assert is_ignored(hass, "battery_b1") is True
    assert battery.created == ["battery_b1"]
    await battery.live(BatteryStatus.ONLINE, 3600 + ALL_KNOWN)
    assert is_ignored(hass, "battery_b1") is None
    await battery.live(BatteryStatus.LOST, 1)
    assert is_ignored(hass, "battery_b1") is False


async def test_repair_without_delay_is_cleared_at_once_the_first_time(
    hass: HomeAssistant,
) -> None:
    """The repair of a port goes when it is open; a flapping one stays."""
    issues = Issues(hass, "e1")

    def reported_at(at: float, now: IssueContext) -> bool:
        issues.async_update(seen_at(at, now))
        return is_ignored(hass, "port_b1") is not None

    lost = with_port(PortState(status=PortStatus.LOST))
    assert reported_at(0, lost)
    assert not reported_at(30, WELL)
    assert reported_at(60, lost)
    for at in range(90, 3000, 60):
        assert reported_at(at, WELL)
        assert reported_at(at + 30, lost)
    assert reported_at(3000, WELL)
    assert reported_at(3599, WELL)
    assert not reported_at(3600, WELL)
