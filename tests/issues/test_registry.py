"""Repairs come and go by themselves, and each has its texts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
import json
from pathlib import Path
import string
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import (
    GatewayConfig,
    Interface,
    PortConfig,
    Strategy,
)
from custom_components.bms_gateway.engine.model import (
    BatteryStatus,
    Direction,
    Disobedience,
    PortFault,
    PortReason,
    PortState,
    PortStatus,
    Readings,
    RejectedValue,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.event_detector import EventDetector
from custom_components.bms_gateway.issues.conditions import VoltageDifference
from custom_components.bms_gateway.issues.context import Issue, IssueContext
from custom_components.bms_gateway.issues.detectors import find_issues
from custom_components.bms_gateway.issues.detectors.absent import STEADY_FOR
from custom_components.bms_gateway.issues.registry import (
    ALL_KNOWN,
    STEADY_AGAIN,
    Issues,
    async_remove_issues,
)
from custom_components.bms_gateway.setpoints.serialization import Change
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .detectors.contexts import (
    B1,
    B2,
    CONFIG,
    CONFIRMED,
    DAY,
    I1,
    OPEN,
    WELL,
    seen,
    with_b1,
    with_i1,
    with_port,
    with_status,
)


async def test_repair_names_the_gateway_too_if_there_are_several(
    hass: HomeAssistant,
) -> None:
    """Each may have a battery of that name; what is of the gateway itself does not."""
    for entry_id in ("e1", "e2"):
        MockConfigEntry(domain=DOMAIN, entry_id=entry_id).add_to_hass(hass)
    Issues(hass, "e1").async_update(
        replace(with_status(BatteryStatus.LOST), confirmed=False)
    )
    names = {
        issue_id: (issue.translation_placeholders or {})["name"]
        for (_, issue_id), issue in ir.async_get(hass).issues.items()
    }
    assert names == {"battery_b1": "Garage (Bank)", "setpoints_unreadable_e1": "Bank"}


async def test_repairs_are_raised_and_cleared(hass: HomeAssistant) -> None:
    """Each goes with its reason, all go when the gateway stops."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")

    def raised() -> set[str]:
        return {issue_id for domain, issue_id in registry.issues if domain == DOMAIN}

    issues.async_update(replace(with_status(BatteryStatus.LOST), confirmed=False))
    assert raised() == {"battery_b1", "setpoints_unreadable_e1"}
    unreadable = registry.async_get_issue(DOMAIN, "setpoints_unreadable_e1")
    assert unreadable is not None and unreadable.is_fixable
    assert unreadable.data == {
        "key": "setpoints_unreadable",
        "entry_id": "e1",
        "device_id": None,
    }

    issues.async_update(replace(WELL, confirmed=False))
    later = seen_at(WELL.snapshot.at + STEADY_FOR, WELL)
    issues.async_update(replace(later, confirmed=False))
    assert raised() == {"setpoints_unreadable_e1"}
    issues.async_update(with_status(BatteryStatus.LOST))
    assert raised() == {"battery_b1"}
    issues.async_end()
    assert raised() == set()
    issues.async_update(with_status(BatteryStatus.LOST))
    assert raised() == set()


async def test_issue_of_a_new_battery_is_cleared_at_once(
    hass: HomeAssistant,
) -> None:
    """A battery that has sent for the first time is there to stay."""
    issues = Issues(hass, "e1")
    issues.async_update(with_status(BatteryStatus.WAITING))
    assert ir.async_get(hass).async_get_issue(DOMAIN, "battery_b1")
    issues.async_update(WELL)
    assert not ir.async_get(hass).async_get_issue(DOMAIN, "battery_b1")


async def test_repair_that_its_dialog_did_not_fix_comes_back(
    hass: HomeAssistant,
) -> None:
    """Home Assistant deletes it with the dialog: it is raised again."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")
    issues.async_update(with_status(BatteryStatus.LOST))
    ir.async_delete_issue(hass, DOMAIN, "battery_b1")
    issues.async_update(with_status(BatteryStatus.LOST))
    assert registry.async_get_issue(DOMAIN, "battery_b1") is not None


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


async def test_answered_repair_goes_with_its_reason(
    hass: HomeAssistant,
) -> None:
    """Home Assistant deletes it, before or after the problem is gone."""
    issues = Issues(hass, "e1")
    issues.async_update(seen_at(0, with_status(BatteryStatus.LOST)))
    ir.async_delete_issue(hass, DOMAIN, "battery_b1")
    issues.async_update(seen_at(1, with_status(BatteryStatus.LOST)))
    assert is_ignored(hass, "battery_b1") is False
    issues.async_update(seen_at(2, WELL))
    assert is_ignored(hass, "battery_b1") is None
    # That was not flapping
    issues.async_update(seen_at(3, with_status(BatteryStatus.LOST)))
    issues.async_update(seen_at(4, WELL))
    ir.async_delete_issue(hass, DOMAIN, "battery_b1")
    issues.async_update(seen_at(5, WELL))
    assert is_ignored(hass, "battery_b1") is None
    issues.async_update(seen_at(6, with_status(BatteryStatus.LOST)))
    assert is_ignored(hass, "battery_b1") is False


async def test_repair_of_a_removed_device_goes_at_once(
    hass: HomeAssistant,
) -> None:
    """Removed, or taken out of service; ignored or not."""
    issues = Issues(hass, "e1")
    for at, ignored in (0, False), (10, True):
        for gone in (
            replace(WELL, config=replace(CONFIG, batteries=CONFIG.batteries[1:])),
            replace(WELL, setpoints=AllSetpoints(out_of_service=frozenset({"b1"}))),
        ):
            issues.async_update(seen_at(at, with_status(BatteryStatus.LOST)))
            ir.async_ignore_issue(hass, DOMAIN, "battery_b1", ignored)
            issues.async_update(seen_at(at + 1, gone))
            assert is_ignored(hass, "battery_b1") is None


async def test_ignored_repair_stays_ignored(hass: HomeAssistant) -> None:
    """While its reason persists, also when its texts change."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")
    issues.async_update(with_b1(odd_share=True, current_share=0.6))
    registry.async_ignore(DOMAIN, "odd_current_share_b1", True)
    issues.async_update(with_b1(odd_share=True, current_share=0.7))
    issue = registry.async_get_issue(DOMAIN, "odd_current_share_b1")
    assert issue is not None
    assert issue.dismissed_version is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["current_share"] == "70%"


