"""Which of several inverters exceeds its limit."""

import pytest

from custom_components.bms_gateway.engine.inverter.compliance.monitor import Current

from .house import CHARGE, DISCHARGE, House


def test_both_of_two_inverters_without_sensor_are_named() -> None:
    """80 A flow of 50 A: either of them may disobey."""
    house = House("i1", "i2")
    house.set_limit("i1", 50.0)
    house.flow(60, -80.0)
    found = house.found("i1")
    assert found == house.found("i2")
    assert found[DISCHARGE].inverters == {"i1", "i2"}
    assert (found[DISCHARGE].sent, found[DISCHARGE].taken) == (50.0, 80.0)


@pytest.mark.parametrize("sensed", ["i1", "i2"])
def test_one_sensor_shows_which_of_two_disobeys(sensed: str) -> None:
    """It shows the one that disobeys, or that the other one does."""
    house = House("i1", "i2")
    house.set_limit("i1", 50.0)
    house.flow(60, -80.0, sensed={sensed: -80.0 if sensed == "i1" else 0.0})
    found = house.found("i1")[DISCHARGE]
    assert found.inverters == {"i1"}
    assert (found.sent, found.taken) == (50.0, 80.0)
    assert found.sensed is (sensed == "i1")
    assert not house.found("i2")


def test_inverter_without_a_limit_may_take_its_rating() -> None:
    """That much is no proof against the other."""
    house = House("i1", "i2")
    house.set_limit("i2", 60.0, is_sent=False)
    house.flow(60, -60.0)
    assert not house.found("i1")
    house.flow(60, -90.0)
    assert house.found("i1")[DISCHARGE].inverters == {"i1"}
    assert not house.found("i2")


def test_removed_inverter_may_still_take_its_last_limit() -> None:
    """Until its own time-out."""
    house = House()
    for _ in range(60):
        house.now += 1.0
        house.compliance.update(
            house.now,
            Current(-40.0, house.now),
            list(house.loads.values()),
            {CHARGE: 0.0, DISCHARGE: 40.0},
        )
    assert not house.found()
    house.flow(60, -40.0)
    assert house.found()
