"""Banks of 12, 24 and 36 V from the battery to the inverter, and mixed ones."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.bms_gateway.engine.limits.loss.battery_loss import (
    BLOCK_BEFORE_SILENCE,
)
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Rule,
    Status,
)
from custom_components.bms_gateway.engine.presets import Make
from custom_components.bms_gateway.engine.setpoints import AllSetpoints

from ..plant import Plant, battery, inverter
from ..telegrams import HEALTHY, telegram

TWO = (battery("b1", 100.0), battery("b2", 300.0))
SLOW_RECOGNITION = 40.0
"""Seconds after which every nominal voltage is recognised, 36 V too."""


def of(volts: int) -> dict[str, Any]:
    """Return the voltages of HEALTHY for packs of another nominal voltage."""
    return {
        name: getattr(HEALTHY, name) * volts / 48
        for name in ("charge_voltage_limit", "discharge_voltage_limit", "voltage")
    }


def bank_of(*volts: int, **options: Any) -> Plant:
    """Return a plant of batteries of these nominal voltages, and one inverter."""
    batteries = [battery(f"b{n}") for n in range(1, len(volts) + 1)]
    reports = {each.id: of(v) for each, v in zip(batteries, volts, strict=True)}
    return Plant(batteries, reports=reports, **options)


def sent_volts(plant: Plant) -> tuple[float, float, float]:
    """Return CVL, DVL and voltage as last sent on the inverter's wire."""
    limits, measured = plant.port("i1").last(0x351), plant.port("i1").last(0x356)
    raw = (limits[0:2], limits[6:8])
    cvl, dvl = (int.from_bytes(each, "little") / 10 for each in raw)
    return cvl, dvl, int.from_bytes(measured[0:2], "little") / 100


def status(plant: Plant) -> Status:
    """Return the gateway's status now."""
    return plant.snapshot.status


def test_a_24_v_bank_works_from_end_to_end() -> None:
    """Two batteries, 8 cells each, one inverter: limits, voltages and a loss."""
    reports = {
        "b1": of(24) | {"current": -20.0},
        "b2": of(24) | {"current": -60.0, "charge_current_limit": 150.0},
    }
    plant = Plant(TWO, reports=reports).started(10.0)
    assert status(plant) is Status.RUNNING
    assert [plant.state(key).nominal for key in ("b1", "b2")] == [24, 24]
    assert [plant.state(key).cells for key in ("b1", "b2")] == [8, 8]
    assert sent_volts(plant) == (28.0, 23.0, 26.0)
    plant.run(20.0)
    assert plant.sent()[1] == pytest.approx(200.0, abs=10.0)
    bank = plant.snapshot.bank
    assert bank.current == -80.0
    assert bank.power == -80.0 * 26.0
    assert bank.capacity_kwh == pytest.approx(400 * 8 * 3.2 / 1000)
    plant.packs["b2"].active = False
    plant.run(15.0)
    assert plant.state("b2").status is BatteryStatus.LOST
    assert plant.charge.rule is Rule.LOSS
    assert plant.sent()[1] == 0.0
    assert sent_volts(plant)[0] <= 28.0
    plant.packs["b2"].active = True
    plant.run(30.0)
    assert status(plant) is Status.RUNNING
    assert sent_volts(plant) == (28.0, 23.0, 26.0)


@pytest.mark.parametrize("volts", [12, 24, 36, 48])
def test_a_bank_of_any_nominal_voltage_is_sent_its_own_voltages(volts: int) -> None:
    """By what the batteries report, without a setting."""
    plant = bank_of(volts, volts).started(SLOW_RECOGNITION)
    assert status(plant) is Status.RUNNING
    known = of(volts)
    assert sent_volts(plant) == pytest.approx((*known.values(),), abs=0.1)


@pytest.mark.parametrize("volts", [12, 24, 36])
def test_a_configured_nominal_voltage_needs_no_recognition(volts: int) -> None:
    """Two telegrams are enough, as of a 48 V battery."""
    batteries = [battery("b1", nominal_voltage=volts)]
    plant = Plant(batteries, reports={"b1": of(volts)}).started(1.5)
    assert status(plant) is Status.RUNNING
    assert sent_volts(plant) == pytest.approx((*of(volts).values(),), abs=0.1)


