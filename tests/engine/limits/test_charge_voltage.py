"""The voltage limits: never far under the pack, never below the floor."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.limits.charge_voltage import (
    VoltageReference,
    bank_voltage,
    charge_voltage_limit,
    discharge_voltage,
)
from custom_components.bms_gateway.engine.rounding import round_down

from ..states import online

volts_ = st.floats(40.0, 60.0)


def test_bank_voltage_is_the_mean_by_capacity() -> None:
    """Of batteries that agree."""
    batteries = [online("b1", 100.0, voltage=52.0), online("b2", 300.0, voltage=52.4)]
    assert bank_voltage(batteries) == pytest.approx(52.3)


def test_unknown_voltage_is_not_0() -> None:
    """No battery reports one."""
    assert bank_voltage([online(voltage=None)]) is None
    assert bank_voltage([]) is None


def test_battery_without_voltage_is_left_out() -> None:
    """The others give the voltage."""
    assert (
        bank_voltage([online("b1", voltage=None), online("b2", voltage=52.0)]) == 52.0
    )


def test_battery_far_from_the_median_is_left_out() -> None:
    """It may be disconnected."""
    batteries = [online(f"b{n}", voltage=v) for n, v in enumerate((52.0, 52.2, 54.0))]
    assert bank_voltage(batteries) == pytest.approx(52.1)


@pytest.mark.parametrize(
    ("first", "second", "volts"),
    [
        ((52.0, -20.0), (54.0, 0.0), 52.0),
        ((52.0, 0.0), (54.0, 20.0), 54.0),
        ((52.0, 0.5), (54.0, -0.5), 54.0),  # meters' tolerance: neither carries
        ((52.0, -20.0), (54.0, 20.0), 54.0),
        ((52.0, None), (54.0, None), 54.0),
    ],
)
def test_carrying_battery_counts_when_two_disagree(
    first: tuple[float, float | None],
    second: tuple[float, float | None],
    volts: float,
) -> None:
    """If none carries current, the higher one."""
    batteries = [
        online("b1", voltage=first[0], current=first[1]),
        online("b2", voltage=second[0], current=second[1]),
    ]
    assert bank_voltage(batteries) == volts


def test_highest_carrying_battery_counts_when_two_pairs_disagree() -> None:
    """None is near the median."""
    batteries = [
        online("b1", voltage=50.0, current=5.0),
        online("b2", voltage=50.2, current=5.0),
        online("b3", voltage=54.0, current=0.0),
        online("b4", voltage=54.2, current=0.0),
    ]
    assert bank_voltage(batteries) == 50.2


def test_reference_is_unknown_without_voltage() -> None:
    """Later the last one is held."""
    reference = VoltageReference()
    assert reference.update(None, 0.0) is None
    assert reference.update(52.0, 1.0) == 52.0
    assert reference.update(None, 2.0) == 52.0


def test_reference_is_the_highest_of_a_minute() -> None:
    """It rises at once and holds for 60 s."""
    reference = VoltageReference()
    assert reference.update(52.0, 0.0) == 52.0
    assert reference.update(53.0, 1.0) == 53.0
    for at in range(2, 62):
        assert reference.update(51.0, float(at)) == 53.0


def test_reference_falls_slowly() -> None:
    """0.1 V per 10 s once the peak is a minute old."""
    reference = VoltageReference()
    reference.update(53.0, 0.0)
    values = [reference.update(51.0, float(at)) for at in range(1, 400)]
    assert values[59] == 53.0
    assert values[69] == pytest.approx(53.0 - 0.1, abs=0.011)
    assert values[159] == pytest.approx(53.0 - 1.0, abs=0.011)
    assert values[-1] == 51.0


def test_lowest_limit_is_sent_while_the_pack_is_lower() -> None:
    """The lowest battery's, or the user's cap below it."""
    assert charge_voltage_limit(56.0, 52.0, cells=16).volts == 56.0
    assert charge_voltage_limit(56.0, 52.0, cells=16, cap=54.0).volts == 54.0
    assert charge_voltage_limit(56.0, 52.0, cells=16, cap=58.0).volts == 56.0


def test_limit_is_never_far_below_the_pack() -> None:
    """A cap below the pack would make inverters dump it."""
    sent = charge_voltage_limit(56.0, 54.5, cells=16, cap=50.0)
    assert sent.volts == pytest.approx(54.4)


def test_limit_is_never_below_the_floor() -> None:
    """3.0 V per cell, however low the battery itself goes."""
    assert charge_voltage_limit(56.0, 40.0, cells=16, cap=10.0).volts == 48.0
    assert charge_voltage_limit(53.2, 40.0, cells=15, cap=10.0).volts == 45.0
    assert charge_voltage_limit(42.0, 40.0, cells=16).volts == 48.0


def test_limit_above_a_battery_is_reported() -> None:
    """Its own limit cannot be sent: 0 A has to protect it."""
    assert charge_voltage_limit(54.0, 54.5, cells=16).over_battery
    assert not charge_voltage_limit(54.0, 54.1, cells=16).over_battery
    assert not charge_voltage_limit(56.0, 54.5, cells=16, cap=50.0).over_battery


@given(
    lowest=volts_,
    reference=volts_,
    cells=st.sampled_from([15, 16]),
    cap=st.none() | st.floats(0.0, 100.0),
)
def test_sent_voltage_stays_within_all_bounds(
    lowest: float, reference: float, cells: int, cap: float | None
) -> None:
    """After rounding: above floor and pack, above a battery only if reported."""
    sent = charge_voltage_limit(lowest, reference, cells=cells, cap=cap)
    volts = round_down(sent.volts)
    assert volts >= max(reference - 0.1, 3.0 * cells) - 0.1
    assert volts >= 3.0 * cells
    assert sent.over_battery or volts <= lowest + 1e-6


def test_discharge_voltage_stays_below_the_bank() -> None:
    """It never stops discharging by itself."""
    assert discharge_voltage(46.0, 52.0, cells=16) == 46.0
    assert discharge_voltage(52.0, 50.0, cells=16) == 49.5
    assert discharge_voltage(50.0, 50.27, cells=16) == 49.7
    assert discharge_voltage(46.0, None, cells=16) == 46.0


def test_discharge_voltage_is_never_0() -> None:
    """Some devices reject a whole 0x351 with 0, and keep the currents before."""
    assert discharge_voltage(None, 52.0, cells=16) == pytest.approx(44.8)
    assert discharge_voltage(None, 52.0, cells=15) == pytest.approx(42.0)
    assert discharge_voltage(None, 45.0, cells=16) == 44.5


@given(st.lists(st.tuples(st.floats(0.0, 90.0), volts_), min_size=1, max_size=40))
def test_reference_is_never_below_the_bank(steps: list[tuple[float, float]]) -> None:
    """And falls no faster than 0.1 V in 10 s."""
    reference = VoltageReference()
    at, before = 0.0, 0.0
    for gap, volts in steps:
        at += gap
        now = reference.update(volts, at)
        assert now is not None
        assert now >= volts
        assert now >= before - 0.01 * gap - 1e-6
        before = now
