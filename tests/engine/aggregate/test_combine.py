"""Combined values of all batteries."""

from collections.abc import Sequence

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.aggregate.combine import combine
from custom_components.bms_gateway.engine.model import (
    NO_BANK,
    Alarm,
    BankState,
    BatteryState,
)

from ..states import lost, never_reported, online


def test_without_batteries_everything_is_unknown() -> None:
    """Nothing is 0."""
    assert combine([]) == NO_BANK
    assert combine([lost(), never_reported()]) == NO_BANK


def test_only_online_batteries_count() -> None:
    """The last values of a lost one are not present ones."""
    assert combine([online(soc=40.0), lost(soc=90.0)]).soc == 40.0


def test_means_are_weighted_by_capacity() -> None:
    """SOC, SOH, voltage and temperature."""
    small = online("b1", 100.0, soc=80.0, soh=100.0, voltage=52.0, temperature=10.0)
    large = online("b2", 300.0, soc=40.0, soh=96.0, voltage=52.4, temperature=20.0)
    bank = combine([small, large])
    assert bank.soc == 50.0
    assert bank.soh == 97.0
    assert bank.voltage == pytest.approx(52.3)
    assert bank.temperature == 17.5


def test_extremes_and_spread_are_shown() -> None:
    """The lowest and the highest of each, over all batteries."""
    bank = combine(
        [
            online(
                "b1",
                soc=80.0,
                soh=99.0,
                voltage=52.5,
                temperature=10.0,
                cell_voltage_min=3.2,
                cell_voltage_max=3.3,
                cell_temperature_min=8.0,
                cell_temperature_max=12.0,
            ),
            online(
                "b2",
                soc=40.0,
                soh=97.0,
                voltage=52.0,
                temperature=20.0,
                cell_voltage_min=3.1,
                cell_voltage_max=3.25,
                cell_temperature_min=18.0,
                cell_temperature_max=24.0,
            ),
        ]
    )
    assert (bank.soc_min, bank.soc_max) == (40.0, 80.0)
    assert (bank.soh_min, bank.soh_max) == (97.0, 99.0)
    assert (bank.temperature_min, bank.temperature_max) == (10.0, 20.0)
    assert (bank.cell_voltage_min, bank.cell_voltage_max) == (3.1, 3.3)
    assert (bank.cell_temperature_min, bank.cell_temperature_max) == (8.0, 24.0)
    assert bank.voltage_spread == 0.5


def test_one_battery_has_no_spread() -> None:
    """A difference takes two."""
    assert combine([online()]).voltage_spread is None


def test_current_power_capacity_and_modules_are_sums() -> None:
    """Current, power, capacity and modules."""
    bank = combine(
        [
            online("b1", 100.0, current=-30.0, voltage=50.0, modules=2),
            online("b2", 300.0, current=10.0, voltage=50.0, modules=5),
        ],
        current=-20.0,
    )
    assert bank.current == -20.0
    assert bank.power == -1000.0
    assert bank.capacity_ah == 400.0
    assert bank.modules == 7
    assert not bank.current_estimated


def test_factor_and_offset_apply_once() -> None:
    """As in the daemon: factor x sum + offset; power follows."""
    bank = combine([online("b1", voltage=50.0)], current=-20.0, factor=0.5, offset=3.0)
    assert bank.current == -7.0
    assert bank.power == -350.0


def test_an_unknown_current_makes_the_sum_an_estimate() -> None:
    """With any estimate."""
    bank = combine(
        [online("b1", current=-30.0), online("b2", current=None)], current=-120.0
    )
    assert bank.current == -120.0
    assert bank.current_estimated


def test_unknown_is_never_0() -> None:
    """A value that no battery reports is unknown, and so is every result of it."""
    bank = combine(
        [
            online(
                soc=None,
                soh=None,
                voltage=None,
                current=None,
                discharge_voltage_limit=None,
                protections=None,
                warnings=None,
            )
        ]
    )
    for name in (
        "soc",
        "soc_min",
        "soh",
        "voltage",
        "voltage_spread",
        "current",
        "power",
        "temperature",
        "cell_voltage_min",
        "remaining_ah",
        "modules",
        "discharge_voltage_limit",
        "force_charge",
        "protections",
        "warnings",
        "name",
    ):
        assert getattr(bank, name) is None, name


