"""Plausible ranges of a battery's values."""

from math import nan
from typing import Any

import pytest

from custom_components.bms_gateway.engine.battery.plausibility.ranges import (
    Plausibility,
)
from custom_components.bms_gateway.engine.model import RejectedValue
from custom_components.bms_gateway.engine.model.nominal_voltage import NOMINAL_VOLTAGES


def screen(
    plausibility: Plausibility,
    values: dict[str, Any],
    *,
    nominal: int = 48,
    pending: bool = False,
    capacity: float = 100.0,
    soc: float | None = 50.0,
) -> dict[str, Any]:
    """Return the values of one frame that pass, of a battery of 48 V or another one."""
    return plausibility.screen(
        values,
        nominal=NOMINAL_VOLTAGES[nominal],
        pending=pending,
        capacity=capacity,
        soc=soc,
    )


def screened(
    *frames: dict[str, Any], capacity: float = 100.0, soc: float | None = 50.0
) -> dict[str, Any]:
    """Return the values of the last frame that pass."""
    plausibility = Plausibility()
    for frame in frames:
        left = screen(plausibility, frame, capacity=capacity, soc=soc)
    return left


@pytest.mark.parametrize("name", ["charge_current_limit", "discharge_current_limit"])
@pytest.mark.parametrize(
    ("amps", "capacity", "is_meant"),
    [
        (1200.0, 100.0, True),
        (1200.1, 100.0, False),
        (1200.1, 999.0, False),
        (1200.1, 1000.0, True),
        (3276.7, 2000.0, True),
        (1200.1, nan, False),
    ],
)
def test_huge_limits_of_small_batteries_are_rejected(
    name: str, amps: float, capacity: float, is_meant: bool
) -> None:
    """A Sunny Island accepts no more than 1,200 A."""
    left = screened({name: amps}, capacity=capacity)
    assert left == {name: amps if is_meant else None}


@pytest.mark.parametrize(
    ("limit", "amps", "is_meant"),
    [
        (100.0, -1200.0, True),
        (100.0, 1200.1, False),
        (100.0, -3276.7, False),
        (2000.0, 2400.0, True),
        (2000.0, -2400.1, False),
    ],
)
def test_a_current_far_above_every_limit_is_rejected(
    limit: float, amps: float, is_meant: bool
) -> None:
    """A broken meter's 3,276.7 A stopped a house."""
    limits = {"charge_current_limit": limit}
    left = screened(limits, {"current": amps}, capacity=2000.0)
    assert left == {"current": amps if is_meant else None}


LOW = {"charge_voltage_limit": 43.8, "voltage": 39.6}


@pytest.mark.parametrize("first", LOW)
def test_voltages_of_a_36_v_pack_are_rejected(first: str) -> None:
    """12 cells of 3.65 V: the windows of a 48 V battery hold both, but not together."""
    [second] = LOW.keys() - {first}
    plausibility = Plausibility()

    def left(name: str, volts: float) -> tuple[float | None, tuple[RejectedValue, ...]]:
        values = screen(plausibility, {name: volts})
        return values[name], plausibility.rejected

    def action_error(name: str) -> tuple[RejectedValue, ...]:
        return (RejectedValue(name, LOW[name], 44.5, 65.0),)

    assert left(first, LOW[first]) == (LOW[first], ())
    assert left(second, LOW[second]) == (None, action_error(second))
    assert left(first, LOW[first]) == (None, action_error(first))
    assert left(second, 50.0) == (50.0, ())
    assert left(first, LOW[first]) == (LOW[first], ())


@pytest.mark.parametrize(("limit", "volts"), [(44.5, 40.0), (40.0, 44.5), (56.0, 39.0)])
def test_one_low_voltage_alone_is_accepted(limit: float, volts: float) -> None:
    """A 48 V pack is empty, or lowers its limit to stop charging."""
    reported = {"charge_voltage_limit": limit, "voltage": volts}
    assert screened(reported) == reported


@pytest.mark.parametrize(("capacity", "is_named"), [(100.0, True), (nan, False)])
def test_a_rejected_limit_is_reported(capacity: float, is_named: bool) -> None:
    """Unless the capacity is still unknown: it may be large enough."""
    plausibility = Plausibility()
    screen(plausibility, {"charge_current_limit": 3276.7}, capacity=capacity, soc=None)
    rejected = (RejectedValue("charge_current_limit", 3276.7, 0.0, 1200.0),)
    assert plausibility.rejected == (rejected if is_named else ())
    screen(plausibility, {"soc": 50.0}, capacity=capacity, soc=None)
    assert plausibility.rejected == ()


CELLS = {"cell_voltage_min": 2.8, "cell_voltage_max": 3.65}
TRUE_CELLS = {"cell_voltage_min": 3.288, "cell_voltage_max": 3.313}


def test_settings_are_not_cell_voltages() -> None:
    """Round values that never change are those at which an emulator protects."""
    assert screened(CELLS, CELLS, CELLS) == dict.fromkeys(CELLS)
    assert screened(TRUE_CELLS) == TRUE_CELLS
    assert screened(TRUE_CELLS, TRUE_CELLS) == TRUE_CELLS


def test_cells_that_changed_once_are_measured() -> None:
    """Also while they are round by chance."""
    round_ones = {"cell_voltage_min": 3.3, "cell_voltage_max": 3.35}
    assert screened(round_ones) == dict.fromkeys(round_ones)
    assert screened(TRUE_CELLS, round_ones) == round_ones
    moved = {"cell_voltage_min": 3.25, "cell_voltage_max": 3.35}
    assert screened(round_ones, moved) == moved


def test_a_remaining_capacity_is_not_the_installed_one() -> None:
    """0x35F holds either: it is installed if SOC changes and it does not."""
    plausibility = Plausibility()

    def left(ah: float, soc: float | None) -> float | None:
        values = screen(plausibility, {"identity_ah": ah}, capacity=300.0, soc=soc)
        return values.get("candidate_ah")

    assert left(198.0, None) is None
    assert [left(3.0 * soc, soc) for soc in range(66, 40, -1)] == [None] * 26
    assert [left(300.0, soc) for soc in (60.0, 57.0, 55.1)] == [None] * 3
    assert left(300.0, 55.0) == 300.0
    assert left(300.0, 60.0) == 300.0
    assert left(299.0, 60.0) is None
