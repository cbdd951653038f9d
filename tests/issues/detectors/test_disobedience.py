"""Issues of inverters that take more current than they were sent."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.bms_gateway.engine.model import (
    Direction,
    Disobedience,
    InverterState,
)
from custom_components.bms_gateway.issues.context import IssueContext
from custom_components.bms_gateway.issues.detectors import find_issues
from homeassistant.util import dt as dt_util

from .contexts import CONFIG, I1, WELL, keys, seen, the_one, with_i1

CHARGE, DISCHARGE = Direction.CHARGE, Direction.DISCHARGE
FOUND = Disobedience(sent=0.04, taken=19.6, since=9_930.0, inverters=frozenset({"i1"}))


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    """Stop the clock at noon UTC."""
    freezer.move_to(datetime(2026, 1, 2, 12, 0, 30, tzinfo=UTC))


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(
    ("sensed", "key"),
    [(False, "inverter_over_limit"), (True, "inverter_over_limit_measured")],
)
def test_single_inverter_is_named(direction: Direction, sensed: bool, key: str) -> None:
    """With the evidence, as it may be another cause without a sensor."""
    now = with_i1(disobeys={direction: replace(FOUND, sensed=sensed)})
    assert keys(now) == {f"over_limit_i1_{direction}": f"{key}_{direction}"}
    assert the_one(now).device_id == "i1"


def test_figures_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Device, current and start; it is one o'clock in Berlin."""
    with monkeypatch.context() as patch:
        patch.setattr(dt_util, "DEFAULT_TIME_ZONE", ZoneInfo("Europe/Berlin"))
        found = the_one(with_i1(disobeys={DISCHARGE: FOUND}))
    assert found.placeholders == {
        "name": "Roof",
        "allowed": "0",
        "measured": "20",
        "since": "2026-01-02 12:59",  # 70 s ago
    }


def test_start_time_does_not_change(freezer: FrozenDateTimeFactory) -> None:
    """The issue would be raised anew each time."""
    now = with_i1(disobeys={DISCHARGE: FOUND})
    raised = find_issues(now, {})
    freezer.tick(3600)
    assert find_issues(now, raised) == raised


def test_each_direction_is_one_issue() -> None:
    """It may take too much in either."""
    now = with_i1(disobeys={DISCHARGE: FOUND, CHARGE: FOUND})
    assert keys(now) == {
        "over_limit_i1_charge": "inverter_over_limit_charge",
        "over_limit_i1_discharge": "inverter_over_limit_discharge",
    }


def test_one_of_several_inverters_is_one_issue() -> None:
    """It names all candidates."""
    found = replace(FOUND, inverters=frozenset({"i1", "i2"}))
    both: IssueContext = seen(
        inverters={
            "i1": replace(I1, disobeys={DISCHARGE: found}),
            "i2": InverterState(id="i2", disobeys={DISCHARGE: found}),
        }
    )
    second = replace(CONFIG.inverters[0], id="i2", name="Barn")
    both = replace(both, config=replace(CONFIG, inverters=(*CONFIG.inverters, second)))
    assert keys(both) == {
        "over_limit_i1_i2_discharge": "inverters_over_limit_discharge"
    }
    assert the_one(both).placeholders["name"] == "Roof, Barn"
    assert the_one(both).device_id is None


def test_obeying_inverters_raise_no_issue() -> None:
    """Those within their limits."""
    assert keys(WELL) == {}