def test_one_unknown_is_left_out_of_a_mean() -> None:
    """The others still count."""
    bank = combine([online("b1", soc=40.0), online("b2", soc=None)])
    assert bank.soc == 40.0


def test_modules_unknown_of_one_are_unknown_of_all() -> None:
    """A sum without one of them would be wrong."""
    assert (
        combine([online("b1", modules=2), online("b2", modules=None)]).modules is None
    )


def test_remaining_charge_is_reported_or_calculated() -> None:
    """By state of charge and capacity."""
    reported = online("b1", 100.0, remaining_ah=37.0)
    calculated = online("b2", 200.0, soc=25.0)
    assert combine([reported, calculated]).remaining_ah == 87.0
    assert combine([reported, online("b2", soc=None)]).remaining_ah is None


def test_victrons_charge_request_counts() -> None:
    """It has no other way to request (0x360)."""
    requests = online("b1", charge_request=True)
    assert (
        combine([requests, online("b2", force_charge_2=False)]).force_charge_2 is True
    )
    assert combine([online(charge_request=False)]).force_charge_2 is False


def test_the_strictest_voltage_limits_count() -> None:
    """The lowest for charging, the highest for discharging."""
    bank = combine(
        [
            online("b1", charge_voltage_limit=56.0, discharge_voltage_limit=46.0),
            online("b2", charge_voltage_limit=55.2, discharge_voltage_limit=47.0),
        ]
    )
    assert bank.charge_voltage_limit == 55.2
    assert bank.discharge_voltage_limit == 47.0


def test_a_request_of_one_battery_counts() -> None:
    """OR; unknown when none reports it."""
    bank = combine(
        [
            online("b1", force_charge=True, full_charge=False),
            online("b2", force_charge=False),
        ]
    )
    assert (bank.force_charge, bank.force_charge_2, bank.full_charge) == (
        True,
        None,
        False,
    )


def test_alarms_of_all_batteries_are_united() -> None:
    """Their union."""
    bank = combine(
        [
            online("b1", protections=frozenset({Alarm.OVER_VOLTAGE})),
            online("b2", protections=None, warnings=frozenset({Alarm.INTERNAL})),
        ]
    )
    assert bank.protections == frozenset({Alarm.OVER_VOLTAGE})
    assert bank.warnings == frozenset({Alarm.INTERNAL})


def test_missing_alarms_are_not_no_alarm() -> None:
    """A battery that reports none may have any; an alarm of another one is raised."""
    silent = online("b2", protections=None, warnings=None)
    raised = frozenset({Alarm.OVER_VOLTAGE})
    bank = combine([online("b1", protections=raised, warnings=frozenset()), silent])
    assert bank.protections == raised
    assert bank.warnings is None


def test_the_first_reported_name_is_used() -> None:
    """A bank has one name."""
    bank = combine([online("b1", name=None), online("b2", name="PYLON")])
    assert bank.name == "PYLON"


@st.composite
def _banks(draw: st.DrawFn) -> Sequence[BatteryState]:
    value = st.none() | st.floats(0, 100)
    return [
        online(
            f"b{n}",
            draw(st.floats(1, 1000)),
            soc=draw(value),
            soh=draw(value),
            voltage=draw(st.none() | st.floats(40, 60)),
            temperature=draw(st.none() | st.floats(-40, 100)),
            current=draw(st.none() | st.floats(-500, 500)),
        )
        for n in range(draw(st.integers(1, 5)))
    ]


@given(_banks())
def test_means_lie_within_the_extremes(batteries: Sequence[BatteryState]) -> None:
    """100 only if every one is, 0 only if every one is."""
    bank: BankState = combine(batteries)
    for mean, low, high in (
        (bank.soc, bank.soc_min, bank.soc_max),
        (bank.soh, bank.soh_min, bank.soh_max),
        (bank.temperature, bank.temperature_min, bank.temperature_max),
    ):
        assert (mean is None) == (low is None) == (high is None)
        if mean is not None and low is not None and high is not None:
            assert low <= mean <= high
    if bank.soc == 100.0:
        assert bank.soc_min == 100.0


@given(_banks())
def test_the_order_of_batteries_does_not_matter(
    batteries: Sequence[BatteryState],
) -> None:
    """A bank is a set."""
    one = combine(batteries)
    other = combine(batteries[::-1])
    assert one.soc == pytest.approx(other.soc)
    assert one.current == pytest.approx(other.current, abs=1e-6)
    assert one.voltage == pytest.approx(other.voltage)
