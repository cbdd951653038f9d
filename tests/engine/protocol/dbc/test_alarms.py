"""Alarms as cantools reads them: each by its own name or the nearest, none invented."""

from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Alarm
from custom_components.bms_gateway.engine.presets import Profile

from .reading import ALARM, WARNING, alarm_of, is_alarm, message, raised, read
from .telegrams import changed, sent

NEAREST: Final = {
    Alarm.CHARGE_OVER_TEMPERATURE: Alarm.OVER_TEMPERATURE,
    Alarm.CHARGE_UNDER_TEMPERATURE: Alarm.UNDER_TEMPERATURE,
}
"""The alarm that goes out where a frame has none of its own; else general or internal."""


def nearest(alarm: Alarm, half: str, profile: Profile, can_id: int) -> Alarm:
    """Return the alarm of a frame that an alarm goes out as.

    A general one is none of the certain faults in a Deye's tables, so it is internal.
    """
    if alarm is Alarm.GENERAL and can_id == 0x359:
        return Alarm.INTERNAL
    known = {
        alarm_of(signal.name)
        for signal in message(profile, can_id).signals
        if is_alarm(signal) and signal.name.startswith(half)
    }
    last = Alarm.INTERNAL if can_id == 0x359 else Alarm.GENERAL
    chain = (alarm, NEAREST.get(alarm), last)
    return next(each for each in chain if each in known)


@pytest.mark.parametrize("profile", Profile)
@given(st.frozensets(st.sampled_from(Alarm)), st.frozensets(st.sampled_from(Alarm)))
def test_every_alarm_is_read(
    profile: Profile, protections: frozenset[Alarm], warnings: frozenset[Alarm]
) -> None:
    """In every frame that holds alarms: nothing dropped, nothing invented."""
    telegram = changed(protections=protections, warnings=warnings)
    found = read(profile, sent(profile, telegram))
    frames = {each.can_id for each in found if is_alarm(each.signal)}
    assert frames
    for can_id in frames:
        of_frame = [each for each in found if each.can_id == can_id]
        for half, alarms in ((ALARM, protections), (WARNING, warnings)):
            expected = {nearest(each, half, profile, can_id) for each in alarms}
            assert raised(of_frame, half) == expected
