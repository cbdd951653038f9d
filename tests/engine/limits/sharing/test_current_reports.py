"""Current reports of the batteries, and how far the bank current changed."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.limits.sharing.current_reports import Reports
from custom_components.bms_gateway.engine.model import BatteryState

from ...plant import Plant, battery
from ...states import online


def measured(key: str, amps: float | None, at: float) -> BatteryState:
    """Return a battery that measured its current at a time."""
    return replace(online(key, 100.0, current=amps), current_at=at)


def sent(*amps: float) -> Reports:
    """Return one battery's reports, one a second."""
    reports = Reports()
    for at, each in enumerate(amps):
        reports.update([measured("b1", each, float(at))])
    return reports


def steady(*amps: float) -> float | None:
    """Return the filtered currents of one battery's reports."""
    return sent(*amps).steady(measured("b1", amps[-1], 0.0)).readings.current


@given(st.floats(-300.0, 300.0), st.sampled_from([-3276.7, -80.0, 0.0, 45.0, 3276.7]))
def test_single_false_value_is_filtered(amps: float, false: float) -> None:
    """Neither when it arrives nor after it."""
    assert steady(amps, amps, false) == pytest.approx(amps, abs=0.7 + 0.03 * abs(false))
    assert steady(amps, amps, false, amps) == amps
    assert steady(amps, amps, false, amps, amps) == amps


def test_slow_change_is_followed_without_delay() -> None:
    """Circulating current that decays by 0.5 A with each telegram."""
    assert steady(10.0, 9.5, 9.0, 8.5) == 8.5
    assert steady(10.0, 30.0, 50.0) == 30.0


def test_change_of_the_bank_spans_the_oldest_value_in_use() -> None:
    """From the slowest battery's previous telegram on."""
    reports = Reports()
    reports.update([measured("b1", 20.0, 0.0), measured("b2", 20.0, 0.0)])
    reports.update([measured("b1", 35.0, 1.0), measured("b2", 20.0, 0.0)])
    assert reports.bank_moved == 15.0
    reports.update([measured("b1", 35.0, 1.0), measured("b2", 35.0, 2.0)])
    assert reports.bank_moved == 30.0


def test_circulating_current_is_no_change_of_the_bank() -> None:
    """One battery carries less of it as the other does."""
    reports = Reports()
    for at, amps in enumerate((30.0, 25.0, 21.0, 18.0)):
        pair = [measured("b1", amps, float(at)), measured("b2", -amps, float(at))]
        reports.update(pair)
    assert reports.bank_moved == 0.0


def test_removed_battery_is_forgotten() -> None:
    """And an unknown current is no report."""
    reports = sent(20.0, 30.0)
    reports.update([measured("b2", None, 2.0)])
    assert reports.of("b1") is None
    assert reports.of("b2") is None
    assert reports.bank_moved == 0.0


def test_decaying_circulating_current_is_followed_at_rest() -> None:
    """Of slow batteries too: the bank limit follows.

    Two batteries of different charge were just joined: 38 A circulate from b2 into b1,
    which allows 40 A of charge, and decay within a minute. The bank rests. (In 20 to 60 s
    the charge limit was 0 A, though 10 A and more were possible.)
    """
    plant = Plant(
        (battery("b1"), battery("b2")), reports={"b1": {"charge_current_limit": 40.0}}
    )
    circulating = 38.0
    for _ in range(60):
        circulating *= 0.97
        plant.packs["b1"].reports(current=round(circulating, 1))
        plant.packs["b2"].reports(current=-round(circulating, 1))
        plant.run(1.0)
    room = 40.0 - circulating
    assert plant.charge.amps >= room / 0.5 - 6.0


FALSE = [-600.0, -60.0, 60.0, 600.0]
"""A; the false current of one telegram while nothing flows."""


@pytest.mark.parametrize("false", FALSE)
@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("silent", [0.0, 8.0, 40.0])
def test_false_first_current_raises_no_limit(
    false: float, at: int, silent: float
) -> None:
    """Once limits are reported, and after a silence; of three batteries one allows 20 A.

    (After 40 s of silence 600 A made 159 A of 60 A.)
    """
    low = {"charge_current_limit": 20.0, "discharge_current_limit": 20.0}
    plant = Plant(
        [battery(f"b{n}") for n in range(3)], reports={"b1": low}, discharge_grace=600.0
    )
    plant.started(60.0 if silent else 2.0)
    if silent:
        plant.packs["b1"].active = False
        plant.run(silent)
        plant.packs["b1"].active = True
        plant.packs["b1"].next_at = plant.now
    for n in range(12):
        plant.packs["b1"].reports(current=false if n == at else 0.0)
        plant.run(1.0)
        for limit in (plant.snapshot.charge, plant.snapshot.discharge):
            assert limit is None or limit.amps <= 62.0
