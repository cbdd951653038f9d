"""Any telegram, encoded and read back by cantools: within one count, limits never above."""

from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.config import Profile
from custom_components.bms_gateway.engine.model import Alarm, Telegram
from custom_components.bms_gateway.engine.protocol import encode

from .reading import (
    ALARM,
    WARNING,
    SignalValue,
    alarm_of,
    is_alarm,
    message,
    raised,
    read,
    values,
)
from .telegrams import NUMBERS, OPTIONAL, changed, limits, signals, telegrams

EVERY_PROFILE: Final = pytest.mark.parametrize("profile", Profile)
AT_MOST: Final = (
    "charge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
)
AT_LEAST: Final = "discharge_voltage_limit"
ROUNDED: Final = 1e-5
"""Of the value's unit, for the arithmetic of scales."""

HARMLESS: Final = {"current": 0.0, "temperature": 20.0, "soh": 100, "modules": 1}
"""Where a document has no code for an unknown value: 0x8000 would be -3276.8 °C."""
CODES: Final = {Profile.PYLONTECH: HARMLESS}

NEAREST: Final = {
    Alarm.CHARGE_OVER_TEMPERATURE: Alarm.OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE: Alarm.UNDER_TEMPERATURE,
}
"""The alarm that goes out where a frame has none of its own; else general or internal."""


def nearest(alarm: Alarm, half: str, profile: Profile, can_id: int) -> Alarm:
    """Return the alarm of a frame that an alarm goes out as."""
    known = {
        alarm_of(signal.name)
        for signal in message(profile, can_id).signals
        if is_alarm(signal) and signal.name.startswith(half)
    }
    chain = (alarm, NEAREST.get(alarm), Alarm.GENERAL, Alarm.INTERNAL)
    return next(each for each in chain if each in known)


def sent_and_read(profile: Profile, telegram: Telegram) -> list[SignalValue]:
    """Return what cantools reads of a telegram."""
    frames = encode(telegram, profile=profile)
    assert frames
    return read(profile, frames)


def assert_read(each: SignalValue, expected: float) -> None:
    """A value within one count; a limit on the safe side of what was given."""
    name, value = each.signal.name, each.value
    assert isinstance(value, float | int), (name, value)
    if name in AT_MOST:
        assert expected - each.step - ROUNDED < value <= expected + ROUNDED, name
    elif name == AT_LEAST:
        assert expected - ROUNDED <= value < expected + each.step + ROUNDED, name
    else:
        assert abs(value - expected) <= each.step + ROUNDED, name


def assert_unknown(profile: Profile, name: str, found: list[SignalValue]) -> None:
    """An unknown value has no frame, the profile's code, or its harmless value."""
    for each in found:
        assert each.value == CODES[profile].get(name), name


@pytest.mark.slow
@EVERY_PROFILE
@given(st.data())
def test_what_is_sent_is_read(profile: Profile, data: st.DataObject) -> None:
    """Every value that the profile has a signal for."""
    telegram = data.draw(telegrams(profile))
    found = sent_and_read(profile, telegram)
    for name in NUMBERS:
        expected = getattr(telegram, name)
        for each in values(found, name):
            if expected is None:
                assert_unknown(profile, name, [each])
            else:
                assert_read(each, expected)
    for name in ("charge_enabled", "discharge_enabled"):
        for each in values(found, name):
            assert each.value is getattr(telegram, name)
    chargeable = telegram.charge_enabled and all(
        each.value for each in values(found, "charge_current_limit")
    )
    for name in ("force_charge", "force_charge_2", "full_charge"):
        for each in values(found, name):
            assert each.value is (getattr(telegram, name) and chargeable)


@EVERY_PROFILE
@given(st.frozensets(st.sampled_from(Alarm)), st.frozensets(st.sampled_from(Alarm)))
def test_every_alarm_is_read(
    profile: Profile, protections: frozenset[Alarm], warnings: frozenset[Alarm]
) -> None:
    """Each by its own name or by the nearest: nothing dropped, nothing invented."""
    telegram = changed(protections=protections, warnings=warnings)
    found = sent_and_read(profile, telegram)
    frames = {each.can_id for each in found if is_alarm(each.signal)}
    assert frames
    for can_id in frames:
        of_frame = [each for each in found if each.can_id == can_id]
        for half, alarms in ((ALARM, protections), (WARNING, warnings)):
            expected = {nearest(each, half, profile, can_id) for each in alarms}
            assert raised(of_frame, half) == expected


@EVERY_PROFILE
@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
def test_both_ends_of_a_range_are_read(profile: Profile, name: str, end: int) -> None:
    """The values at which a field is full: no overflow, no code by accident."""
    expected = limits(profile, name)[end]
    given_value = int(expected) if name == "modules" else expected
    found = sent_and_read(profile, changed(**{name: given_value}))
    assert bool(values(found, name)) == bool(signals(profile, name))
    for each in values(found, name):
        assert_read(each, expected)


@EVERY_PROFILE
@pytest.mark.parametrize("name", OPTIONAL)
def test_an_unknown_value_is_read_as_the_profile_has_it(
    profile: Profile, name: str
) -> None:
    """Each alone."""
    found = sent_and_read(profile, changed(**{name: None}))
    assert_unknown(profile, name, values(found, name))
