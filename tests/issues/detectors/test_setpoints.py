"""Setpoints that were unreadable, not saved, or forgotten."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints
from custom_components.bms_gateway.setpoints.serialization import Change
from homeassistant.helpers import issue_registry as ir

from .contexts import DAY, WELL, keys, seen, the_one


def test_no_issue_without_a_reason() -> None:
    """Everything in order."""
    assert keys(WELL) == {}


def test_unreadable_setpoints_are_reported() -> None:
    """The user has to confirm the values."""
    found = the_one(replace(WELL, confirmed=False))
    assert (found.key, found.fixable) == ("setpoints_unreadable", True)


def test_unsaved_setpoints_are_reported() -> None:
    """A restart would undo them."""
    found = the_one(replace(WELL, saved=False))
    assert (found.key, found.fixable) == ("setpoints_unsaved", False)
    assert found.severity is ir.IssueSeverity.ERROR


def test_unsaved_energy_is_reported() -> None:
    """Separately from the setpoints: each file may fail by itself."""
    found = the_one(replace(WELL, energy_saved=False))
    assert (found.key, found.placeholders) == ("energy_unsaved", {"name": "Bank"})
    assert (found.fixable, found.severity) == (False, ir.IssueSeverity.ERROR)


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
        ("i9", "charge_current", 0.0, ("i9", "charging_forgotten")),
    ],
)
def test_forgotten_setpoint_is_reported(
    device: str | None, setpoint: str, value: object, expected: tuple[str, str] | None
) -> None:
    """One that stops a direction for more than a day, with its requester."""
    changes: dict[str, Any] = {setpoint: value}
    now = replace(
        seen(at=1000.0 + DAY - 1),
        setpoints=AllSetpoints().with_setpoints(device, Setpoints(**changes)),
        changes={(device, setpoint): Change("Ann", 1000.0)},
    )
    assert keys(now) == {}
    later = seen(now, at=1000.0 + DAY)
    if expected is None:
        assert keys(later) == {}
        return
    name, key = expected
    found = the_one(later)
    assert (found.key, found.placeholders) == (key, {"name": name, "by": "Ann"})
    assert found.severity is ir.IssueSeverity.WARNING
