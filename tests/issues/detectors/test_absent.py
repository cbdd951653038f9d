"""Batteries that do not count: each is named as what it is."""

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

from .situations import (
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
HEARD = replace(OPEN, received=9)
TOO_HIGH = RejectedValue("charge_voltage_limit", 65.6, 40.0, 65.0)
TWELVE = (
    RejectedValue("voltage", 13.2, 30.0, 65.0),
    RejectedValue("charge_voltage_limit", 14.6, 40.0, 65.0),
)


def test_a_lost_battery_is_told_with_its_policy() -> None:
    """What it means for the house depends on it."""
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
def test_a_battery_that_never_spoke_is_told_once_it_matters(
    battery_status: BatteryStatus, status: Status, expected: dict[str, str]
) -> None:
    """Not while the gateway still waits for it; a loss at once, also in the grace."""
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
def test_a_battery_that_is_lost_again_and_again(
    battery_status: BatteryStatus, lost_for: float | None, expected: str | None
) -> None:
    """One repair tells of it, until it is lost for long."""
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
def test_a_battery_with_many_gaps(
    gaps: int, before: str | None, expected: str | None
) -> None:
    """It is named from the seventh on, until there are but three."""
    now = with_b1(gaps=gaps)
    raised = {"battery_b1": Issue(before, {})} if before else {}
    assert keys(now, raised) == ({"battery_b1": expected} if expected else {})


def test_a_battery_with_many_gaps_is_named_with_their_count() -> None:
    """And that is a warning: the battery counts."""
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
def test_one_repair_for_gaps_and_losses(
    battery_status: BatteryStatus, lost_for: float | None, expected: str | None
) -> None:
    """The one that tells more: its gaps, unless it is lost for long."""
    now = replace(with_b1(status=battery_status, gaps=7), unsteady=frozenset({"b1"}))
    if lost_for is not None:
        now = replace(now, lost_since={"b1": now.snapshot.at - lost_for})
    assert keys(now) == ({"battery_b1": expected} if expected else {})


def test_a_battery_that_is_lost_again_and_again_with_its_port() -> None:
    """However long the port stays away: that is told by the repair of the port."""
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
        # A slow battery may follow
        (BatteryStatus.WAITING, Status.STARTING, {}),
        # One that speaks shares its bus with an inverter
        (BatteryStatus.ONLINE, Status.RUNNING, {}),
    ],
)
def test_an_inverter_alone_on_a_batterys_port(
    battery_status: BatteryStatus, status: Status, expected: dict[str, str]
) -> None:
    """It tells more than that the battery is lost, and so takes that one's place."""
    now = seen(with_b1(status=battery_status, inverter_detected=True), status=status)
    assert keys(now) == expected


def test_a_wrong_port_is_told_by_the_present_name_of_its_link() -> None:
    """And whose it is, for the dialog."""
    now = seen(
        with_b1(status=BatteryStatus.LOST, inverter_detected=True),
        ports={"b1": PortState(status=PortStatus.OPEN, link="can7"), "b2": OPEN},
    )
    found = the_one(now)
    assert found.placeholders == {"name": "Garage", "channel": "can7"}
    assert (found.fixable, found.device_id) == (True, "b1")


def waiting(status: Status = Status.BLOCKED, **changes: Any) -> IssueContext:
    """Return the situation with a first battery that was never online."""
    since = {"receiving_since": AT - RECEIVED_FOR, "last_frame_at": AT}
    now = with_b1(
        **{"status": BatteryStatus.WAITING, "readings": Readings()} | since | changes
    )
    return seen(now, status=status)


@pytest.mark.parametrize(
    ("status", "is_told"),
    [
        (Status.STARTING, False),
        (Status.RUNNING, True),  # it was added to a gateway that runs
        (Status.REDUCED, True),
        (Status.BLOCKED, True),
        (Status.SILENT, True),
    ],
)
@pytest.mark.parametrize(
    ("rejected", "nominal", "key"),
    [
        ((TOO_HIGH,), None, "battery_values_rejected"),
        (TWELVE, 12, "battery_wrong_voltage"),
    ],
)
def test_a_battery_that_is_not_believed(
    status: Status,
    is_told: bool,
    rejected: tuple[RejectedValue, ...],
    nominal: int | None,
    key: str,
) -> None:
    """It speaks, so it never passes for a silent one; that it counts is not expected."""
    now = waiting(status, rejected=rejected, nominal=nominal)
    assert keys(now) == ({"battery_b1": key} if is_told else {})


def test_what_is_refused_is_told_with_its_window() -> None:
    """Limits first: what is measured would change the text all the time."""
    found = the_one(waiting(rejected=TWELVE, nominal=12))
    assert found.placeholders == {
        "name": "Garage",
        "channel": "can0",
        "charge_policy": "stop",
        "discharge_policy": "block",
        "grace": "90",
        "nominal": "12",
        "values": "CVL 14.6 V (40–65 V)",
    }
    found = the_one(waiting(rejected=TWELVE[:1]))
    assert found.placeholders["values"] == "Vbat 13.2 V (30–65 V)"


def test_a_lost_battery_that_is_not_believed_any_more() -> None:
    """Its cable is well; it goes once the battery has been back for a minute."""
    found = the_one(with_b1(status=BatteryStatus.LOST, rejected=(TOO_HIGH,)))
    assert found.key == "battery_values_rejected"
    assert found.steady_for == 60.0


@pytest.mark.parametrize(
    "battery_status",
    [BatteryStatus.ONLINE, BatteryStatus.REJOINING, BatteryStatus.OUT_OF_SERVICE],
)
def test_one_value_that_is_not_believed_is_no_repair(
    battery_status: BatteryStatus,
) -> None:
    """As long as the battery counts, or nobody wants it to."""
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
def test_a_battery_that_does_not_send_all(
    changes: dict[str, Any], missing: str
) -> None:
    """It is heard: that is what is told, with what is missing."""
    found = the_one(waiting(readings=Readings(**changes)))
    assert found.key == "battery_incomplete"
    assert found.placeholders["missing"] == missing


@pytest.mark.parametrize(
    ("status", "heard_for", "key"),
    [
        (Status.BLOCKED, RECEIVED_FOR - 1.0, None),
        (Status.RUNNING, RECEIVED_FOR, "battery_incomplete"),
        (Status.STARTING, RECEIVED_FOR, None),
    ],
)
def test_a_battery_that_may_still_send_the_rest(
    status: Status, heard_for: float, key: str | None
) -> None:
    """Some send all only each 10 s."""
    now = waiting(status, receiving_since=AT - heard_for)
    assert keys(now) == ({"battery_b1": key} if key else {})


def test_a_battery_that_is_silent_again() -> None:
    """It was heard without being asked, so asking helps nothing."""
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
        (HEARD, None, "battery_other_protocol"),
        (HEARD, 1.0, "battery_not_received"),
        # Nothing since it was opened last
        (replace(HEARD, received_before=9), None, "battery_not_polled"),
    ],
)
def test_a_battery_that_was_never_heard(
    port: PortState, poll_interval: float | None, key: str
) -> None:
    """It may need to be asked, which the repair offers: not where others are heard."""
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
