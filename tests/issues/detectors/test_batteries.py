"""Batteries with different voltages, odd shares, ignored requests, or a plain sum."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.config import Strategy
from custom_components.bms_gateway.engine.model import BatteryStatus, Direction, Status
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.engine.temporary_limits import TemporaryLimit
from custom_components.bms_gateway.issues.conditions import VoltageDifference
from custom_components.bms_gateway.issues.detectors import find_issues
from custom_components.bms_gateway.setpoints.serialization import Change

from .contexts import B1, B2, CONFIG, WELL, keys, seen, the_one, with_b1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"carries_current_out_of_service": True},
            {"out_of_service_current_b1": "out_of_service_current"},
        ),
        ({"wrong_sign": True}, {"wrong_sign_b1": "wrong_sign"}),
        (
            {"odd_share": True, "current_share": 0.6},
            {"odd_current_share_b1": "odd_current_share"},
        ),
        # A wrong sign explains an odd share
        (
            {"odd_share": True, "current_share": 0.6, "wrong_sign": True},
            {"wrong_sign_b1": "wrong_sign"},
        ),
    ],
)
def test_implausible_currents_are_reported(
    changes: dict[str, Any], expected: dict[str, str]
) -> None:
    """Of a connected battery, its sensor or its cables."""
    assert keys(with_b1(**changes)) == expected


def test_odd_share_is_shown_with_the_share_of_the_capacity() -> None:
    """100 of 400 Ah."""
    assert the_one(with_b1(odd_share=True, current_share=0.6)).placeholders == {
        "name": "Garage",
        "current_share": "60%",
        "share": "25%",
    }


def test_batteries_with_different_voltages_are_reported() -> None:
    """Both are named, with their voltages."""
    voltage_difference = VoltageDifference("b2", 53.26, "b1", 51.9)
    found = the_one(replace(WELL, voltage_difference=voltage_difference))
    assert found.key == "batteries_apart"
    assert found.placeholders == {
        "high": "Cellar",
        "high_volts": "53.3",
        "low": "Garage",
        "low_volts": "51.9",
    }


CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE


def temporary_limit(direction: Direction = CHARGE, **changes: Any) -> AllSetpoints:
    """Return a temporary limit of 0 by Bob on the inverter."""
    one = TemporaryLimit(device_id="i1", direction=direction, owner="Bob", amps=0.0)
    return AllSetpoints(temporary_limits=(replace(one, **changes),))


@pytest.mark.parametrize(
    ("setpoints", "held"),
    [
        (AllSetpoints(), None),
        (AllSetpoints(bank=Setpoints(charge_current=1.0, discharge_current=0.0)), None),
        (AllSetpoints(bank=Setpoints(charge_current=0.0)), "Bank (Ann)"),
        (AllSetpoints(inverters={"i1": Setpoints(charging_allowed=False)}), "Roof"),
        (temporary_limit(), "Roof (Bob)"),
        (temporary_limit(amps=None, watts=0.0, device_id=None), "Bank (Bob)"),
        (temporary_limit(amps=0.1), None),
        (temporary_limit(direction=DISCHARGE), None),
        (temporary_limit(until=10_000.0), None),
        (
            replace(temporary_limit(), bank=Setpoints(charge_current=0.0)),
            "Bank (Ann), Roof (Bob)",
        ),
    ],
)
def test_ignored_charge_request_names_what_holds_it(
    setpoints: AllSetpoints, held: str | None
) -> None:
    """A setpoint of 0, a switch that is off, an active limit of 0, with its owner."""
    found = the_one(
        replace(
            WELL,
            requesting=frozenset({"b1"}),
            setpoints=setpoints,
            changes={(None, "charge_current"): Change("Ann", 0.0)},
        )
    )
    assert found.key == ("force_charge_held" if held else "force_charge")
    assert found.placeholders["name"] == "Garage"
    assert found.placeholders.get("held") == held


def test_plain_sum_of_unequal_batteries_is_reported() -> None:
    """Both numbers are shown; it stays even if they allow the same for some time."""
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
    same = seen(now, batteries={"b1": replace(B1, current_share=0.5), "b2": B2})
    same = seen(now, batteries={"b1": B1, "b2": replace(B2, capacity_ah=100)})
    assert find_issues(same, {}) == {}
    assert find_issues(same, found) == found
    assert find_issues(WELL, found) == {}
    one = replace(now, config=replace(now.config, batteries=CONFIG.batteries[:1]))
    assert find_issues(one, found) == {}


def test_missing_modules_are_reported_with_figures() -> None:
    """Until all are there again."""
    found = the_one(with_b1(capacity_ah=500.0, modules_most=5, modules_missing=2))
    assert found.key == "modules_missing"
    assert found.placeholders == {
        "name": "Garage",
        "missing": "2",
        "most": "5",
        "left": "3",
        "capacity": "300",
    }
    assert keys(with_b1(modules_most=5)) == {}


def test_a_mixed_bank_is_reported() -> None:
    """With each battery whose nominal voltage is known, and its voltage."""
    now = with_b1(nominal=24)
    batteries = {
        **now.snapshot.batteries,
        "b2": replace(B2, status=BatteryStatus.LOST, nominal=48),
    }
    snapshot = replace(now.snapshot, status=Status.MIXED_VOLTAGES, batteries=batteries)
    mixed = find_issues(replace(now, snapshot=snapshot), {})
    found = mixed[f"mixed_voltages_{now.entry_id}"]
    assert found.key == "mixed_voltages"
    assert found.placeholders["batteries"] == "Garage (24 V), Cellar (48 V)"
    assert keys(with_b1(nominal=24)) == {}
