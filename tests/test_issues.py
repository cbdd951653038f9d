"""Repairs: what a user can mend is told, exactly, and goes away by itself."""

from dataclasses import replace
import json
from pathlib import Path
import string
from typing import Any

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    LossPolicy,
    PortConfig,
    Strategy,
)
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    Direction,
    InverterState,
    Life,
    PortFault,
    PortState,
    PortStatus,
    Readings,
    Snapshot,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import (
    AllSetpoints,
    Lease,
    Setpoints,
)
from custom_components.bms_gateway.findings import find_issues, link_up_command
from custom_components.bms_gateway.issues import Issues
from custom_components.bms_gateway.situation import Issue, Raised, Situation
from custom_components.bms_gateway.stored import Change
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

CONFIG = GatewayConfig(
    name="Bank",
    batteries=(
        BatteryConfig(
            id="b1",
            name="Garage",
            port=PortConfig(Interface.SOCKETCAN, "can0", 250_000),
            capacity_ah=100,
        ),
        BatteryConfig(
            id="b2",
            name="Cellar",
            port=PortConfig(Interface.VIRTUAL, "vc2"),
            capacity_ah=300,
        ),
    ),
    inverters=(
        InverterConfig(
            id="i1",
            name="Roof",
            port=PortConfig(Interface.VIRTUAL, "vc1"),
            rated_charge=50,
            rated_discharge=60,
        ),
    ),
    charge_loss_policy=LossPolicy.STOP,
    discharge_grace=90.0,
)
OPEN = PortState(status=PortStatus.OPEN)
ALLOWS = Readings(charge_current_limit=50.0, discharge_current_limit=50.0)
B1 = BatteryState(id="b1", life=Life.ONLINE, capacity_ah=100, readings=ALLOWS)
B2 = BatteryState(id="b2", life=Life.ONLINE, capacity_ah=300, readings=ALLOWS)
WELL = Situation(
    entry_id="e1",
    config=CONFIG,
    snapshot=Snapshot(
        at=10_000.0,
        status=Status.RUNNING,
        batteries={"b1": B1, "b2": B2},
        inverters={"i1": InverterState(id="i1")},
        ports={"b1": OPEN, "b2": OPEN, "i1": OPEN},
    ),
)
DAY = 24 * 3600.0


def seen(now: Situation = WELL, **changes: Any) -> Situation:
    """Return the situation with something else in its snapshot."""
    return replace(now, snapshot=replace(now.snapshot, **changes))


def with_b1(**changes: Any) -> Situation:
    """Return the situation with its first battery in another state."""
    return seen(batteries={"b1": replace(B1, **changes), "b2": B2})


def with_life(life: Life, status: Status = Status.BLOCKED) -> Situation:
    """Return the situation with its first battery in another part of its life."""
    return seen(with_b1(life=life), status=status)


def with_port(port: PortState) -> Situation:
    """Return the situation with the first battery's port in another state."""
    ports = {"b1": port, "b2": OPEN, "i1": OPEN}
    return seen(with_life(Life.LOST), ports=ports)


def keys(now: Situation, raised: Raised | None = None) -> dict[str, str]:
    """Return what is wrong: issue ids and keys of texts."""
    return {key: issue.key for key, issue in find_issues(now, raised or {}).items()}


def the_one(now: Situation) -> Issue:
    """Return the only repair there is."""
    [issue] = find_issues(now, {}).values()
    return issue


def test_all_is_well() -> None:
    """No repair without a reason."""
    assert keys(WELL) == {}


@pytest.mark.parametrize("fault", PortFault)
def test_a_lost_port_tells_its_fault(fault: PortFault) -> None:
    """The battery behind it is no repair of its own."""
    lost = with_port(PortState(status=PortStatus.LOST, fault=fault, detail="so"))
    assert keys(lost) == {"port_b1": f"port_{fault}"}


def test_a_lost_port_without_a_fault_failed() -> None:
    """A reason that nobody knows is none to keep silent."""
    assert keys(with_port(PortState(status=PortStatus.LOST))) == {
        "port_b1": "port_failed"
    }


