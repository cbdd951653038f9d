"""Alarms: which protections are sent as alarms, and which as warnings."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.battery.limits import permits
from custom_components.bms_gateway.engine.limits.alarms import Alarms, Raised
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryState,
    BatteryStatus,
    Direction,
)

from ..plant import Plant, battery
from ..states import context, lost, online

CHARGE_ONLY = (
    Alarm.OVER_VOLTAGE,
    Alarm.CHARGE_CURRENT,
    Alarm.CHARGE_OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE,
)
DISCHARGE_ONLY = (Alarm.UNDER_VOLTAGE, Alarm.DISCHARGE_CURRENT)


def ways(*batteries: BatteryState) -> set[Direction]:
    """Return the directions that some battery permits."""
    return {d for d in Direction if any(permits(b.readings, d) for b in batteries)}


def raised(
    batteries: list[BatteryState], blocked: frozenset[Direction] = frozenset()
) -> Raised:
    """Return what is sent at first."""
    return Alarms().update(
        context(*batteries, blocked=blocked), ways(*batteries), reaction=10.0
    )


def test_healthy_batteries_raise_nothing() -> None:
    """Nor does one that reports no flags."""
    assert not raised([online(), online(protections=None, warnings=None)]).protections
    assert not raised([online(), online(protections=None, warnings=None)]).warnings


@pytest.mark.parametrize("alarm", Alarm)
def test_protection_is_a_warning_while_another_battery_continues(alarm: Alarm) -> None:
    """A Sunny Island would stop at any alarm."""
    sent = raised([online("b1", protections=frozenset({alarm})), online("b2")])
    assert sent.warnings == {alarm}
    assert not sent.protections


@pytest.mark.parametrize("alarm", Alarm)
def test_protection_of_a_lost_battery_is_a_warning(alarm: Alarm) -> None:
    """It does not count yet, and a loss that blocks has its own alarm."""
    reported = online(
        protections=frozenset({alarm}), warnings=frozenset({Alarm.IMBALANCE})
    )
    rejoining = replace(
        reported, id="lost", status=BatteryStatus.REJOINING, lost_at=0.0
    )
    sent = raised([online(), rejoining])
    assert sent == Raised(frozenset(), frozenset({alarm, Alarm.IMBALANCE}))


def test_last_protection_of_a_silent_battery_is_no_warning() -> None:
    """Whether it is still raised is unknown."""
    gone = lost(protections=frozenset({Alarm.OVER_VOLTAGE}))
    assert raised([online(), gone]) == Raised()


@pytest.mark.parametrize("alarm", Alarm)
def test_protection_is_an_alarm_when_no_battery_is_left(alarm: Alarm) -> None:
    """No other battery continues in that direction."""
    current = 50.0 if alarm is Alarm.CHARGE_CURRENT else -50.0
    sent = raised([online(protections=frozenset({alarm}), current=current)])
    assert sent.protections == {alarm}
    assert not sent.warnings


@pytest.mark.parametrize(
    ("alarm", "current", "contradicts"),
    [
        (Alarm.CHARGE_CURRENT, -20.0, True),
        (Alarm.CHARGE_CURRENT, 0.0, True),
        (Alarm.CHARGE_CURRENT, 1.1, False),
        (Alarm.CHARGE_CURRENT, None, False),
        (Alarm.DISCHARGE_CURRENT, 20.0, True),
        (Alarm.DISCHARGE_CURRENT, 0.0, True),
        (Alarm.DISCHARGE_CURRENT, -1.1, False),
        (Alarm.OVER_VOLTAGE, -20.0, False),
    ],
)
def test_protection_that_the_current_contradicts_stays_a_warning(
    alarm: Alarm, current: float | None, contradicts: bool
) -> None:
    """In any stopped direction: -20 A is no over-current of charging."""
    alarms = Alarms()
    for seconds in (0.0, 100.0):
        battery = online(protections=frozenset({alarm}), current=current)
        sent = alarms.update(context(battery, now=seconds), [], reaction=10.0)
        assert (sent.warnings == {alarm}) is contradicts
        assert (sent.protections == {alarm}) is not contradicts


def test_battery_that_stops_sending_its_alarms_raises_a_warning() -> None:
    """The alarms that it would raise now are unknown."""
    silent = replace(online(), missing=frozenset({0x359}))
    assert raised([silent]) == Raised(warnings=frozenset({Alarm.INTERNAL}))


def test_battery_without_permission_does_not_count_as_left() -> None:
    """Its enable is clear, so the first one's protection stops the bank."""
    sent = raised(
        [
            online("b1", protections=frozenset({Alarm.OVER_VOLTAGE})),
            online("b2", charge_enabled=False),
        ]
    )
    assert sent.protections == {Alarm.OVER_VOLTAGE}


