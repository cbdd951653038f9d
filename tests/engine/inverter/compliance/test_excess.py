"""The excess of an inverter: how much counts, and that it lowers the others' limits."""

from typing import Any

from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.bms_gateway.engine.config import GatewayConfig
from custom_components.bms_gateway.engine.limits.context import Context
from custom_components.bms_gateway.engine.limits.pipeline import Pipeline
from custom_components.bms_gateway.engine.limits.unmanaged_hold import MAX_HOLD
from custom_components.bms_gateway.engine.model import Direction, Readings, Rule

from ...plant import Plant, inverter
from .house import CHARGE, DISCHARGE, NONE, House, battery_state


def test_excess_is_the_lowest_of_three_measurements() -> None:
    """It is 0 before the finding, and after it."""
    house = House()
    house.set_limit("i1", 50.0)
    house.flow(40, -80.0)
    assert house.compliance.beyond == NONE
    house.flow(20, -80.0)
    assert house.compliance.beyond == {CHARGE: 0.0, DISCHARGE: 30.0}
    house.flow(2, -3000.0)
    assert house.compliance.beyond == {CHARGE: 0.0, DISCHARGE: 30.0}
    house.flow(1, -90.0)
    assert house.compliance.beyond == {CHARGE: 0.0, DISCHARGE: 40.0}
    house.flow(1, -50.0)
    assert house.compliance.beyond == NONE


def _two(**reported: Any) -> Plant:
    inverters = [inverter(key, 100.0) for key in ("i1", "i2")]
    return Plant(inverters=inverters, reports={"b1": reported}).started()


def _sense(plant: Plant, seconds: int, shown: dict[str, float | None]) -> None:
    """Advance the time while sensors show currents of inverters each second."""
    for _ in range(seconds):
        for key, amps in shown.items():
            plant.gateway.sense(key, amps)
        plant.run(1.0)


def test_excess_of_one_inverter_lowers_the_others() -> None:
    """100 A are allowed: what one takes of them by its sensor, the others do not get.

    The other one leaves so much of its own that no excess flows in all.
    """
    plant = _two(current=-90.0)
    assert (plant.sent("i1")[2], plant.sent("i2")[2]) == (50.0, 50.0)
    _sense(plant, 120, {"i1": -80.0, "i2": -10.0})
    assert plant.inverter("i1").disobeys[DISCHARGE].sensed
    assert plant.inverter("i2").disobeys == {}
    assert plant.discharge.rule is Rule.UNMANAGED
    assert plant.sent("i2")[2] == pytest.approx(20.0, abs=0.5)
    assert 0.0 < plant.sent("i1")[2] <= 50.0
    plant.packs["b1"].reports(current=-30.0)
    _sense(plant, 40, {"i1": -20.0, "i2": -10.0})
    assert plant.inverter("i1").disobeys == {}
    # Unmanaged current, which the bank showed too, is released as slowly as ever
    _sense(plant, int(2 * MAX_HOLD), {"i1": -20.0, "i2": -10.0})
    assert (plant.sent("i1")[2], plant.sent("i2")[2]) == (50.0, 50.0)


def test_excess_without_a_sensor_lowers_the_others() -> None:
    """80 A of an inverter that was sent 50 A, and the other one's limit."""
    plant = _two(current=-130.0)
    for _ in range(150):
        plant.packs["b1"].reports(current=-80.0 - plant.sent("i2")[2])
        plant.run(1.0)
    assert plant.sent("i2")[2] == pytest.approx(20.0, abs=1.0)
    found = plant.inverter("i1").disobeys[DISCHARGE]
    assert found.inverters == {"i1", "i2"}


_FLOWS = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.sampled_from([-130.0, -80.0, -20.0, 0.0, 60.0, 130.0]),
        st.sampled_from([0.0, 30.0, 100.0]),
        st.sampled_from([0.0, 5.0, 40.0]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@example(
    [
        (1, -80.0, 100.0, 0.0),
        (22, -130.0, 0.0, 0.0),
        (7, -20.0, 0.0, 0.0),
        (3, -130.0, 0.0, 40.0),
        (6, -20.0, 0.0, 0.0),
    ]
)
@given(_FLOWS)
def test_excess_never_raises_a_limit(
    phases: list[tuple[int, float, float, float]],
) -> None:
    """With any current and any excess: at most the limit without it."""
    config = GatewayConfig(name="Test", inverters=(inverter("i1", 100.0),))
    both = Pipeline(), Pipeline()
    now = 1000.0
    for seconds, flowing, sent, beyond in [(1, 0.0, 0.0, 0.0), *phases]:
        for _ in range(seconds):
            now += 1.0
            readings = Readings(
                charge_current_limit=100.0,
                discharge_current_limit=100.0,
                current=flowing,
            )
            battery = battery_state(readings=readings, last=readings, current_at=now)
            context = Context(now, (battery,), (), dict.fromkeys(Direction))
            amps = []
            for limits, taken in zip(both, (beyond, 0.0), strict=True):
                limits.observe(
                    context,
                    config,
                    dict.fromkeys(Direction, sent),
                    dict.fromkeys(Direction, taken),
                )
                amps.append(
                    [
                        limits.evaluate(
                            d, context, config, over_voltage=None, requested=None
                        ).amps
                        for d in Direction
                    ]
                )
            for with_, without in zip(*amps, strict=True):
                assert with_ <= without + 1e-9
