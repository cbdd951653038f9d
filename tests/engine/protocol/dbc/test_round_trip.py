"""Any telegram, encoded and read back by cantools: within one count, limits never above."""

from math import ceil
from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.bms_gateway.engine.model import Telegram
from custom_components.bms_gateway.engine.presets import Profile

from .reading import SignalValue, Value, is_alarm, read, values
from .telegrams import (
    ALIASES,
    NUMBERS,
    OPTIONAL,
    TEXTS,
    changed,
    limits,
    name_of,
    sent,
    signals,
    telegrams,
)

EVERY_PROFILE: Final = pytest.mark.parametrize("profile", Profile)
LIMITS: Final = {
    "charge_voltage_limit": -1,
    "charge_current_limit": -1,
    "discharge_current_limit": -1,
    "discharge_voltage_limit": 1,
}
"""The direction in which a limit is rounded: what is sent never permits more."""
INSIDE: Final = {"soc", "soh"}
"""Rounded, but 0 and 100 % only if they are reached."""
BIT: Final = 1e-5
"""Of the value's unit, for the arithmetic of scales."""

# 0x8000 would be -3276.8 °C to a reader whose document has no code for unknown values.
HARMLESS: Final[dict[str, Value]] = {
    "current": 0.0,
    "temperature": 20.0,
    "soh": 100,
    "modules": 1,
}
CODES: Final[dict[Profile, dict[str, Value]]] = {
    Profile.PYLONTECH: HARMLESS,
    Profile.PYLONTECH_PLUS: HARMLESS,  # capacity None: the code of 0x35F
    Profile.SMA: {},  # every value has a code
    Profile.VICTRON: {"soh": 100},
    Profile.DEYE: HARMLESS | {"capacity_ah": 0.0},
    Profile.SOL_ARK: HARMLESS,
    Profile.SOL_ARK_COARSE: HARMLESS,
    # As padding of a Pylontech's, except temperatures: that of the bank, and cells
    Profile.LUXPOWER: HARMLESS
    | {"capacity_ah": 0}
    | {"cell_temperature_min": 20.4, "cell_temperature_max": 20.4},
}
"""What is read where a value is unknown and its frame is sent all the same."""

CONSTANTS: Final[dict[str, tuple[Value, ...]]] = {
    "tag": ("PN",),
    "unused_6": (None,),
    "heating": (False,),
    "cycles": (None, 0),  # no source of the bank's
    "system_status": (0,),
    "product_1": ("BMS CAN",),
    "product_2": ("Gateway",),
    "product_id": (0,),
    "battery_type": (0,),
    "manufacturer_id": (0,),
    "version_major": (0,),
    "version_minor": (0,),
    "hardware_version": (0,),
    "cell_maker": (0,),
    "modules_offline": (0,),
}
"""What does not depend on the telegram."""


def sent_and_read(profile: Profile, telegram: Telegram) -> list[SignalValue]:
    """Return what cantools reads of a telegram."""
    frames = sent(profile, telegram)
    assert frames
    return read(profile, frames)


def attribute(each: SignalValue) -> str:
    """Return the attribute of the telegram that a signal holds."""
    return ALIASES.get(each.signal.name, each.signal.name)


def assert_read(each: SignalValue, expected: float) -> None:
    """A value is the nearest count; a limit is on the safe side of what was given."""
    name, value = attribute(each), each.value
    assert isinstance(value, float | int), (each.signal.name, value)
    if name in LIMITS:
        off = (value - expected) * LIMITS[name]
        assert -BIT <= off < each.step + BIT, name
    else:
        most = each.step if name in INSIDE else each.step / 2
        assert abs(value - expected) <= most + BIT, name


@EVERY_PROFILE
@given(st.data())
def test_what_is_sent_is_read(profile: Profile, data: st.DataObject) -> None:
    """Every signal of every frame; the alarms are tested by themselves."""
    telegram = data.draw(telegrams(profile))
    found = sent_and_read(profile, telegram)
    for each in found:
        name = attribute(each)
        if name == "name":
            assert_name(profile, telegram.name, each)
        elif name in TEXTS:
            assert each.value == getattr(telegram, name)[:8]
        elif name in NUMBERS:
            assert_number(profile, telegram, each)
        elif name in CONSTANTS:
            assert each.value in CONSTANTS[name], name
        elif not is_alarm(each.signal):
            assert each.value == switch(telegram, name), name