@pytest.mark.parametrize("alarm", CHARGE_ONLY)
def test_protection_of_charging_stays_a_warning_when_discharging_stops(
    alarm: Alarm,
) -> None:
    """Discharging is stopped, but not by this one."""
    sent = raised(
        [
            online("b1", protections=frozenset({alarm}), discharge_enabled=False),
            online("b2", discharge_enabled=False),
        ]
    )
    assert sent.warnings == {alarm}


@pytest.mark.parametrize("alarm", DISCHARGE_ONLY)
def test_protection_of_discharging_stays_a_warning_when_charging_stops(
    alarm: Alarm,
) -> None:
    """Charging is stopped, but not by this one."""
    sent = raised(
        [
            online("b1", protections=frozenset({alarm}), charge_enabled=False),
            online("b2", charge_enabled=False),
        ]
    )
    assert sent.warnings == {alarm}


def test_warnings_are_sent_as_warnings() -> None:
    """Those of every battery."""
    sent = raised(
        [
            online("b1", warnings=frozenset({Alarm.OVER_VOLTAGE})),
            online("b2", warnings=frozenset({Alarm.UNDER_TEMPERATURE})),
        ]
    )
    assert sent.warnings == {Alarm.OVER_VOLTAGE, Alarm.UNDER_TEMPERATURE}
    assert not sent.protections


def test_loss_that_blocks_one_direction_is_a_warning() -> None:
    """The other direction continues."""
    sent = raised([online()], frozenset({Direction.CHARGE}))
    assert sent.warnings == {Alarm.INTERNAL}
    assert not sent.protections


def test_loss_that_blocks_both_directions_is_an_alarm() -> None:
    """With batteries online or without."""
    assert raised([online()], frozenset(Direction)).protections == {Alarm.INTERNAL}
    assert Raised().with_loss().protections == {Alarm.INTERNAL}


def _after(seconds: float, alarm: Alarm, current: float | None) -> Raised:
    """Return what is sent for a protection raised a while ago."""
    alarms = Alarms()
    batteries = [
        online("b1", protections=frozenset({alarm}), current=current),
        online("b2"),
    ]
    alarms.update(context(*batteries, now=100.0), ways(*batteries), reaction=10.0)
    return alarms.update(
        context(*batteries, now=100.0 + seconds), ways(*batteries), reaction=10.0
    )


@pytest.mark.parametrize(
    ("alarm", "current", "is_alarm"),
    [
        (Alarm.OVER_VOLTAGE, 2.1, True),
        (Alarm.OVER_VOLTAGE, 1.9, False),
        (Alarm.OVER_VOLTAGE, -50.0, False),  # it concerns charging only
        (Alarm.UNDER_VOLTAGE, -2.1, True),
        (Alarm.UNDER_VOLTAGE, 50.0, False),
        (Alarm.OVER_TEMPERATURE, 2.1, True),
        (Alarm.OVER_TEMPERATURE, -2.1, True),
        (Alarm.SHORT_CIRCUIT, 1.1, True),  # a defect: any current counts
        (Alarm.CONTACTOR, -1.1, True),
        (Alarm.INTERNAL, 0.9, False),
        (Alarm.OVER_VOLTAGE, None, True),  # unknown is not 0
    ],
)
def test_protection_becomes_an_alarm_while_current_still_flows(
    alarm: Alarm, current: float | None, is_alarm: bool
) -> None:
    """After 10 s and the inverters' reaction time."""
    assert not _after(19.9, alarm, current).protections
    assert (_after(20.0, alarm, current).protections == {alarm}) is is_alarm


def test_delay_restarts_when_the_protection_was_cleared() -> None:
    """One that comes and goes gets its time each time."""
    alarms = Alarms()
    battery = online("b1", protections=frozenset({Alarm.OVER_VOLTAGE}), current=20.0)
    for now, state in ((0.0, battery), (10.0, online("b1")), (15.0, battery)):
        alarms.update(
            context(state, online("b2"), now=now), set(Direction), reaction=10.0
        )
    sent = alarms.update(
        context(battery, online("b2"), now=30.0), set(Direction), reaction=10.0
    )
    assert not sent.protections


def test_excluded_battery_does_not_count_as_left() -> None:
    """It is empty although its enable is set: no battery discharges."""
    reports = {"b1": {"current": -20.0}, "b2": {"discharge_current_limit": 0.0}}
    plant = Plant((battery("b1"), battery("b2")), reports=reports).started(30.0)
    assert plant.state("b2").excluded == {Direction.DISCHARGE}
    assert plant.enabled() == (True, True)
    plant.packs["b1"].reports(
        protections=frozenset({Alarm.UNDER_VOLTAGE}), discharge_enabled=False
    )
    plant.run(2.0)
    assert plant.enabled() == (True, False)
    assert plant.raised().protections == frozenset({Alarm.UNDER_VOLTAGE})