def test_a_lost_port_is_told_with_what_to_do() -> None:
    """The command is exact: it can be copied."""
    lost = with_port(PortState(status=PortStatus.LOST, fault=PortFault.LINK_DOWN))
    assert the_one(lost).placeholders == {
        "name": "Garage",
        "channel": "can0",
        "bitrate": "250000",
        "command": ("sudo ip link set can0 up type can bitrate 250000 restart-ms 100"),
        "detail": "-",
    }


def test_only_socketcan_links_are_brought_up_by_a_command() -> None:
    """There is none for the others."""
    assert link_up_command(PortConfig(Interface.VIRTUAL, "vc1")) == "-"


def test_a_port_that_opens_keeps_its_repair() -> None:
    """It is neither well nor wrong: a repair must not come and go with each try."""
    opening = with_port(PortState(status=PortStatus.OPENING))
    assert keys(opening) == {}
    raised = {"port_b1": Issue("port_link_down", {})}
    assert keys(opening, raised) == {"port_b1": "port_failed"}


def test_a_lost_battery_is_told_with_its_policy() -> None:
    """What it means for the house depends on it."""
    found = the_one(with_life(Life.LOST))
    assert found.key == "battery_lost"
    assert found.placeholders == {
        "name": "Garage",
        "channel": "can0",
        "charge_policy": "stop",
        "discharge_policy": "block",
        "grace": "90",
    }


@pytest.mark.parametrize(
    ("life", "status", "expected"),
    [
        (Life.LOST, Status.REDUCED, {"battery_b1": "battery_lost"}),
        (Life.WAITING, Status.STARTING, {}),
        (Life.WAITING, Status.RUNNING, {}),
        (Life.WAITING, Status.BLOCKED, {"battery_b1": "battery_silent"}),
        (Life.WAITING, Status.SILENT, {"battery_b1": "battery_silent"}),
        (Life.REJOINING, Status.BLOCKED, {}),
        (Life.OUT_OF_SERVICE, Status.RUNNING, {}),
    ],
)
def test_a_battery_that_never_spoke_is_told_once_it_matters(
    life: Life, status: Status, expected: dict[str, str]
) -> None:
    """Not while the gateway still waits for it; a loss at once, also in the grace."""
    assert keys(with_life(life, status)) == expected


