"""Batteries that do not count, each with its reason."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import (
    BatteryStatus,
    PortState,
    PortStatus,
    Readings,
    RejectedValue,
    Status,
)
from custom_components.bms_gateway.issues.context import Issue, IssueContext
from custom_components.bms_gateway.issues.detectors.absent import (
    LOST_FOR_LONG,
    RECEIVED_FOR,
)
from homeassistant.helpers.issue_registry import IssueSeverity

from .contexts import (
    CONFIG,
    OPEN,
    WELL,
    keys,
    seen,
    the_one,
    with_b1,
    with_port,
    with_status,
)

AT = WELL.snapshot.at
RECEIVED = replace(OPEN, received=9)
TOO_HIGH = RejectedValue("charge_voltage_limit", 65.6, 40.0, 65.0)
TWELVE = (
    RejectedValue("voltage", 13.2, 30.0, 65.0),
    RejectedValue("charge_voltage_limit", 14.6, 40.0, 65.0),
)


def test_lost_battery_is_reported_with_its_loss_policy() -> None:
    """The effect on the house depends on it."""
    found = the_one(with_status(BatteryStatus.LOST))
    assert found.key == "battery_lost"
    assert found.placeholders == {
        "name": "Garage",
        "channel": "can0",
        "charge_policy": "stop",
        "discharge_policy": "block",
        "grace": "90",
    }


@pytest.mark.parametrize(
    ("battery_status", "status", "expected"),
    [
        (BatteryStatus.LOST, Status.REDUCED, {"battery_b1": "battery_lost"}),
        (BatteryStatus.WAITING, Status.STARTING, {}),
        (BatteryStatus.WAITING, Status.RUNNING, {}),
        (BatteryStatus.WAITING, Status.BLOCKED, {"battery_b1": "battery_not_polled"}),
        (BatteryStatus.WAITING, Status.SILENT, {"battery_b1": "battery_not_polled"}),
        (BatteryStatus.REJOINING, Status.BLOCKED, {}),
        (BatteryStatus.BRIDGING, Status.BRIDGING, {}),
        (BatteryStatus.DUPLICATE, Status.BLOCKED, {}),
        (BatteryStatus.OUT_OF_SERVICE, Status.RUNNING, {}),
    ],
)
def test_battery_never_received_is_reported_once_it_matters(
    battery_status: BatteryStatus, status: Status, expected: dict[str, str]
) -> None:
    """Not while the gateway waits for it; a loss at once, also in the grace period."""
    assert keys(with_status(battery_status, status)) == expected


@pytest.mark.parametrize(
    ("battery_status", "lost_for", "expected"),
    [
        (BatteryStatus.ONLINE, None, "battery_losses"),
        (BatteryStatus.REJOINING, 100.0, "battery_losses"),
        (BatteryStatus.LOST, 0.0, "battery_losses"),
        (BatteryStatus.LOST, LOST_FOR_LONG - 1, "battery_losses"),
        (BatteryStatus.LOST, LOST_FOR_LONG, "battery_lost"),
        (BatteryStatus.LOST, None, "battery_losses"),
        (BatteryStatus.WAITING, None, "battery_not_polled"),
        (BatteryStatus.OUT_OF_SERVICE, None, None),
    ],
)
def test_repeatedly_lost_battery_is_one_issue(
    battery_status: BatteryStatus, lost_for: float | None, expected: str | None
) -> None:
    """Until it is lost for long."""
    now = replace(with_status(battery_status), unsteady=frozenset({"b1"}))
    if lost_for is not None:
        now = replace(now, lost_since={"b1": now.snapshot.at - lost_for})
    assert keys(now) == ({"battery_b1": expected} if expected else {})


@pytest.mark.parametrize(
    ("gaps", "before", "expected"),
    [
        (6, None, None),
        (7, None, "battery_gaps"),
        (4, "battery_gaps", "battery_gaps"),
        (3, "battery_gaps", None),
        (4, "battery_lost", None),
    ],
)
def test_battery_with_many_gaps_is_reported(
    gaps: int, before: str | None, expected: str | None
) -> None:
    """From the seventh gap on, until only three are left."""
    now = with_b1(gaps=gaps)
    raised = {"battery_b1": Issue(before, {})} if before else {}
    assert keys(now, raised) == ({"battery_b1": expected} if expected else {})


def test_gaps_are_counted_in_a_warning() -> None:
    """A warning, because the battery counts."""
    found = the_one(with_b1(gaps=12))
    assert found.placeholders == {"name": "Garage", "gaps": "12"}
    assert (found.severity, found.device_id) == (IssueSeverity.WARNING, "b1")


@pytest.mark.parametrize(
    ("battery_status", "lost_for", "expected"),
    [
        (BatteryStatus.ONLINE, None, "battery_gaps"),
        (BatteryStatus.BRIDGING, None, "battery_gaps"),
        (BatteryStatus.REJOINING, 20.0, "battery_gaps"),
        (BatteryStatus.LOST, LOST_FOR_LONG - 1, "battery_gaps"),
        (BatteryStatus.LOST, LOST_FOR_LONG, "battery_lost"),
        (BatteryStatus.OUT_OF_SERVICE, None, None),
        (BatteryStatus.DUPLICATE, None, None),
    ],
)
def test_gaps_and_losses_are_one_issue(
    battery_status: BatteryStatus, lost_for: float | None, expected: str | None
) -> None:
    """The more specific one: its gaps, unless it is lost for long."""
    now = replace(with_b1(status=battery_status, gaps=7), unsteady=frozenset({"b1"}))
    if lost_for is not None:
        now = replace(now, lost_since={"b1": now.snapshot.at - lost_for})
    assert keys(now) == ({"battery_b1": expected} if expected else {})


def test_battery_lost_with_its_port_is_not_an_own_issue() -> None:
    """However long the port stays lost: the port's issue covers it."""
    lost = with_port(PortState(status=PortStatus.LOST))
    now = replace(lost, unsteady=frozenset({"b1"}), lost_since={"b1": 0.0})
    assert keys(now) == {"battery_b1": "battery_losses", "port_b1": "port_failed"}


