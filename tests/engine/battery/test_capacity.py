"""Capacity of a battery: as reported, otherwise state of charge x capacity."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.battery.capacity import (
    capacity_kwh,
    cells_in_series,
    remaining_ah,
    stored_kwh,
)

from ..states import online


@pytest.mark.parametrize(
    ("nominal", "cells"), [(None, 16), (12, 4), (24, 8), (36, 12), (48, 16)]
)
def test_cells_follow_from_the_nominal_voltage_until_limits_show_them(
    nominal: int | None, cells: int
) -> None:
    """Most packs have the most cells; 48 V until the nominal voltage is known."""
    battery = replace(online(), nominal=nominal)
    assert cells_in_series(battery) == cells
    assert cells_in_series(replace(battery, cells=7)) == 7


def test_the_reported_remaining_charge_comes_first() -> None:
    """The battery's own count of Ah is better than our product."""
    assert remaining_ah(online(soc=50.0)) == 50.0
    assert remaining_ah(online(soc=50.0, remaining_ah=47.5)) == 47.5
    assert remaining_ah(online(soc=None)) is None


def test_energies_use_the_nominal_voltage() -> None:
    """16 cells: 100 Ah at 51.2 V are 5.12 kWh, whatever the load does to the voltage."""
    battery = replace(online(soc=25.0, voltage=49.0), cells=16)
    assert capacity_kwh(battery) == pytest.approx(5.12)
    assert stored_kwh(battery) == pytest.approx(1.28)
    assert capacity_kwh(replace(battery, cells=8)) == pytest.approx(2.56)


def test_without_cells_or_charge_energy_is_unknown() -> None:
    """A battery without a telegram may have 15 or 16 cells."""
    assert capacity_kwh(online()) is None
    assert stored_kwh(online()) is None
    known = replace(online(soc=None), cells=16)
    assert stored_kwh(known) is None
