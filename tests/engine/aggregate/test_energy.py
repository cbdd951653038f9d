"""Energy: integrated where measured, each direction separately; gaps are not filled."""

from dataclasses import replace

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bms_gateway.engine.aggregate.energy import (
    LONGEST_GAP,
    NO_ENERGY,
    Energy,
    Meter,
    Sample,
    bank_sample,
    battery_sample,
    between,
)
from custom_components.bms_gateway.engine.model import (
    BankState,
    BatteryState,
    BatteryStatus,
    Snapshot,
    Status,
)

from ..states import lost, online

WATTS = st.floats(-50_000, 50_000)
SECONDS = st.floats(0.01, LONGEST_GAP)


def measured(key: str = "b1", at: float = 10.0, **readings: float) -> BatteryState:
    """Return a battery that measured its current at a time."""
    return replace(online(key, **readings), current_at=at)


def bank(*batteries: BatteryState, **state: object) -> Snapshot:
    """Return a snapshot with these batteries and a bank of 1 kW."""
    known = BankState(power=1000.0, **state)  # type: ignore[arg-type] # a table's row
    return Snapshot(
        at=99.0,
        status=Status.RUNNING,
        bank=known,
        batteries={each.id: each for each in batteries},
    )


def test_an_hour_at_1_kw_is_1_kwh() -> None:
    """In as many steps as there are telegrams."""
    meter = Meter()
    for second in range(3601):
        meter.take(Sample(float(second), 1000.0))
    assert meter.total.charged == pytest.approx(1.0)
    assert meter.total.discharged == 0.0


def test_each_direction_is_counted_separately() -> None:
    """An hour out after an hour in is not zero."""
    meter = Meter(Energy(5.0, 7.0))
    for second in range(3601):
        meter.take(Sample(float(second), 1000.0))
    meter.take(None)
    for second in range(3601, 7202):
        meter.take(Sample(float(second), -500.0))
    assert meter.total.charged == pytest.approx(6.0)
    assert meter.total.discharged == pytest.approx(7.5)


@pytest.mark.parametrize(
    ("before", "after", "charged", "discharged"),
    [
        # Triangles and trapezoids over 7.2 s; 1 kW for 3.6 s is 1 Wh
        (0.0, 1000.0, 1.0, 0.0),
        (1000.0, 0.0, 1.0, 0.0),
        (-1000.0, 0.0, 0.0, 1.0),
        (500.0, 1500.0, 2.0, 0.0),
        (-500.0, -1500.0, 0.0, 2.0),
        # Through 0: half the time each, then three quarters of it
        (1000.0, -1000.0, 0.5, 0.5),
        (-1000.0, 3000.0, 2.25, 0.25),
        (3000.0, -1000.0, 2.25, 0.25),
        (0.0, 0.0, 0.0, 0.0),
    ],
)
def test_energy_is_the_trapezoid_between_samples(
    before: float, after: float, charged: float, discharged: float
) -> None:
    """Straight lines between samples, in Wh."""
    found = between(Sample(0.0, before), Sample(7.2, after))
    assert found.charged * 1000 == pytest.approx(charged)
    assert found.discharged * 1000 == pytest.approx(discharged)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Sample(1.0, 1000.0)),
        (Sample(1.0, 1000.0), None),
        (Sample(0.0, 1000.0), Sample(LONGEST_GAP + 0.1, 1000.0)),
        (Sample(1.0, 1000.0), Sample(1.0, 2000.0)),
        (Sample(2.0, 1000.0), Sample(1.0, 1000.0)),
        (
            Sample(0.0, 1000.0, of=frozenset({"b1", "b2"})),
            Sample(1.0, 500.0, of=frozenset({"b1"})),
        ),
    ],
)
def test_a_gap_is_not_filled(before: Sample | None, after: Sample | None) -> None:
    """Nor is time that stops or runs backwards, or with other batteries in the sum."""
    assert between(before, after) == NO_ENERGY


def test_counting_continues_after_a_gap() -> None:
    """From the first sample after it, not from the last before it."""
    meter = Meter()
    for at in (0.0, 3.6, 1003.6, 1007.2):
        meter.take(Sample(at, 1000.0))
    assert meter.total.charged == pytest.approx(0.002)


def test_a_slow_battery_has_longer_gaps() -> None:
    """Three of its periods are not a gap."""
    slow = replace(measured(at=0.0, current=20.0), period=20.0)
    after = replace(slow, current_at=59.0)
    later = replace(slow, current_at=61.0)
    first = battery_sample(slow)
    assert between(first, battery_sample(after)).charged > 0
    assert between(first, battery_sample(later)) == NO_ENERGY


def test_a_battery_sample_is_its_own_voltage_times_current() -> None:
    """At the time of the measurement."""
    found = battery_sample(measured(at=12.0, voltage=52.0, current=-10.0))
    assert found == Sample(12.0, -520.0, LONGEST_GAP, frozenset({"b1"}))


@pytest.mark.parametrize(
    "battery",
    [
        online(),
        replace(measured(), readings=replace(online().readings, current=None)),
        replace(measured(), readings=replace(online().readings, voltage=None)),
        replace(lost("b1"), current_at=10.0),
        replace(measured(), status=BatteryStatus.DUPLICATE, duplicate_of="b2"),
    ],
)
def test_unknown_power_is_no_sample(battery: BatteryState) -> None:
    """Without voltage, current or its time, or of a duplicate battery."""
    assert battery_sample(battery) is None


def test_bank_power_is_as_old_as_its_oldest_measurement() -> None:
    """A battery that still counts as online does not make the sum newer."""
    snapshot = bank(measured("b1", 10.0), measured("b2", 8.0), lost("b3"))
    found = bank_sample(snapshot)
    assert found == Sample(8.0, 1000.0, LONGEST_GAP, frozenset({"b1", "b2"}))


@pytest.mark.parametrize(
    "snapshot",
    [
        bank(measured(), current_estimated=True),
        replace(bank(measured()), bank=BankState()),
        bank(measured(), online("b2")),
        bank(),
        bank(lost("b1")),
        bank(replace(measured(), status=BatteryStatus.OUT_OF_SERVICE)),
    ],
)
def test_an_estimated_bank_is_no_sample(snapshot: Snapshot) -> None:
    """Nor one without batteries, or without the times of measurement."""
    assert bank_sample(snapshot) is None


@example(before=89602.19324467478, after=-5.6e-12, seconds=7.05297371661181)
@given(before=WATTS, after=WATTS, seconds=SECONDS)
def test_both_directions_add_up_to_the_net(
    before: float, after: float, seconds: float
) -> None:
    """Neither is ever negative, and their difference is the trapezoid."""
    found = between(Sample(0.0, before), Sample(seconds, after))
    assert found.charged >= 0
    assert found.discharged >= 0
    net = (before + after) / 2 * seconds / 3.6e6
    assert found.charged - found.discharged == pytest.approx(net, abs=1e-9)


@given(st.lists(st.none() | st.builds(Sample, st.floats(0, 1e6), WATTS), max_size=30))
def test_a_total_never_falls(samples: list[Sample | None]) -> None:
    """For any samples, in any order of time."""
    meter = Meter(Energy(1.0, 1.0))
    for sample in samples:
        before = meter.total
        meter.take(sample)
        assert meter.total.charged >= before.charged
        assert meter.total.discharged >= before.discharged
