"""Batteries whose values are rejected: the values can be shown."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.battery.battery import Battery
from custom_components.bms_gateway.engine.battery.plausibility.rejected import (
    nominal_voltage,
)
from custom_components.bms_gateway.engine.model import BatteryState, BatteryStatus

from ...plant import battery
from ...telegrams import telegram

# 0x351: CVL in 0.1 V, CCL 20 A, DCL 50 A, DVL in 0.1 V; 0x356: V in 0.01 V, 0 A, 20 °C
PACKS = {
    12: ("9200C800F4016400", "28050000C800"),  # 14.6 V, 10 V; 13.2 V
    24: ("2401C800F401C800", "500A0000C800"),  # 29.2 V, 20 V; 26.4 V
    36: ("B601C800F4012C01", "780F0000C800"),  # 43.8 V, 30 V; 39.6 V
}
TOO_HIGH = "9002C800F401E001"  # 65.6 V
NORMAL = "3002C800F401E001"  # 56.0 V


def receive(
    subject: Battery,
    instead: dict[int, str],
    *,
    at: float,
    seconds: int = 1,
    without: Sequence[int] = (),
) -> BatteryState:
    """Receive changed values in some frames, one per second."""
    for second in range(seconds):
        for frame in telegram(at + second, without=without):
            data = instead.get(frame.can_id)
            sent = frame.data if data is None else bytes.fromhex(data)
            subject.on_frame(replace(frame, data=sent))
        subject.update(at + second)
    return subject.state(at + seconds - 1)


@pytest.mark.parametrize("nominal", PACKS)
@pytest.mark.parametrize("measures_first", [False, True])
def test_a_pack_of_another_voltage_is_recognised(
    nominal: int, measures_first: bool
) -> None:
    """It never counts, in whatever order it reports."""
    limits, measured = PACKS[nominal]
    subject = Battery(battery("b1"))
    if measures_first:
        receive(subject, {0x356: measured}, at=0.0, without=[0x351])
    for second in range(1, 20):
        state = receive(subject, {0x351: limits, 0x356: measured}, at=second)
        assert state.status is BatteryStatus.WAITING
    assert state.nominal == nominal
    assert {each.attribute for each in state.rejected} == {
        "charge_voltage_limit",
        "voltage",
    }


def test_a_value_outside_its_window_is_reported() -> None:
    """With the window; all other values are valid."""
    state = receive(Battery(battery("b1")), {0x351: TOO_HIGH}, at=0.0, seconds=3)
    assert state.status is BatteryStatus.WAITING
    assert state.rejected == (("charge_voltage_limit", 65.6, 40.0, 65.0),)
    assert state.nominal is None


def test_an_impossible_limit_is_reported() -> None:
    """0x7FFF: 3276.7 A is not a limit of a 100 Ah battery, but of a large one."""
    no_limit = {0x351: "3002FF7FF401E001"}
    state = receive(Battery(battery("b1", 999.0)), no_limit, at=0.0)
    assert state.rejected == (("charge_current_limit", 3276.7, 0.0, 1200.0),)
    state = receive(Battery(battery("b1", 1000.0)), no_limit, at=0.0)
    assert state.rejected == ()
    assert state.status is BatteryStatus.ONLINE


def test_a_rejected_optional_value_is_not_reported() -> None:
    """A temperature or a discharge voltage limit is just unknown."""
    odd = {0x351: "3002C800F4016400", 0x356: "50140000E02E"}  # DVL 10 V, 1200 °C
    state = receive(Battery(battery("b1")), odd, at=0.0)
    assert state.status is BatteryStatus.ONLINE
    assert state.rejected == ()


def test_an_accepted_value_is_no_longer_reported() -> None:
    """Nor is one received long ago: then the battery is just silent."""
    subject = Battery(battery("b1"))
    assert receive(subject, {0x351: TOO_HIGH}, at=0.0, seconds=5).rejected
    assert receive(subject, {0x351: NORMAL}, at=5.0).rejected == ()
    assert receive(subject, {0x351: TOO_HIGH}, at=6.0).rejected
    assert subject.state(60.0).rejected == ()


def test_a_battery_is_lost_by_rejected_limits() -> None:
    """Its limits expire; once it reports valid ones, it is back."""
    subject = Battery(battery("b1"))
    assert receive(subject, {}, at=0.0, seconds=10).status is BatteryStatus.ONLINE
    state = receive(subject, {0x351: TOO_HIGH}, at=10.0, seconds=20)
    assert state.status is BatteryStatus.LOST
    assert [each.value for each in state.rejected] == [65.6]
    state = receive(subject, {}, at=30.0, seconds=10)
    assert (state.status, state.rejected) == (BatteryStatus.ONLINE, ())


def test_time_of_first_reception_is_known() -> None:
    """One that is plugged in again may need a while until it has sent everything."""
    subject = Battery(battery("b1"))
    assert subject.state(0.0).receiving_since is None
    partly = receive(subject, {}, at=5.0, seconds=3, without=[0x351])
    assert (partly.status, partly.receiving_since) == (BatteryStatus.WAITING, 5.0)
    again = receive(subject, {}, at=37.0, without=[0x351])
    assert again.receiving_since == 5.0
    again = receive(subject, {}, at=67.5, without=[0x351])
    assert again.receiving_since == 67.5


@pytest.mark.parametrize(
    ("limit", "volts", "nominal"),
    [
        (14.6, 13.2, 12),
        (14.6, 9.0, 12),
        (16.8, 16.0, 12),  # four cells of another chemistry
        (14.6, None, 12),
        (None, 13.2, 12),
        (0.0, 13.2, 12),  # it permits no charging
        (29.2, 26.4, 24),
        (29.4, 17.5, 24),
        (33.6, 30.0, 24),
        (None, 26.4, 24),
        (43.8, 39.6, 36),
        (42.0, 25.0, 36),
        (43.8, None, 36),
        (None, 39.6, None),  # an empty pack of 48 V has no more
        (0.0, 39.6, None),
        (65.6, 52.8, None),
        (14.6, 52.8, None),  # a limit for something else
        (56.0, 26.4, None),
        (44.5, 52.8, None),
        (2.0, 2.0, None),
        (0.0, 0.0, None),
        (None, None, None),
    ],
)
def test_both_voltages_have_to_fit_the_nominal_voltage(
    limit: float | None, volts: float | None, nominal: int | None
) -> None:
    """Both have to fit."""
    assert nominal_voltage(limit, volts) == nominal
