"""Which protections go out as alarms, which only as warnings (limits.md, 10)."""

import pytest

from custom_components.bms_gateway.engine.alarms import raised
from custom_components.bms_gateway.engine.model import Alarm, Direction

from .states import online

CHARGE_ONLY = (
    Alarm.OVER_VOLTAGE,
    Alarm.CHARGE_CURRENT,
    Alarm.CHARGE_OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE,
)
DISCHARGE_ONLY = (Alarm.UNDER_VOLTAGE, Alarm.DISCHARGE_CURRENT)


def test_nothing_raised() -> None:
    """Healthy batteries raise nothing, nor does one that tells no flags."""
    assert not raised([online(), online(protections=None, warnings=None)]).protections
    assert not raised([online(), online(protections=None, warnings=None)]).warnings


@pytest.mark.parametrize("alarm", Alarm)
def test_a_protection_is_a_warning_while_another_battery_goes_on(alarm: Alarm) -> None:
    """A Sunny Island would stop at any alarm."""
    told = raised([online("b1", protections=frozenset({alarm})), online("b2")])
    assert told.warnings == {alarm}
    assert not told.protections


@pytest.mark.parametrize("alarm", Alarm)
def test_a_protection_is_an_alarm_when_no_battery_is_left(alarm: Alarm) -> None:
    """Then there is nothing to go on with in that direction."""
    told = raised([online(protections=frozenset({alarm}))])
    assert told.protections == {alarm}
    assert not told.warnings


def test_another_battery_that_does_not_permit_is_none_left() -> None:
    """Its enable is clear, so the first one's protection stops the bank."""
    told = raised(
        [
            online("b1", protections=frozenset({Alarm.OVER_VOLTAGE})),
            online("b2", charge_enabled=False),
        ]
    )
    assert told.protections == {Alarm.OVER_VOLTAGE}


@pytest.mark.parametrize("alarm", CHARGE_ONLY)
def test_a_protection_of_the_other_direction_stays_a_warning(alarm: Alarm) -> None:
    """Discharging is dead, but not by this one."""
    told = raised(
        [
            online("b1", protections=frozenset({alarm}), discharge_enabled=False),
            online("b2", discharge_enabled=False),
        ]
    )
    assert told.warnings == {alarm}


@pytest.mark.parametrize("alarm", DISCHARGE_ONLY)
def test_the_same_for_discharging(alarm: Alarm) -> None:
    """Charging is dead, but not by this one."""
    told = raised(
        [
            online("b1", protections=frozenset({alarm}), charge_enabled=False),
            online("b2", charge_enabled=False),
        ]
    )
    assert told.warnings == {alarm}


def test_warnings_go_out_as_warnings() -> None:
    """Of every battery."""
    told = raised(
        [
            online("b1", warnings=frozenset({Alarm.OVER_VOLTAGE})),
            online("b2", warnings=frozenset({Alarm.UNDER_TEMPERATURE})),
        ]
    )
    assert told.warnings == {Alarm.OVER_VOLTAGE, Alarm.UNDER_TEMPERATURE}
    assert not told.protections


def test_a_loss_that_blocks_one_direction_is_a_warning() -> None:
    """The other one goes on."""
    told = raised([online()], frozenset({Direction.CHARGE}))
    assert told.warnings == {Alarm.INTERNAL}
    assert not told.protections


def test_a_loss_that_blocks_both_is_an_alarm() -> None:
    """With batteries online or without."""
    for batteries in ([online()], []):
        assert raised(batteries, frozenset(Direction)).protections == {Alarm.INTERNAL}