def test_floors_follow_the_cells() -> None:
    """CVL at least 3.0 V a cell, DVL 2.8 V a cell where the battery sends none."""
    batteries = [battery("b1", nominal_voltage=24)]
    empty = of(24) | {"voltage": 22.6, "discharge_voltage_limit": 21.0}
    plant = Plant(batteries, reports={"b1": empty}).started(5.0)
    plant.packs["b1"].reports(charge_voltage_limit=23.0)
    plant.run(5.0)
    assert plant.sent()[:2] == (24.0, 0.0)
    assert plant.charge.rule is Rule.VOLTAGE
    plant = Plant(batteries, reports={"b1": of(24)})
    # CVL 28.0 V, CCL and DCL 100 A, DVL 0: PY's blank
    plant.packs["b1"].instead = {0x351: bytes.fromhex("1801e803e8030000")}
    plant.started(5.0)
    assert sent_volts(plant)[1] == 22.4


def test_a_higher_charge_voltage_ramps_in_proportion() -> None:
    """0.5 V/s at 24 V where it is 1 V/s at 48 V: the same for each cell."""
    rises = {}
    for volts in (24, 48):
        plant = Plant(
            [battery("b1", nominal_voltage=volts)], reports={"b1": of(volts)}
        ).started(5.0)
        low = 53.0 * volts / 48
        plant.packs["b1"].reports(charge_voltage_limit=low)
        plant.run(5.0)
        plant.packs["b1"].reports(**of(volts))
        plant.run(5.25)
        rises[volts] = sent_volts(plant)[0] - low
    assert 0 < rises[24] < of(24)["charge_voltage_limit"] - 26.5
    assert rises[24] == pytest.approx(rises[48] / 2, abs=0.1)


@pytest.mark.parametrize("others", [(48, 24), (24, 12), (48, 36), (24, 24, 48)])
def test_a_mixed_bank_is_never_sent_anything(others: tuple[int, ...]) -> None:
    """From the first telegram on, in whatever order the batteries are recognised."""
    batteries = [battery(f"b{n}") for n in range(1, len(others) + 1)]
    reports = {each.id: of(v) for each, v in zip(batteries, others, strict=True)}
    # A 36 V battery is recognised late: the others wait for it
    plant = Plant(batteries, reports=reports, start_timeout=60.0)
    plant.started(SLOW_RECOGNITION)
    assert status(plant) is Status.MIXED_VOLTAGES
    assert plant.port("i1").sent == []
    assert plant.snapshot.charge is None
    assert plant.snapshot.bank.voltage is None
    plant.run(120.0)
    assert plant.port("i1").sent == []


def test_a_battery_of_another_voltage_stops_a_running_bank() -> None:
    """By 0 A for some seconds: silence alone would leave the last limits in effect.

    Without it everything goes on; a lost one still counts.
    """
    plant = bank_of(24, 24).started(10.0)
    assert plant.sent() == (28.0, 200.0, 200.0)
    batteries = (*plant.config.batteries, battery("b3"))
    plant.apply(batteries=batteries)
    plant.packs["b3"].reports(**of(48))
    plant.run(3.0)
    assert status(plant) is Status.BLOCKED
    assert plant.sent() == (28.0, 0.0, 0.0)
    assert plant.enabled() == (False, False)
    assert Alarm.INTERNAL in (plant.raised().protections or ())
    plant.run(BLOCK_BEFORE_SILENCE)
    assert status(plant) is Status.MIXED_VOLTAGES
    stopped_at = plant.now
    plant.run(10.0)
    assert plant.port("i1").since(stopped_at + 0.5) == []
    plant.packs["b3"].active = False
    plant.run(60.0)
    assert status(plant) is Status.MIXED_VOLTAGES
    plant.set(AllSetpoints(out_of_service=frozenset({"b3"})))
    plant.run(40.0)
    assert status(plant) is Status.RUNNING
    assert sent_volts(plant) == (28.0, 23.0, 26.0)


