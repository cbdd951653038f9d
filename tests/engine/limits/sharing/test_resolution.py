"""Resolution of a battery's current meter, learned from its values."""

from collections.abc import Iterable

import pytest

from custom_components.bms_gateway.engine.limits.sharing.resolution import CurrentMeter


def _meter(values: Iterable[float]) -> CurrentMeter:
    meter = CurrentMeter()
    for at, amps in enumerate(values):
        meter.update(float(at), amps)
    return meter


@pytest.mark.parametrize(
    ("values", "quantum"),
    [
        ((10.0, 20.0, -40.0, 0.0), 10.0),
        ((3.0, 4.0, 4.0, -12.0), 1.0),
        ((0.5, 1.0, -2.5), 0.5),
        ((30.0, 40.0, 40.1), 0.1),
        # Two values other than 0 may be all that flowed
        ((30.0, 0.0, 10.0, 30.0), 0.1),
    ],
)
def test_quantum_is_the_largest_common_step(
    values: tuple[float, ...], quantum: float
) -> None:
    """The largest current of which all values are multiples."""
    assert _meter(values).quantum == pytest.approx(quantum)


def test_fine_value_shows_a_fine_meter_while_it_is_stored() -> None:
    """Forty values."""
    coarse = (10.0, 20.0, 30.0, 40.0) * 10
    assert _meter((9.9, *coarse[:-1])).quantum == pytest.approx(0.1)
    assert _meter((9.9, *coarse)).quantum == pytest.approx(10.0)


def test_one_measurement_counts_once() -> None:
    """However often the bank is evaluated meanwhile."""
    meter = _meter(())
    for amps in (10.0, 20.0, 30.0):
        meter.update(1.0, amps)
    assert meter.quantum == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("values", "dead_band"),
    [
        ((6.1, 2.3, 0.0, 2.1), 2.1),
        # A contactor that opened, at 20 A and at 4 A beside others
        ((21.1, 22.3, 20.4, 0.0), 0.0),
        ((21.1, 22.3, 4.4, 22.0, 0.0), 0.0),
        ((0.2, 0.1, 0.0, -0.3), 0.1),
    ],
)
def test_dead_band_is_found_beside_the_lowest_value(
    values: tuple[float, ...], dead_band: float
) -> None:
    """It reports 0 right after, or before, its lowest value."""
    assert _meter(values).dead_band == pytest.approx(dead_band)


def test_dead_band_blurs_changes_from_and_to_0() -> None:
    """The steps of the meter blur all changes."""
    meter = _meter((6.1, 2.3, 0.0, 2.1))
    assert meter.blur(0.0, 20.0) == pytest.approx(2.1)
    assert meter.blur(6.1, 20.0) == pytest.approx(0.1)