def test_a_battery_that_is_lost_again_and_again() -> None:
    """Beside what it is lost for just now."""
    assert keys(replace(WELL, unsteady=frozenset({"b1"}))) == {
        "losses_b1": "battery_losses"
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"carries_out_of_service": True},
            {"carries_b1": "out_of_service_current"},
        ),
        ({"wrong_sign": True}, {"wrong_sign_b1": "wrong_sign"}),
        ({"odd_slice": True, "slice": 0.6}, {"odd_slice_b1": "odd_slice"}),
        # A wrong sign is reason enough for an odd slice
        (
            {"odd_slice": True, "slice": 0.6, "wrong_sign": True},
            {"wrong_sign_b1": "wrong_sign"},
        ),
    ],
)
def test_currents_that_are_not_what_they_should_be(
    changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """Of a battery that is connected, its sensor or its cables."""
    assert keys(with_b1(**changes)) == expected


def test_an_odd_slice_is_told_beside_the_share() -> None:
    """100 of 400 Ah."""
    assert the_one(with_b1(odd_slice=True, slice=0.6)).placeholders == {
        "name": "Garage",
        "slice": "60%",
        "share": "25%",
    }


CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE


def lease(direction: Direction = CHARGE, **changes: Any) -> AllSetpoints:
    """Return a lease of Bob's on the inverter that allows nothing."""
    one = Lease(device_id="i1", direction=direction, owner="Bob", amps=0.0)
    return AllSetpoints(leases=(replace(one, **changes),))


@pytest.mark.parametrize(
    ("setpoints", "held"),
    [
        (AllSetpoints(), None),
        (AllSetpoints(bank=Setpoints(charge_current=1.0, discharge_current=0.0)), None),
        (AllSetpoints(bank=Setpoints(charge_current=0.0)), "Bank (Ann)"),
        (AllSetpoints(inverters={"i1": Setpoints(charging_allowed=False)}), "Roof"),
        (lease(), "Roof (Bob)"),
        (lease(amps=None, watts=0.0, device_id=None), "Bank (Bob)"),
        (lease(amps=0.1), None),
        (lease(direction=DISCHARGE), None),
        (lease(until=10_000.0), None),
        (
            replace(lease(), bank=Setpoints(charge_current=0.0)),
            "Bank (Ann), Roof (Bob)",
        ),
    ],
)
def test_a_request_for_charge_names_what_holds_it(
    setpoints: AllSetpoints, held: str | None
) -> None:
    """A setpoint of 0, a switch that is off, a live lease of 0; and by whom."""
    found = the_one(
        replace(
            WELL,
            asking=frozenset({"b1"}),
            setpoints=setpoints,
            changes={(None, "charge_current"): Change("Ann", 0.0)},
        )
    )
    assert found.key == ("force_charge_held" if held else "force_charge")
    assert found.placeholders["name"] == "Garage"
    assert found.placeholders.get("held") == held


@pytest.mark.parametrize(
    ("device", "setpoint", "value", "expected"),
    [
        (None, "charge_current", 0.0, ("Bank", "charging_forgotten")),
        (None, "discharge_current", 0.0, ("Bank", "discharging_forgotten")),
        ("i1", "charging_allowed", False, ("Roof", "charging_forgotten")),
        ("i1", "discharging_allowed", False, ("Roof", "discharging_forgotten")),
        (None, "charge_current", 0.1, None),
        (None, "charge_current", None, None),
        ("i1", "charging_allowed", True, None),
        (None, "charge_voltage", 48.0, None),
    ],
)
def test_a_setpoint_that_nobody_remembers(
    device: str | None, setpoint: str, value: object, expected: tuple[str, str] | None
) -> None:
    """What stops a direction for more than a day; it names who asked for it."""
    changes: dict[str, Any] = {setpoint: value}
    now = replace(
        WELL,
        setpoints=AllSetpoints().with_setpoints(device, Setpoints(**changes)),
        changes={(device, setpoint): Change("Ann", 1000.0)},
        today=1000.0 + DAY - 1,
    )
    assert keys(now) == {}
    later = replace(now, today=1000.0 + DAY)
    if expected is None:
        assert keys(later) == {}
        return
    name, key = expected
    found = the_one(later)
    assert (found.key, found.placeholders) == (key, {"name": name, "by": "Ann"})
    assert found.severity is ir.IssueSeverity.WARNING


@pytest.mark.parametrize(
    ("asked_at", "out", "expected"),
    [
        (None, False, {}),
        (10_000.0, False, {}),
        (9_401.0, False, {}),
        (9_400.0, False, {"inverter_gone_i1": "inverter_gone"}),
        (9_400.0, True, {}),
    ],
)
def test_an_inverter_that_asks_no_more(
    asked_at: float | None, out: bool, expected: dict[str, str]
) -> None:
    """After ten minutes, unless it never asked or is out of service."""
    inverter = InverterState(id="i1", last_request_at=asked_at)
    now = seen(inverters={"i1": inverter})
    if out:
        now = replace(now, setpoints=AllSetpoints(out_of_service=frozenset({"i1"})))
    assert keys(now) == expected


def test_the_plain_sum_of_unequal_batteries() -> None:
    """Both numbers are told, and it stands though they allow the same for a moment."""
    now = replace(WELL, config=replace(CONFIG, strategy=Strategy.SUM))
    found = find_issues(now, {})
    # 100 and 300 Ah with 50 A each: the larger takes three quarters
    assert found["sum_e1"].key == "sum_overloads"
    assert found["sum_e1"].placeholders == {
        "name": "Bank",
        "charge_sum": "100",
        "charge_share": "67",
        "discharge_sum": "100",
        "discharge_share": "67",
    }
    same = seen(now, batteries={"b1": replace(B1, slice=0.5), "b2": B2})
    same = seen(now, batteries={"b1": B1, "b2": replace(B2, capacity_ah=100)})
    assert find_issues(same, {}) == {}
    assert find_issues(same, found) == found
    assert find_issues(WELL, found) == {}
    one = replace(now, config=replace(now.config, batteries=CONFIG.batteries[:1]))
    assert find_issues(one, found) == {}


async def test_repairs_come_and_go(hass: HomeAssistant) -> None:
    """Each goes when its reason is gone, all when nobody watches any more."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")

    def raised() -> set[str]:
        return {issue_id for domain, issue_id in registry.issues if domain == DOMAIN}

    issues.async_tell(replace(with_life(Life.LOST), confirmed=False))
    assert raised() == {"battery_b1", "setpoints_unreadable_e1"}
    unreadable = registry.async_get_issue(DOMAIN, "setpoints_unreadable_e1")
    assert unreadable is not None and unreadable.is_fixable
    assert unreadable.data == {"entry_id": "e1", "device_id": None}

    issues.async_tell(replace(WELL, confirmed=False))
    assert raised() == {"setpoints_unreadable_e1"}
    issues.async_tell(with_life(Life.LOST))
    assert raised() == {"battery_b1"}
    issues.async_clear()
    assert raised() == set()


async def test_an_ignored_repair_stays_ignored(hass: HomeAssistant) -> None:
    """While its reason stands, also when its texts change."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")
    issues.async_tell(with_b1(odd_slice=True, slice=0.6))
    registry.async_ignore(DOMAIN, "odd_slice_b1", True)
    issues.async_tell(with_b1(odd_slice=True, slice=0.7))
    issue = registry.async_get_issue(DOMAIN, "odd_slice_b1")
    assert issue is not None
    assert issue.dismissed_version is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["slice"] == "70%"