@pytest.mark.parametrize(
    ("battery_status", "status", "expected"),
    [
        (
            BatteryStatus.LOST,
            Status.REDUCED,
            {"wrong_port_b1": "inverter_on_battery_port"},
        ),
        (
            BatteryStatus.WAITING,
            Status.SILENT,
            {"wrong_port_b1": "inverter_on_battery_port"},
        ),
        # A slow battery may still send the rest
        (BatteryStatus.WAITING, Status.STARTING, {}),
        # One that sends shares its bus with an inverter
        (BatteryStatus.ONLINE, Status.RUNNING, {}),
    ],
)
def test_inverter_alone_on_a_batterys_port_is_reported(
    battery_status: BatteryStatus, status: Status, expected: dict[str, str]
) -> None:
    """It is more specific than the loss of the battery, and replaces it."""
    now = seen(with_b1(status=battery_status, inverter_detected=True), status=status)
    assert keys(now) == expected


def test_wrong_port_names_the_present_link() -> None:
    """And the device, for the dialog."""
    now = seen(
        with_b1(status=BatteryStatus.LOST, inverter_detected=True),
        ports={"b1": PortState(status=PortStatus.OPEN, link="can7"), "b2": OPEN},
    )
    found = the_one(now)
    assert found.placeholders == {"name": "Garage", "channel": "can7"}
    assert (found.fixable, found.device_id) == (True, "b1")


def waiting(status: Status = Status.BLOCKED, **changes: Any) -> IssueContext:
    """Return the context with a first battery that was never online."""
    since = {"receiving_since": AT - RECEIVED_FOR, "last_frame_at": AT}
    now = with_b1(
        **{"status": BatteryStatus.WAITING, "readings": Readings()} | since | changes
    )
    return seen(now, status=status)


@pytest.mark.parametrize(
    ("status", "is_reported"),
    [
        (Status.STARTING, False),
        (Status.RUNNING, True),  # it was added to a running gateway
        (Status.REDUCED, True),
        (Status.BLOCKED, True),
        (Status.SILENT, True),
    ],
)
@pytest.mark.parametrize(
    ("rejected", "apparent", "key"),
    [
        ((TOO_HIGH,), None, "battery_values_rejected"),
        ((TOO_HIGH,), 48, "battery_values_rejected"),
        (TWELVE, 12, "battery_wrong_voltage"),
    ],
)
def test_battery_with_rejected_values_is_reported(
    status: Status,
    is_reported: bool,
    rejected: tuple[RejectedValue, ...],
    apparent: int | None,
    key: str,
) -> None:
    """It sends, so it is not silent; it is not expected to count."""
    now = waiting(status, rejected=rejected, nominal=48, apparent_nominal=apparent)
    assert keys(now) == ({"battery_b1": key} if is_reported else {})


