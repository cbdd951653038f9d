"""Batteries of the tests of the bank."""

from typing import Any

from custom_components.bms_gateway.engine.model import BatteryStatus

from .plant import Plant, battery

TWO = (battery("b1", 100.0), battery("b2", 300.0))
EQUAL = (battery("b1"), battery("b2"))


def with_lost_battery(key: str = "b2", seconds: float = 4.0, **options: Any) -> Plant:
    """Return a plant of two equal batteries, one of them just lost."""
    plant = Plant(EQUAL, **options).started(10.0)
    plant.packs[key].active = False
    plant.run(seconds)
    assert plant.state(key).status is BatteryStatus.LOST
    return plant
