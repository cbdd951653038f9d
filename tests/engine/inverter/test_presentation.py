"""Presentation: what a make of inverter is sent in place of the plain values."""

from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.inverter.presentation import presented
from custom_components.bms_gateway.engine.model import Alarm, Direction, Telegram
from custom_components.bms_gateway.engine.presets import (
    PRESETS,
    ChargeStop,
    Evidence,
    Make,
    Preset,
    Profile,
)

from ..telegrams import HEALTHY

STOPPED = replace(HEALTHY, charge_voltage_limit=56.0, charge_current_limit=0.0)


def preset(**values: Any) -> Preset:
    """Return a preset that is plain but for some columns."""
    return Preset(
        profile=Profile.PYLONTECH,
        evidence=Evidence.ASSUMPTION,
        source="this test",
        **values,
    )


def shown(telegram: Telegram, *, full: bool = False, **values: Any) -> Telegram | None:
    """Return what an inverter is sent while 53.3 V would stop charging."""
    return presented(telegram, preset(**values), is_full=full, charge_stop_voltage=53.3)


def test_plain_preset_changes_nothing() -> None:
    """Whatever is not known of an inverter stays as it is."""
    for telegram in (HEALTHY, STOPPED, replace(HEALTHY, soc=100.0)):
        assert shown(telegram) == telegram


def test_zero_is_replaced_in_each_direction() -> None:
    """A Sofar ignores zeros in 0x351: 0.1 A stands for 0 A."""
    telegram = shown(STOPPED, zero=0.1)
    assert telegram is not None
    assert telegram.charge_current_limit == 0.1
    assert telegram.discharge_current_limit == HEALTHY.discharge_current_limit
    # It is still as good as nothing
    assert not telegram.permits(Direction.CHARGE)
    assert telegram.permits(Direction.DISCHARGE)


def test_less_than_a_count_is_replaced_too() -> None:
    """On the wire it would be the zero that is ignored."""
    telegram = shown(replace(STOPPED, charge_current_limit=0.04), zero=0.1)
    assert telegram is not None
    assert telegram.charge_current_limit == 0.1


def test_charging_is_stopped_by_voltage_too() -> None:
    """Victron and Sofar: close to the pack's voltage. Others keep the limit."""
    for stop, volts in ((ChargeStop.VOLTAGE, 53.3), (ChargeStop.CURRENT, 56.0)):
        telegram = shown(STOPPED, charge_stop=stop)
        assert telegram is not None
        assert telegram.charge_voltage_limit == volts


def test_voltage_is_not_raised_to_stop_charging() -> None:
    """A lower limit of a battery holds."""
    low = replace(STOPPED, charge_voltage_limit=53.0)
    assert shown(low, charge_stop=ChargeStop.VOLTAGE) == low


def test_voltage_that_stops_charging_is_not_below_the_pack() -> None:
    """The load ended: the pack is above the reference, and would be discharged."""
    risen = replace(STOPPED, voltage=53.87)
    telegram = shown(risen, charge_stop=ChargeStop.VOLTAGE)
    assert telegram is not None
    assert telegram.charge_voltage_limit == 53.8
    high = replace(STOPPED, voltage=56.4)
    assert shown(high, charge_stop=ChargeStop.VOLTAGE) == high


def test_voltage_stays_while_charging_is_allowed_or_nothing_is_known_of_it() -> None:
    """Without a reference voltage there is nothing that could be sent in its place."""
    assert shown(HEALTHY, charge_stop=ChargeStop.VOLTAGE) == HEALTHY
    by_voltage = preset(charge_stop=ChargeStop.VOLTAGE)
    assert (
        presented(STOPPED, by_voltage, is_full=False, charge_stop_voltage=None)
        == STOPPED
    )


@pytest.mark.parametrize(
    ("soc", "full", "sent"),
    [
        (100.0, False, 99.0),
        (99.6, False, 99.0),
        (100.0, True, 100.0),
        (98.4, False, 98.4),
        (0.0, False, 0.0),
    ],
)
def test_state_of_charge_is_held_until_the_bank_is_full(
    soc: float, full: bool, sent: float
) -> None:
    """A Midnite stops charging at 100 %, before the cells are balanced."""
    telegram = shown(replace(HEALTHY, soc=soc), full=full, hold_soc=99.0)
    assert telegram is not None
    assert telegram.soc == sent


def test_warnings_are_left_out_where_they_are_taken_for_faults() -> None:
    """Growatt and Solis show every bit of 0x359 as a fault; alarms are sent."""
    raised = replace(
        HEALTHY,
        warnings=frozenset({Alarm.OVER_TEMPERATURE}),
        protections=frozenset({Alarm.OVER_VOLTAGE}),
    )
    assert shown(raised) == raised
    assert shown(raised, sends_warnings=False) == replace(raised, warnings=frozenset())


def test_voltage_above_the_inverters_range_is_lowered() -> None:
    """Sunny Island: 41 to 63 V. It would ignore more, and keep an older limit."""
    telegram = shown(replace(HEALTHY, charge_voltage_limit=64.0), charge_voltage_max=63)
    assert telegram is not None
    assert telegram.charge_voltage_limit == 63.0


def test_voltage_below_the_inverters_range_leaves_nothing_to_send() -> None:
    """A limit must not be raised, and a 24 V bank is none for a Sunny Island."""
    low = replace(HEALTHY, charge_voltage_limit=40.9)
    assert shown(low, charge_voltage_min=41.0) is None


amps = st.floats(0, 1000).map(lambda each: round(each, 1))


@given(
    make=st.sampled_from(Make),
    telegram=st.builds(
        replace,
        st.just(HEALTHY),
        charge_current_limit=amps,
        discharge_current_limit=amps,
        charge_voltage_limit=st.floats(41, 65),
        soc=st.floats(0, 100),
    ),
    full=st.booleans(),
    stop=st.none() | st.floats(41, 60),
)
def test_no_limit_is_raised_beyond_the_substitute_for_zero(
    make: Make, telegram: Telegram, full: bool, stop: float | None
) -> None:
    """For every make there is."""
    sent = presented(telegram, PRESETS[make], is_full=full, charge_stop_voltage=stop)
    assert sent is not None
    for direction in Direction:
        assert sent.limit(direction) <= max(telegram.limit(direction), 0.1)
    assert sent.charge_voltage_limit <= telegram.charge_voltage_limit
    assert sent.soc <= telegram.soc
    assert sent.protections == telegram.protections