def seen_at(at: float, now: IssueContext) -> IssueContext:
    """Return a context at another time of the gateway's clock."""
    return seen(now, at=at)


def is_ignored(hass: HomeAssistant, issue_id: str) -> bool | None:
    """Return whether a repair is ignored; None: there is none."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return None if issue is None else issue.dismissed_version is not None


async def test_ignored_repair_outlives_a_reload(hass: HomeAssistant) -> None:
    """It is found again sooner or later, and then still ignored."""
    issues = Issues(hass, "e1")
    issues.async_update(
        replace(with_b1(odd_share=True, current_share=0.6), confirmed=False)
    )
    ir.async_ignore_issue(hass, DOMAIN, "odd_current_share_b1", True)
    issues.async_end()
    assert is_ignored(hass, "odd_current_share_b1") is True
    assert is_ignored(hass, "setpoints_unreadable_e1") is None

    again = Issues(hass, "e1")
    again.async_update(seen_at(0.0, WELL))
    again.async_update(seen_at(1000.0, with_b1(odd_share=True, current_share=0.6)))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(ALL_KNOWN, with_b1(odd_share=True, current_share=0.6)))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(ALL_KNOWN, WELL))
    again.async_update(seen_at(2 * ALL_KNOWN - 1, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(2 * ALL_KNOWN, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is None


async def test_ignored_repair_without_a_reason_goes_in_time(
    hass: HomeAssistant,
) -> None:
    """It must be seen when it comes back for a new reason."""
    issues = Issues(hass, "e1")
    issues.async_update(with_b1(odd_share=True, current_share=0.6))
    ir.async_ignore_issue(hass, DOMAIN, "odd_current_share_b1", True)
    issues.async_end()
    again = Issues(hass, "e1")
    again.async_update(seen_at(500.0, WELL))
    again.async_update(seen_at(499.0 + ALL_KNOWN, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is True
    again.async_update(seen_at(500.0 + ALL_KNOWN, WELL))
    assert is_ignored(hass, "odd_current_share_b1") is None


async def test_removed_gateway_leaves_no_repair(hass: HomeAssistant) -> None:
    """Ignored or not; those of another stay."""
    for entry_id in "e1", "e2":
        unreadable = replace(WELL, entry_id=entry_id, confirmed=False)
        Issues(hass, entry_id).async_update(unreadable)
        ir.async_ignore_issue(hass, DOMAIN, f"setpoints_unreadable_{entry_id}", True)
    async_remove_issues(hass, "e1")
    assert is_ignored(hass, "setpoints_unreadable_e1") is None
    assert is_ignored(hass, "setpoints_unreadable_e2") is True


EVERYTHING = replace(
    seen(
        with_port(PortState(status=PortStatus.LOST)),
        batteries={
            "b1": replace(
                B1, status=BatteryStatus.LOST, carries_current_out_of_service=True
            ),
            "b2": replace(
                B2,
                status=BatteryStatus.LOST,
                odd_share=True,
                current_share=0.1,
                carries_current_out_of_service=True,
            ),
        },
        inverters={"i1": replace(I1, last_request_at=0.0)},
        excess={Direction.CHARGE: 5.0},
    ),
    confirmed=False,
    saved=False,
    energy_saved=False,
    unsteady=frozenset({"b1"}),
    requesting=frozenset({"b1"}),
    setpoints=AllSetpoints(bank=Setpoints(charge_current=0.0, discharge_current=0.0)),
    changes={
        (None, name): Change("Ann", -DAY)
        for name in ("charge_current", "discharge_current")
    },
    voltage_difference=VoltageDifference("b1", 53.0, "b2", 51.0),
    highest_limits=dict.fromkeys(Direction, 10.0),
)


REJECTED = (RejectedValue("charge_voltage_limit", 14.6, 40.0, 65.0),)
NOT_COUNTED: list[dict[str, Any]] = [
    {"rejected": REJECTED},
    {"rejected": REJECTED, "nominal": 12},
    {
        "readings": Readings(),
        "receiving_since": 0.0,
        "last_frame_at": WELL.snapshot.at,
    },
]
"""Batteries that send and do not count."""


def find_everything() -> Iterator[Issue]:
    """Yield at least one issue of each kind that is raised automatically."""
    changed = [
        EVERYTHING,
        replace(WELL, config=replace(CONFIG, strategy=Strategy.SUM)),
        with_b1(wrong_sign=True),
        replace(WELL, requesting=frozenset({"b1"})),
        with_status(BatteryStatus.WAITING),
        *(
            seen(with_b1(status=BatteryStatus.WAITING, **each), status=Status.BLOCKED)
            for each in NOT_COUNTED
        ),
        with_b1(status=BatteryStatus.LOST, inverter_detected=True),
        with_b1(
            duplicate_of="b2", has_duplicate_sender=True, missing=frozenset({0x359})
        ),
        with_b1(soc_jumped_at=WELL.snapshot.at),
        with_b1(modules_missing=1, modules_most=3),
        with_b1(gaps=7),
        with_i1(battery_detected=True),
        with_i1(shares_bus_with="b1", confirmed=CONFIRMED),
        with_b1(modules_most=5, modules_missing=2),
        *(
            with_i1(
                disobeys={
                    direction: Disobedience(
                        sent=0.0,
                        taken=20.0,
                        since=1.0,
                        inverters=frozenset(ids),
                        sensed=sensed,
                    )
                }
            )
            for direction in Direction
            for ids, sensed in ((["i1"], False), (["i1"], True), (["i1", "i2"], False))
        ),
        replace(
            WELL,
            signs_of_life={"i1": 0.0},
            config=replace(
                CONFIG,
                inverters=(replace(CONFIG.inverters[0], no_response_after=60.0),),
            ),
        ),
    ]
    ports = (
        PortConfig(Interface.SOCKETCAN, "can0"),
        PortConfig(Interface.SOCKETCAN, "can0", identity="usb:A", bring_up=True),
        PortConfig(Interface.SLCAN, "/dev/ttyACM0"),
    )
    lost = PortState(status=PortStatus.LOST)
    for port, state in (
        *((port, replace(lost, fault=f)) for port, f in product(ports, PortFault)),
        *((ports[-1], replace(lost, reason=reason)) for reason in PortReason),
        (ports[-1], OPEN),
    ):
        changed += [
            replace(now, config=_connected(now.config, port))
            for now in (
                with_port(state),
                seen(with_status(BatteryStatus.WAITING), ports={"b1": state}),
                seen(
                    with_status(BatteryStatus.WAITING),
                    ports={"b1": replace(state, received=1)},
                ),
                *(
                    polled(seen(with_status(BatteryStatus.WAITING), ports={"b1": each}))
                    for each in (state, replace(state, received=1))
                ),
                replace(
                    seen(WELL, ports={"b1": OPEN, "i1": state}),
                    signs_of_life={"i1": 0.0},
                ),
            )
        ]
    for now in changed:
        yield from find_issues(now, {}).values()


def polled(now: IssueContext) -> IssueContext:
    """Return the context with a first battery that is polled."""
    first, second = now.config.batteries
    batteries = (replace(first, poll_interval=1.0), second)
    return replace(now, config=replace(now.config, batteries=batteries))


def _connected(config: GatewayConfig, port: PortConfig) -> GatewayConfig:
    """Return the gateway with its first battery and its inverter on such a port."""
    first, second = config.batteries
    [inverter] = config.inverters
    return replace(
        config,
        batteries=(replace(first, port=port), second),
        inverters=(replace(inverter, port=port, no_response_after=60.0),),
    )


def names(text: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def leaves(texts: dict[str, Any]) -> Iterator[str]:
    """Yield every text."""
    for each in texts.values():
        if isinstance(each, dict):
            yield from leaves(each)
        else:
            yield each


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_repair_has_texts_that_can_be_filled(language: str) -> None:
    """With the placeholders of the issue, and nothing else."""
    folder = Path(__file__).parents[2] / "custom_components" / DOMAIN
    texts = json.loads((folder / f"translations/{language}.json").read_text("utf-8"))
    issues = texts["issues"]
    found = [*find_everything()]
    assert {issue.key for issue in found} == set(issues)
    for issue in found:
        about = issues[issue.key]
        assert issue.fixable is ("fix_flow" in about)
        assert issue.fixable is not ("description" in about)
        answer = set(issue.placeholders)
        assert names(about["title"]) <= answer, issue.key
        if not issue.fixable:
            assert names(about["description"]) <= answer, issue.key
            continue
        for text in leaves(about["fix_flow"].get("abort", {})):
            # The dialog adds the system's message to it
            assert names(text) <= answer | {"detail"}, issue.key
        for text in leaves(about["fix_flow"]["step"]):
            assert names(text) <= answer, issue.key
