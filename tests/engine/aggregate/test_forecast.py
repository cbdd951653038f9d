"""Time to full and to empty, by the smoothed current; none at rest."""

import pytest

from custom_components.bms_gateway.engine.aggregate.forecast import (
    SMOOTHING_TIME,
    Forecast,
)
from custom_components.bms_gateway.engine.model import BankState

HOUR = 3600.0


def bank(amps: float | None, soc: float | None = 50.0) -> BankState:
    """Return a bank of 200 Ah."""
    return BankState(soc=soc, current=amps, capacity_ah=200.0)


def test_time_to_full_while_charging() -> None:
    """100 Ah are missing: 2 h at 50 A."""
    found = Forecast().update(bank(50.0), 0.0)
    assert found.time_to_full == pytest.approx(2 * HOUR)
    assert found.time_to_empty is None


def test_time_to_empty_while_discharging() -> None:
    """20 % of 200 Ah are 40 Ah: 4 h at 10 A."""
    found = Forecast().update(bank(-10.0, soc=20.0), 0.0)
    assert found.time_to_empty == pytest.approx(4 * HOUR)
    assert found.time_to_full is None


def test_a_full_bank_has_0_s_to_full() -> None:
    """It does not become unknown."""
    assert Forecast().update(bank(5.0, soc=100.0), 0.0).time_to_full == 0


@pytest.mark.parametrize("amps", [0.0, 1.9, -1.9, None])
def test_there_is_no_forecast_at_rest(amps: float | None) -> None:
    """Less than a hundredth of the capacity per hour is rest."""
    found = Forecast().update(bank(amps), 0.0)
    assert (found.time_to_full, found.time_to_empty) == (None, None)


def test_there_is_no_forecast_without_a_state_of_charge() -> None:
    """Nor without a battery."""
    assert Forecast().update(bank(50.0, soc=None), 0.0) == bank(50.0, soc=None)
    assert Forecast().update(BankState(), 0.0) == BankState()


def test_a_short_peak_hardly_shows() -> None:
    """Two seconds of 60 A in a steady 10 A: less than a tenth."""
    forecast = Forecast()
    steady = forecast.update(bank(-10.0), 0.0).time_to_empty
    forecast.update(bank(-60.0), 1.0)
    shown = forecast.update(bank(-60.0), 2.0).time_to_empty
    assert steady is not None
    assert shown is not None
    assert steady > shown > 0.9 * steady


def test_a_lasting_change_is_followed() -> None:
    """After a few time constants only the new current counts."""
    forecast = Forecast()
    forecast.update(bank(-10.0), 0.0)
    for step in range(1, 21):
        found = forecast.update(bank(-50.0), step * SMOOTHING_TIME / 4)
    assert found.time_to_empty == pytest.approx(2 * HOUR, rel=0.02)


def test_a_change_of_direction_is_unknown_at_first() -> None:
    """Charging after discharging: no forecast for a while."""
    forecast = Forecast()
    for second in range(600):
        forecast.update(bank(-50.0), float(second))
    found = forecast.update(bank(50.0), 600.0)
    assert (found.time_to_full, found.time_to_empty) == (None, None)
    for second in range(601, 1200):
        found = forecast.update(bank(50.0), float(second))
    assert found.time_to_full is not None


def test_a_gap_restarts_smoothing() -> None:
    """Current from before a gap does not count."""
    forecast = Forecast()
    for second in range(600):
        forecast.update(bank(-50.0), float(second))
    forecast.update(bank(None), 600.0)
    assert forecast.update(bank(50.0), 601.0).time_to_full == pytest.approx(2 * HOUR)
