"""Batteries whose values are rejected: the values can be shown."""

from collections.abc import Sequence
from dataclasses import replace

from custom_components.bms_gateway.engine.battery.battery import Battery
from custom_components.bms_gateway.engine.model import BatteryState, BatteryStatus

from ...plant import battery
from ...telegrams import telegram

# 0x351: CVL in 0.1 V, CCL 20 A, DCL 50 A, DVL in 0.1 V
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


def test_a_value_outside_its_window_is_reported() -> None:
    """With the window; all other values are valid."""
    state = receive(Battery(battery("b1")), {0x351: TOO_HIGH}, at=0.0, seconds=3)
    assert state.status is BatteryStatus.WAITING
    assert state.rejected == (("charge_voltage_limit", 65.6, 40.0, 65.0),)
    assert state.apparent_nominal is None


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
