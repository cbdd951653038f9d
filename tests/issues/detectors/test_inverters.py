"""Inverters that are gone, silent, on the wrong port, out of reach, rated too high."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.model import (
    Direction,
    PortState,
    PortStatus,
    Telegram,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints
from custom_components.bms_gateway.issues.context import IssueContext
from homeassistant.helpers import issue_registry as ir

from .contexts import (
    CONFIG,
    OPEN,
    WELL,
    at_nominal_voltage,
    keys,
    seen,
    the_one,
    with_i1,
)

LOST = PortState(status=PortStatus.LOST)
OUT = AllSetpoints(out_of_service=frozenset({"i1"}))
CONFIRMED = Telegram(
    charge_voltage_limit=56.0,
    charge_current_limit=50.0,
    discharge_current_limit=50.0,
    soc=50.0,
    voltage=52.0,
    charge_enabled=True,
    discharge_enabled=True,
    discharge_voltage_limit=46.0,
    temperature=20.0,
)


def with_inverter(now: IssueContext, **changes: Any) -> IssueContext:
    """Return the context with its inverter configured otherwise."""
    inverters = (replace(CONFIG.inverters[0], **changes),)
    return replace(now, config=replace(now.config, inverters=inverters))


def behind_a_lost_port(now: IssueContext) -> IssueContext:
    """Return the context with the inverter's port lost."""
    return seen(now, ports={"b1": OPEN, "b2": OPEN, "i1": LOST})


@pytest.mark.parametrize(
    ("asked_at", "expected"),
    [
        (None, {}),
        (10_000.0, {}),
        (9_401.0, {}),
        (9_400.0, {"inverter_no_requests_i1": "inverter_no_requests"}),
    ],
)
def test_inverter_without_requests_is_reported(
    asked_at: float | None, expected: dict[str, str]
) -> None:
    """After ten minutes, unless it never sent a request."""
    assert keys(with_i1(last_request_at=asked_at)) == expected


def test_lost_inverter_can_be_taken_out_of_service() -> None:
    """By a dialog for this inverter."""
    found = the_one(with_i1(last_request_at=0.0))
    assert found.placeholders == {"name": "Roof", "minutes": "10"}
    assert (found.fixable, found.device_id) == (True, "i1")
    assert found.severity is ir.IssueSeverity.WARNING


@pytest.mark.parametrize(
    ("no_response_after", "sign_at", "expected"),
    [
        (None, 0.0, {}),
        (900.0, 9_101.0, {}),
        (900.0, 9_100.0, {"inverter_not_responding_i1": "inverter_not_responding"}),
        # It has only just been added
        (900.0, None, {}),
    ],
)
def test_silent_inverter_is_reported_if_monitored(
    no_response_after: float | None, sign_at: float | None, expected: dict[str, str]
) -> None:
    """Only where the user enabled it, after the chosen time."""
    now = with_inverter(WELL, no_response_after=no_response_after)
    signs = {} if sign_at is None else {"i1": sign_at}
    assert keys(replace(now, signs_of_life=signs)) == expected


def test_silence_is_reported_with_its_duration() -> None:
    """As configured."""
    now = with_inverter(
        replace(WELL, signs_of_life={"i1": 0.0}), no_response_after=900.0
    )
    assert the_one(now).placeholders == {"name": "Roof", "minutes": "15"}


def silent() -> IssueContext:
    """Return a context in which the inverter has stopped its requests and is silent."""
    now = replace(with_i1(last_request_at=0.0), signs_of_life={"i1": 0.0})
    return with_inverter(now, no_response_after=60.0)


def test_one_silence_is_one_issue() -> None:
    """The missing requests are more specific."""
    assert keys(silent()) == {"inverter_no_requests_i1": "inverter_no_requests"}


def test_silence_with_another_reason_is_not_reported() -> None:
    """Out of service, behind a lost port, on the wrong port."""
    assert keys(replace(silent(), setpoints=OUT)) == {}
    assert keys(behind_a_lost_port(silent())) == {"port_i1": "port_failed"}
    mixed_up = with_i1(last_request_at=0.0, battery_detected=True)
    assert keys(replace(mixed_up, signs_of_life={"i1": 0.0})) == {
        "wrong_port_i1": "battery_on_inverter_port"
    }