def test_a_configured_mix_is_refused_before_anything_is_received() -> None:
    """The configuration alone shows it."""
    batteries = [battery("b1", nominal_voltage=24), battery("b2", nominal_voltage=48)]
    plant = Plant(batteries)
    plant.step()
    plant.run(1.0)
    assert status(plant) is Status.MIXED_VOLTAGES
    plant.apply(batteries=[replace(each, nominal_voltage=48) for each in batteries])
    plant.run(30.0)
    assert status(plant) is Status.RUNNING
    assert sent_volts(plant) == (56.0, 46.0, 52.0)


def test_another_configured_nominal_voltage_forgets_the_voltages() -> None:
    """Those accepted for the earlier one must never be sent."""
    plant = bank_of(48).started(10.0)
    plant.apply(batteries=[battery("b1", nominal_voltage=24)])
    changed_at = plant.now
    plant.run(60.0)
    assert plant.state().status is BatteryStatus.LOST
    assert plant.state().nominal == 24
    assert plant.state().apparent_nominal == 48
    assert {each.attribute for each in plant.state().rejected} == {
        "charge_voltage_limit",
        "voltage",
    }
    assert all(ccl == dcl == 0 for _, ccl, dcl in plant.sent_since(changed_at + 30))


@pytest.mark.parametrize("other", [12, 24, 36])
def test_a_battery_that_alternates_between_voltages_never_counts(other: int) -> None:
    """From the start, as two batteries on one bus do: 48 V does not count at once then."""
    plant = bank_of(other, start_timeout=200.0)
    plant.send_telegrams()
    plant.step()
    for n in range(60):
        plant.packs["b1"].reports(**of(other if n % 2 else 48))
        plant.run(1.0)
    assert plant.state().status is BatteryStatus.WAITING
    assert plant.port("i1").sent == []
    plant.packs["b1"].reports(**of(48))
    plant.run(30.0)
    assert status(plant) is Status.RUNNING


@settings(max_examples=20)
@given(
    st.sampled_from([12, 24, 36, 48]),
    st.lists(
        st.tuples(st.sampled_from([0x351, 0x356]), st.sampled_from([12, 24, 36, 48])),
        max_size=6,
    ),
)
def test_single_false_frames_never_change_the_voltage(
    volts: int, false_ones: list[tuple[int, int]]
) -> None:
    """Of another nominal voltage, one at a time; the inverters see none of it."""
    plant = bank_of(volts).started(SLOW_RECOGNITION)
    at = plant.now
    for can_id, other in false_ones:
        [frame] = [f for f in telegram(**of(other)) if f.can_id == can_id]
        plant.packs["b1"].more = [frame]
        plant.run(1.0)
        plant.packs["b1"].more = []
        plant.run(3.0)
        assert plant.state().nominal == volts
    highest = of(volts)["charge_voltage_limit"]
    lowest = HEALTHY.voltage * volts / 48 - 0.2
    assert all(lowest <= cvl <= highest + 0.01 for cvl, _, _ in plant.sent_since(at))


def test_an_inverter_alone_sees_no_difference() -> None:
    """Ratings are in A: an inverter of a 24 V bank needs no setting."""
    plant = bank_of(24, inverters=[inverter("i1", 60.0)]).started(10.0)
    assert plant.sent()[1:] == (60.0, 60.0)


@pytest.mark.parametrize("volts", [24, 36])
def test_a_sunny_island_is_sent_nothing_of_a_lower_nominal_voltage(volts: int) -> None:
    """It accepts 41 V and more: the 42 V of a 36 V bank, but not what blocks it.

    Then it would go on with the limits of before.
    """
    sma = inverter("i1", make=Make.SMA)
    plant = bank_of(volts, inverters=[sma]).started(SLOW_RECOGNITION)
    assert status(plant) is Status.RUNNING
    assert plant.port("i1").sent == []
    plant = bank_of(48, inverters=[sma]).started(5.0)
    assert plant.sent() == (56.0, 100.0, 100.0)
    plant.packs["b1"].active = False
    plant.run(30.0)
    assert plant.sent()[1:] == (0.0, 0.0)
