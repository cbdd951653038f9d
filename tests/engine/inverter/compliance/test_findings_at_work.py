"""Inverters that exceed their limit are found by a whole gateway."""

from collections.abc import Callable
from typing import Any

import pytest

from custom_components.bms_gateway.engine.inverter.compliance.monitor import Current
from custom_components.bms_gateway.engine.model import Direction

from ...plant import Plant, inverter
from .house import DISCHARGE, House

STUCK: dict[str, Any] = {
    "discharge_current_limit": 0.0,
    "discharge_enabled": False,
    "voltage": 45.0,
    "soc": 100.0,
    "current": -20.0,
}
"""An empty battery that reports 100 %, and from which 20 A are drawn."""


def _plant(reported: dict[str, Any], **options: Any) -> Plant:
    """Return a started plant with one battery, that has reported 50 A before."""
    return Plant(
        inverters=[inverter("i1", **options)], reports={"b1": reported}
    ).started()


def _soc(plant: Plant, key: str = "i1") -> int:
    """Return the state of charge that an inverter was sent last, in %."""
    return plant.port(key).last(0x355)[0]


def _until(plant: Plant, is_so: Callable[[], bool], seconds: int) -> float:
    """Advance the time until a condition holds; return the seconds."""
    began = plant.now
    while not is_so():
        assert plant.now < began + seconds
        plant.run(1.0)
    return plant.now - began


def test_inverter_that_discharges_an_empty_battery_is_named() -> None:
    """Within 40 s although each telegram equals the one before."""
    plant = _plant({"current": -20.0})
    plant.run(60.0)
    assert plant.inverter().disobeys == {}
    plant.packs["b1"].reports(**STUCK)
    plant.run(1.5)
    assert plant.sent()[2] == 0.0
    lasted = _until(plant, lambda: bool(plant.inverter().disobeys), 60)
    assert 38.0 <= lasted <= 42.0
    found = plant.inverter().disobeys[DISCHARGE]
    assert (found.sent, found.taken) == (0.0, 20.0)
    assert found.inverters == {"i1"}
    assert not found.sensed
    plant.run(300.0)
    assert plant.inverter().disobeys == {DISCHARGE: found}
    assert _soc(plant) == 100
    plant.packs["b1"].reports(current=-1.0)
    lasted = _until(plant, lambda: not plant.inverter().disobeys, 60)
    assert 29.0 <= lasted <= 33.0


@pytest.mark.parametrize(
    ("amps", "sent", "due"),
    [(-20.0, 0.0, 1001.0), (-20.0, 16.0, None), (20.0, 14.9, 1001.0), (4.0, 0.0, None)],
)
def test_evaluation_is_due_while_more_flows_than_the_limits(
    amps: float, sent: float, due: float | None
) -> None:
    """The limits sent since the last evaluation count."""
    house = House()
    house.look(Current(amps, 1000.0))
    assert house.compliance.due_at(lambda: dict.fromkeys(Direction, sent)) == due


def test_soc_0_is_sent_if_configured() -> None:
    """Until the battery allows current again."""
    plant = _plant(STUCK, stop_by_soc=True)
    lasted = _until(plant, lambda: _soc(plant) == 0, 90)
    assert lasted >= 54.0  # it was sent 0 A within the first 6 s
    plant.packs["b1"].reports(current=0.0)
    plant.run(120.0)
    assert plant.inverter().disobeys == {}
    assert _soc(plant) == 0
    plant.packs["b1"].heal()
    _until(plant, lambda: plant.sent()[2] > 0, 30)
    assert _soc(plant) > 0


def test_listeners_are_notified_of_a_finding() -> None:
    """Although nothing else changes."""
    plant = _plant(STUCK)
    seen: list[bool] = []
    plant.gateway.subscribe(lambda now: seen.append(bool(now.inverters["i1"].disobeys)))
    plant.run(60.0)
    assert not seen[0]
    assert seen[-1]