@pytest.mark.parametrize("setpoints", [AllSetpoints(), OUT])
def test_battery_on_an_inverters_port_is_reported(setpoints: AllSetpoints) -> None:
    """In service or not; with the present name of the link."""
    now = replace(with_i1(battery_detected=True), setpoints=setpoints)
    port = PortState(status=PortStatus.OPEN, link="can7")
    found = the_one(seen(now, ports={"b1": OPEN, "b2": OPEN, "i1": port}))
    assert found.key == "battery_on_inverter_port"
    assert found.placeholders == {"name": "Roof", "channel": "can7"}
    assert (found.fixable, found.device_id) == (True, "i1")
    assert found.severity is ir.IssueSeverity.ERROR
    assert keys(with_i1(battery_detected=False)) == {}


@pytest.mark.parametrize("listening", [False, None])
def test_excess_names_unreachable_inverters(listening: bool | None) -> None:
    """With the amperes of both directions."""
    now = with_i1(listening=listening, confirmed=CONFIRMED)
    found = the_one(seen(now, excess={Direction.CHARGE: 20.4}))
    assert found.key == "inverter_unreachable"
    assert found.placeholders == {"inverters": "Roof", "charge": "20", "discharge": "0"}
    assert found.severity is ir.IssueSeverity.ERROR


def test_excess_of_removed_inverters_names_the_gateway() -> None:
    """Behind a lost port it is unreachable; a removed one has no name."""
    excess = {Direction.DISCHARGE: 5.0}
    confirmed = with_i1(listening=True, confirmed=CONFIRMED)
    gone = seen(confirmed, excess=excess)
    assert the_one(gone).placeholders["inverters"] == "Bank"
    lost = keys(behind_a_lost_port(gone))
    assert lost == {
        "port_i1": "port_failed",
        "inverter_unreachable_e1": "inverter_unreachable",
    }


@pytest.mark.parametrize(
    ("charge", "discharge", "raised"),
    [
        # Rated 50 and 60 A
        (45.5, 100.0, False),
        (45.4, 100.0, True),
        (100.0, 54.6, False),
        (100.0, 54.5, True),
        (0.0, 0.0, False),
    ],
)
def test_inverter_rated_above_the_bank_is_reported(
    charge: float, discharge: float, raised: bool
) -> None:
    """By more than a tenth, in either direction; not if the bank allowed nothing."""
    highest_limits = {Direction.CHARGE: charge, Direction.DISCHARGE: discharge}
    found = keys(replace(WELL, highest_limits=highest_limits))
    assert found == ({"rating_too_high_i1": "rating_too_high"} if raised else {})


@pytest.mark.parametrize(
    ("volts", "raised"), [(48, False), (36, True), (24, True), (None, False)]
)
def test_bank_below_the_inverters_voltage_range_is_reported(
    volts: int | None, raised: bool
) -> None:
    """A Sunny Island accepts 41 V and more; nothing is sent to it below."""
    now = at_nominal_voltage(volts)
    key = "inverter_voltage_range"
    assert keys(now) == ({f"{key}_i1": key} if raised else {})
    if raised:
        assert the_one(now).placeholders == {
            "name": "Roof",
            "voltage": str(volts),
            "lowest": "41",
        }


def test_rating_is_shown_next_to_the_banks_limits() -> None:
    """It can be ignored, and clears when the rating is corrected."""
    now = replace(
        WELL, highest_limits={Direction.CHARGE: 30.0, Direction.DISCHARGE: 100.0}
    )
    found = the_one(now)
    assert found.placeholders == {
        "name": "Roof",
        "rated_charge": "50",
        "rated_discharge": "60",
        "charge": "30",
        "discharge": "100",
    }
    assert found.severity is ir.IssueSeverity.WARNING
    assert keys(with_inverter(now, rated_charge=30.0)) == {}
