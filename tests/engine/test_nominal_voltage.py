"""The table of nominal voltages: which charge voltage limit and voltage fit which."""

from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model.nominal_voltage import (
    NOMINAL_VOLTAGES,
    VOLTAGES,
    NominalVoltage,
    accepted_window,
    nominal_of,
    nominal_or_standard,
)

VOLTS = st.floats(-10.0, 100.0)
ROWS = [*NOMINAL_VOLTAGES.values()]
FULL = 3.65
"""V a cell, the highest charge voltage limit of a lithium iron phosphate battery."""


@pytest.mark.parametrize(
    ("limit", "volts", "nominal"),
    [
        (14.6, 13.2, 12),
        (14.6, 9.0, 12),
        (16.8, 16.0, 12),  # four cells of another chemistry
        (29.2, 26.4, 24),
        (29.4, 17.5, 24),
        (33.6, 30.0, 24),
        (25.2, 23.1, 24),  # 7 cells
        (43.8, 39.6, 36),
        (42.0, 25.0, 36),
        (39.6, 36.3, 36),  # 11 cells
        (56.0, 52.8, 48),
        (54.0, 40.0, 48),  # emptied: no 36 V battery
        (52.5, 31.0, 48),
        (44.5, 40.0, 48),
        (40.0, 44.5, 48),  # it lowered its limit to stop charging
        (44.4, 40.0, 36),
        (14.6, 52.8, None),  # a limit for something else
        (56.0, 26.4, None),
        (29.2, 13.2, None),
        (18.0, 13.2, None),  # no battery requests it
        (2.0, 2.0, None),
        (0.0, 0.0, None),
        (None, 26.4, None),
        (29.2, None, None),
        (None, None, None),
    ],
)
def test_both_voltages_show_the_nominal_voltage(
    limit: float | None, volts: float | None, nominal: int | None
) -> None:
    """By the higher one; both have to fit."""
    found = nominal_of(limit, volts)
    assert (found and found.volts) == nominal


@given(VOLTS, VOLTS)
def test_at_most_one_nominal_voltage_fits(limit: float, volts: float) -> None:
    """And it is the one that is found, whatever the two voltages are."""
    fitting = [row for row in ROWS if row.fits(limit, volts)]
    below = [row for row in fitting if max(limit, volts) < _next_reached(row)]
    assert nominal_of(limit, volts) == (below[0] if below else None)
    assert len(below) <= 1


@given(VOLTS, VOLTS)
def test_nothing_but_the_windows_of_48_v_is_48_v(limit: float, volts: float) -> None:
    """The rule of the time when there were no other voltages."""
    is_48 = 40 <= limit <= 65 and 30 <= volts <= 65 and max(limit, volts) >= 44.5
    found = nominal_of(limit, volts)
    assert (found is not None and found.volts == 48) is is_48


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.volts} V")
def test_a_full_and_a_nearly_empty_pack_are_recognised(row: NominalVoltage) -> None:
    """With any of its cell counts, at 3.45 to 3.65 V a cell and 2.2 V when empty."""
    for cells in row.cells:
        for cell in (3.45, 3.5, 3.6, FULL):
            for volts in (2.2, 2.8, 3.2, 3.4):
                assert nominal_of(cell * cells, volts * cells) is row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.volts} V")
def test_the_charge_voltage_limit_shows_the_cell_count(row: NominalVoltage) -> None:
    """At 3.45 to 3.65 V a cell, as batteries request; 15 cells at most 3.6."""
    for cells in row.cells:
        for cell in (3.45, 3.5, 3.6):
            assert row.cells_of(cell * cells) == cells
    assert row.cells_of(FULL * row.most_cells) == row.most_cells


@pytest.mark.parametrize(
    ("attribute", "low", "high"),
    [
        ("charge_voltage_limit", 2.5, None),
        ("discharge_voltage_limit", 2.0, 3.4),
    ],
)
def test_windows_are_in_proportion_to_the_cells(
    attribute: str, low: float, high: float | None
) -> None:
    """Of the pack with most cells; the lower end of 24 and 36 V allows for fewer."""
    for row in ROWS:
        window = row.window(attribute)
        assert low * row.cells[0] <= window.low <= low * row.most_cells
        if high is not None:
            assert window.high == pytest.approx(high * row.most_cells)


def test_a_window_holds_its_ends() -> None:
    """A value at the end of a window is accepted, as in the protocol's tables."""
    for row in ROWS:
        for attribute in VOLTAGES:
            window = row.window(attribute)
            assert window.holds(window.low)
            assert window.holds(window.high)
            assert not window.holds(window.low - 0.1)
            assert not window.holds(window.high + 0.1)


def test_decoding_accepts_every_window_without_a_gap() -> None:
    """The windows overlap or touch, but for charge voltage limits of 17 to 20 V."""
    assert accepted_window("charge_voltage_limit") == (10.0, 65.0)
    assert accepted_window("discharge_voltage_limit") == (8.0, 54.4)
    assert accepted_window("voltage") == (8.0, 65.0)
    for lower, upper in pairwise(ROWS):
        assert lower.volts < upper.volts
        assert lower.voltage.high >= upper.voltage.low
        assert lower.reached < upper.reached <= lower.charge_voltage_limit.high


def test_the_windows_of_48_v_are_those_of_before() -> None:
    """SMA has 41 to 63 V for the limit; 13 to 17 cells have to fit."""
    row = nominal_or_standard(None)
    assert row is NOMINAL_VOLTAGES[48]
    assert row.charge_voltage_limit == (40.0, 65.0)
    assert row.discharge_voltage_limit == (32.0, 54.4)
    assert row.voltage == (30.0, 65.0)
    assert row.cells == (15, 16)


def _next_reached(row: NominalVoltage) -> float:
    above = [other.reached for other in ROWS if other.reached > row.reached]
    return min(above, default=float("inf"))
