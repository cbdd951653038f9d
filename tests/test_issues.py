"""Repairs: what a user can mend is told, exactly, and goes away by itself."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.const import DOMAIN
from custom_components.bms_gateway.engine.config import (
    BatteryConfig,
    GatewayConfig,
    Interface,
    InverterConfig,
    LossPolicy,
    PortConfig,
)
from custom_components.bms_gateway.engine.model import (
    BatteryState,
    Life,
    PortFault,
    PortState,
    PortStatus,
    Snapshot,
    Status,
)
from custom_components.bms_gateway.issues import Issues, find_issues, link_up_command
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
WELL = Snapshot(
    at=0.0,
    status=Status.RUNNING,
    batteries={"b1": BatteryState(id="b1", life=Life.ONLINE, capacity_ah=100)},
    ports={"b1": OPEN, "i1": OPEN},
)


def with_life(life: Life, status: Status = Status.BLOCKED) -> Snapshot:
    """Return the snapshot with its battery in another state."""
    battery = BatteryState(id="b1", life=life, capacity_ah=100)
    return replace(WELL, status=status, batteries={"b1": battery})


def with_port(port: PortState) -> Snapshot:
    """Return the snapshot with the battery's port in another state."""
    return replace(with_life(Life.LOST), ports={"b1": port, "i1": OPEN})


def keys(snapshot: Snapshot, raised: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return what is wrong in a snapshot: issue ids and keys of texts."""
    found = find_issues(snapshot, CONFIG, raised)
    return {issue_id: issue.key for issue_id, issue in found.items()}


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
    assert find_issues(lost, CONFIG)["port_b1"].placeholders == {
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
    assert keys(opening, frozenset({"port_b1"})) == {"port_b1": "port_failed"}


def test_a_lost_battery_is_told_with_its_policy() -> None:
    """What it means for the house depends on it."""
    found = find_issues(with_life(Life.LOST), CONFIG)
    assert found["battery_b1"].key == "battery_lost"
    assert found["battery_b1"].placeholders == {
        "name": "Garage",
        "channel": "can0",
        "charge_policy": "stop",
        "discharge_policy": "block",
        "grace": "90",
    }


@pytest.mark.parametrize(
    ("life", "status", "expected"),
    [
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
    """Not while the gateway still waits for it."""
    assert keys(with_life(life, status)) == expected


async def test_repairs_come_and_go(hass: HomeAssistant) -> None:
    """Each goes when its reason is gone, all when nobody watches any more."""
    registry = ir.async_get(hass)
    issues = Issues(hass, "e1")

    def raised() -> set[str]:
        return {issue_id for domain, issue_id in registry.issues if domain == DOMAIN}

    issues.async_tell(with_life(Life.LOST), CONFIG, confirmed=False)
    assert raised() == {"battery_b1", "setpoints_unreadable_e1"}
    unreadable = registry.async_get_issue(DOMAIN, "setpoints_unreadable_e1")
    assert unreadable is not None and unreadable.is_fixable
    assert unreadable.data == {"entry_id": "e1"}

    issues.async_tell(WELL, CONFIG, confirmed=False)
    assert raised() == {"setpoints_unreadable_e1"}
    issues.async_tell(with_life(Life.LOST), CONFIG, confirmed=True)
    assert raised() == {"battery_b1"}
    issues.async_clear()
    assert raised() == set()
