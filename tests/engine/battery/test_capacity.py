"""Capacity of a battery: as reported, otherwise state of charge x capacity."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.battery.capacity import (
    capacity_kwh,
    cells_of,
    remaining_ah,
    stored_kwh,
)

from ..states import online


@pytest.mark.parametrize(
    ("limit", "cells"),
    [
        # Pylontech's own: 15 cells at 3.5 to 3.6 V
        (52.5, 15),
        (53.2, 15),
        (54.0, 15),
        # 16 cells at 3.45 to 3.65 V
        (55.2, 16),
        (56.0, 16),
        (58.4, 16),
    ],
)
def test_the_charge_voltage_limit_shows_the_cell_count(
    limit: float, cells: int
) -> None:
    """15 or 16 of them."""
    assert cells_of(limit) == cells


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


def test_without_cells_or_charge_energy_is_unknown() -> None:
    """A battery without a telegram may have 15 or 16 cells."""
    assert capacity_kwh(online()) is None
    assert stored_kwh(online()) is None
    known = replace(online(soc=None), cells=16)
    assert stored_kwh(known) is None