def assert_number(profile: Profile, telegram: Telegram, each: SignalValue) -> None:
    """A known or unknown number; what is not enabled is 0 A where there are no enables."""
    name = attribute(each)
    expected: float | None = getattr(telegram, name)
    if expected is None:
        assert_unknown(profile, telegram, each)
    elif name.endswith("_current_limit") and not signals(profile, "charge_enabled"):
        enabled = getattr(telegram, name.replace("current_limit", "enabled"))
        assert_read(each, expected if enabled else 0.0)
    else:
        assert_read(each, expected)


def switch(telegram: Telegram, name: str) -> float:
    """Return what an enable, a request or a number of blocked modules has to be."""
    if name.startswith("modules_blocking_"):
        enabled = getattr(telegram, name.replace("modules_blocking_", "") + "_enabled")
        return 0 if enabled else telegram.modules or 0
    # 0.1 A stands for 0 A towards an inverter that ignores 0 A
    may_charge = telegram.charge_enabled and telegram.charge_current_limit > 0.1
    value = getattr(telegram, name)
    return value if name.endswith("_enabled") else value and may_charge


def assert_name(profile: Profile, own: str | None, each: SignalValue) -> None:
    """The batteries' own name only if it begins as the inverter expects."""
    wanted = name_of(profile)
    name = own if own and own.startswith(wanted) else wanted
    assert each.value == name[: each.signal.length // 8]


def _within_known(name: str, telegram: Telegram, substitute: float) -> float:
    """Return what stands for an unknown extreme: never beyond the other one."""
    what, end = name.rsplit("_", 1)
    high, low = getattr(telegram, f"{what}_max"), getattr(telegram, f"{what}_min")
    if end == "min":
        return substitute if high is None else min(substitute, high)
    return substitute if low is None else max(substitute, low)


def assert_unknown(profile: Profile, telegram: Telegram, each: SignalValue) -> None:
    """An unknown value has no frame, the profile's code, or its harmless value."""
    name = attribute(each)
    expected = CODES[profile].get(name)
    if name.startswith("cell_temperature") and expected is not None:
        known = telegram.temperature
        expected = _within_known(name, telegram, 20.0 if known is None else known)
        assert each.value == pytest.approx(expected, abs=0.05 + BIT), name
    elif name.startswith("cell_voltage") and each.can_id == 0x355:
        # 0 mV would be a dead cell: the mean of as few cells as are possible
        mean = telegram.voltage / ceil(telegram.voltage / 3.65)
        expected = _within_known(name, telegram, mean)
        assert each.value == pytest.approx(expected, abs=each.step + BIT), name
    else:
        assert each.value == expected, name


@EVERY_PROFILE
@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("end", [0, 1], ids=["lowest", "highest"])
def test_both_ends_of_a_range_are_read(profile: Profile, name: str, end: int) -> None:
    """The values at which a field is full: no overflow, no code by accident."""
    expected = limits(profile, name)[end]
    number = int(expected) if name == "modules" else expected
    found = sent_and_read(profile, changed(**{name: number}))
    for each in found:
        if attribute(each) == name:
            assert_read(each, expected)


@EVERY_PROFILE
@pytest.mark.parametrize("name", OPTIONAL)
def test_an_unknown_value_is_read_as_the_profile_has_it(
    profile: Profile, name: str
) -> None:
    """Each alone."""
    telegram = changed(**{name: None})
    for each in sent_and_read(profile, telegram):
        if attribute(each) == name:
            assert_unknown(profile, telegram, each)


@EVERY_PROFILE
@given(st.floats(0, 1e3), st.floats(-1e3, 1e5), st.floats(-1e3, 1e5))
def test_no_limit_is_raised(
    profile: Profile, cvl: float, ccl: float, dcl: float
) -> None:
    """Whatever it is: clamped to its field, and to the window of the document.

    Where the window ends above the charge voltage limit, no current is permitted.
    """
    telegram = changed(
        charge_voltage_limit=cvl, charge_current_limit=ccl, discharge_current_limit=dcl
    )
    found = sent_and_read(profile, telegram)
    (voltage,) = values(found, "charge_voltage_limit")
    (charge,) = values(found, "charge_current_limit")
    (discharge,) = values(found, "discharge_current_limit")
    for each, limit in ((charge, ccl), (discharge, dcl)):
        assert isinstance(each.value, float)
        assert 0 <= each.value <= max(limit, 0) + BIT
    assert isinstance(voltage.value, float)
    assert voltage.value <= cvl + BIT or charge.value == 0