def test_rejected_value_is_shown_with_its_range() -> None:
    """Limits first: measured values would change the text all the time."""
    found = the_one(waiting(rejected=TWELVE, nominal=48, apparent_nominal=12))
    assert found.placeholders == {
        "name": "Garage",
        "channel": "can0",
        "charge_policy": "stop",
        "discharge_policy": "block",
        "grace": "90",
        "nominal": "48",
        "apparent": "12",
        "values": "CVL 14.6 V (40–65 V)",
    }
    found = the_one(waiting(rejected=TWELVE[:1]))
    assert found.placeholders["values"] == "Vbat 13.2 V (30–65 V)"


def test_lost_battery_with_rejected_values_is_reported() -> None:
    """Its cable works; cleared once the battery has been back for a minute."""
    found = the_one(with_b1(status=BatteryStatus.LOST, rejected=(TOO_HIGH,)))
    assert found.key == "battery_values_rejected"
    assert found.steady_for == 60.0


@pytest.mark.parametrize(
    "battery_status",
    [BatteryStatus.ONLINE, BatteryStatus.REJOINING, BatteryStatus.OUT_OF_SERVICE],
)
def test_single_rejected_value_raises_no_issue(battery_status: BatteryStatus) -> None:
    """As long as the battery counts, or is out of service."""
    assert keys(with_b1(status=battery_status, rejected=(TOO_HIGH,))) == {}


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, "0x351 (CVL, CCL, DCL), 0x355 (SOC), 0x356 (Vbat)"),
        ({"soc": 50.0, "voltage": 52.0}, "0x351 (CVL, CCL, DCL)"),
        ({"soc": 50.0}, "0x351 (CVL, CCL, DCL), 0x356 (Vbat)"),
        (
            {
                "charge_voltage_limit": 56.0,
                "charge_current_limit": 0.0,
                "discharge_current_limit": 0.0,
                "voltage": 52.0,
            },
            "0x355 (SOC)",
        ),
    ],
)
def test_incomplete_battery_is_reported(changes: dict[str, Any], missing: str) -> None:
    """It is received: the issue names the missing frames."""
    found = the_one(waiting(readings=Readings(**changes)))
    assert found.key == "battery_incomplete"
    assert found.placeholders["missing"] == missing


@pytest.mark.parametrize(
    ("status", "received_for", "key"),
    [
        (Status.BLOCKED, RECEIVED_FOR - 1.0, None),
        (Status.RUNNING, RECEIVED_FOR, "battery_incomplete"),
        (Status.STARTING, RECEIVED_FOR, None),
    ],
)
def test_battery_that_may_still_send_the_rest_is_not_reported(
    status: Status, received_for: float, key: str | None
) -> None:
    """Some send everything only each 10 s."""
    now = waiting(status, receiving_since=AT - received_for)
    assert keys(now) == ({"battery_b1": key} if key else {})


def test_battery_that_went_silent_is_not_offered_polling() -> None:
    """It was received without polling, so polling would not help."""
    assert keys(waiting(last_frame_at=AT - RECEIVED_FOR)) == {
        "battery_b1": "battery_not_received"
    }
    assert keys(waiting(Status.RUNNING, last_frame_at=AT - RECEIVED_FOR)) == {}


@pytest.mark.parametrize(
    ("port", "poll_interval", "key"),
    [
        (OPEN, None, "battery_not_polled"),
        (OPEN, 1.0, "battery_not_received"),
        (replace(OPEN, errors=5), None, "battery_not_polled"),
        (RECEIVED, None, "battery_other_protocol"),
        (RECEIVED, 1.0, "battery_not_received"),
        # Nothing received since it was last opened
        (replace(RECEIVED, received_before=9), None, "battery_not_polled"),
    ],
)
def test_battery_never_received_is_offered_polling(
    port: PortState, poll_interval: float | None, key: str
) -> None:
    """It may need polling; not offered where other devices are received."""
    first, second = CONFIG.batteries
    config = replace(
        CONFIG, batteries=(replace(first, poll_interval=poll_interval), second)
    )
    now = seen(
        with_status(BatteryStatus.WAITING), ports={"b1": port, "b2": OPEN, "i1": OPEN}
    )
    found = the_one(replace(now, config=config))
    assert (found.key, found.fixable) == (key, key == "battery_not_polled")
    assert found.device_id == "b1"
