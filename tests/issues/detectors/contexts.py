"""An issue context without problems, and ways to change it."""

from dataclasses import replace
from typing import Any

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
    BatteryStatus,
    Dialect,
    InverterState,
    PortState,
    PortStatus,
    Readings,
    Snapshot,
    Status,
    Telegram,
)
from custom_components.bms_gateway.engine.presets import Make
from custom_components.bms_gateway.issues.context import Issue, IssueContext, Raised
from custom_components.bms_gateway.issues.detectors import find_issues

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
B1 = BatteryState(
    id="b1", status=BatteryStatus.ONLINE, capacity_ah=100, readings=ALLOWS
)
B2 = BatteryState(
    id="b2", status=BatteryStatus.ONLINE, capacity_ah=300, readings=ALLOWS
)
I1 = InverterState(id="i1", listening=True)
CONFIRMED = Telegram(
    charge_voltage_limit=56.0,
    charge_current_limit=50.0,
    discharge_current_limit=50.0,
    discharge_voltage_limit=46.0,
    soc=50.0,
    voltage=52.0,
    charge_enabled=True,
    discharge_enabled=True,
)
WELL = IssueContext(
    entry_id="e1",
    config=CONFIG,
    snapshot=Snapshot(
        at=10_000.0,
        status=Status.RUNNING,
        batteries={"b1": B1, "b2": B2},
        inverters={"i1": I1},
        ports={"b1": OPEN, "b2": OPEN, "i1": OPEN},
    ),
)
DAY = 24 * 3600.0


def seen(now: IssueContext = WELL, **changes: Any) -> IssueContext:
    """Return the context with another snapshot value."""
    return replace(now, snapshot=replace(now.snapshot, **changes))


def with_b1(**changes: Any) -> IssueContext:
    """Return the context with its first battery in another state."""
    return seen(batteries={"b1": replace(B1, **changes), "b2": B2})


def set_to(dialect: Dialect | None, now: IssueContext = WELL) -> IssueContext:
    """Return the context with a dialect chosen for its first battery."""
    first, *others = now.config.batteries
    batteries = (replace(first, dialect=dialect), *others)
    return replace(now, config=replace(now.config, batteries=batteries))


def at_nominal_voltage(volts: int | None) -> IssueContext:
    """Return a well context of a Sunny Island, with batteries of this voltage."""
    sunny_island = replace(CONFIG.inverters[0], make=Make.SMA)
    batteries = {"b1": replace(B1, nominal=volts), "b2": replace(B2, nominal=volts)}
    return replace(
        WELL,
        config=replace(CONFIG, inverters=(sunny_island,)),
        snapshot=replace(WELL.snapshot, batteries=batteries),
    )


def with_i1(**changes: Any) -> IssueContext:
    """Return the context with its inverter in another state."""
    return seen(inverters={"i1": replace(I1, **changes)})


def with_status(
    battery_status: BatteryStatus, status: Status = Status.BLOCKED
) -> IssueContext:
    """Return the context with its first battery in another state."""
    return seen(with_b1(status=battery_status), status=status)


def with_port(port: PortState) -> IssueContext:
    """Return the context with the first battery's port in another state."""
    ports = {"b1": port, "b2": OPEN, "i1": OPEN}
    return seen(with_status(BatteryStatus.LOST), ports=ports)


def keys(now: IssueContext, raised: Raised | None = None) -> dict[str, str]:
    """Return the present issues: issue ids and keys of texts."""
    return {key: issue.key for key, issue in find_issues(now, raised or {}).items()}


def the_one(now: IssueContext) -> Issue:
    """Return the only issue."""
    [issue] = find_issues(now, {}).values()
    return issue