EVERYTHING = replace(
    seen(
        with_port(PortState(status=PortStatus.LOST)),
        batteries={
            "b1": replace(B1, life=Life.LOST, carries_out_of_service=True),
            "b2": replace(
                B2,
                life=Life.LOST,
                odd_slice=True,
                slice=0.1,
                carries_out_of_service=True,
            ),
        },
        inverters={"i1": InverterState(id="i1", last_request_at=0.0)},
    ),
    confirmed=False,
    unsteady=frozenset({"b1"}),
    asking=frozenset({"b1"}),
    setpoints=AllSetpoints(bank=Setpoints(charge_current=0.0, discharge_current=0.0)),
    changes={
        (None, name): Change("Ann", 0.0)
        for name in ("charge_current", "discharge_current")
    },
    today=DAY,
)


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_repair_has_texts_that_can_be_filled(language: str) -> None:
    """With what the repair brings along, and nothing else."""
    folder = Path(__file__).parent.parent / "custom_components" / DOMAIN
    texts = json.loads((folder / f"translations/{language}.json").read_text("utf-8"))
    summed = replace(WELL, config=replace(CONFIG, strategy=Strategy.SUM))
    wrong = with_b1(wrong_sign=True)
    not_held = replace(WELL, asking=frozenset({"b1"}))
    silent = with_life(Life.WAITING)
    found = [
        issue
        for now in (EVERYTHING, summed, wrong, not_held, silent)
        for issue in find_issues(now, {}).values()
    ]
    issues = texts["issues"]
    ports = {f"port_{fault}" for fault in PortFault}
    assert {issue.key for issue in found} | ports | {"energy_unreadable"} == set(issues)
    for issue in found:
        about = issues[issue.key]
        for text in (about["title"], about.get("description", "")):
            names = {name for _, name, _, _ in string.Formatter().parse(text) if name}
            assert names <= set(issue.placeholders), issue.key
