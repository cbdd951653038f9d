"""Bridge over a gap of the last battery: discharging continues, charging does not."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.config import LossPolicy
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Direction,
    Frame,
    Rule,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ...plant import Plant, battery, inverter
from ...telegrams import telegram

BRIDGING = (Status.BRIDGING, BatteryStatus.BRIDGING)
TWO = (battery("b1"), battery("b2"))
BOTH = (inverter("i1", 100.0), inverter("i2", 100.0))


def _silent(seconds: float, *, batteries: Any = None, **options: Any) -> Plant:
    """Return a plant whose batteries have been silent for so long."""
    plant = Plant(batteries or (battery("b1"),), **options).started(10.0)
    for pack in plant.packs.values():
        pack.active = False
    plant.run(seconds)
    return plant


def test_discharge_limit_falls_to_half_in_ten_seconds() -> None:
    """100 A at the last telegram, 50 A at the end; no alarm until then."""
    plant = _silent(0.0)
    silent_since = plant.now
    plant.run(4.0)
    cvl, ccl, dcl = plant.sent()
    assert (cvl, ccl) == (52.0, 0.0)
    assert dcl == pytest.approx(100 - 50 * 4 / 10, abs=0.1)
    assert plant.enabled() == (False, True)
    assert plant.raised() == (frozenset(), frozenset())
    assert (plant.snapshot.status, plant.state().status) == BRIDGING
    assert plant.discharge.rule is Rule.BRIDGING
    plant.run(5.75)
    _, ccl, dcl = plant.sent()
    assert ccl == 0.0
    assert dcl == pytest.approx(51.25, abs=0.1)
    assert plant.raised() == (frozenset(), frozenset())
    plant.run(0.25)
    assert plant.now == silent_since + 10.0
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.raised()[0] == frozenset({Alarm.INTERNAL})
    assert (plant.snapshot.status, plant.state().status) == (
        Status.BLOCKED,
        BatteryStatus.LOST,
    )
    plant.run(5.0)
    assert (plant.snapshot.status, plant.snapshot.discharge) == (Status.SILENT, None)


def test_bridged_limit_only_falls() -> None:
    """At every step."""
    plant = _silent(0.0)
    at = plant.now
    plant.run(15.0)
    sent = [dcl for _, _, dcl in plant.sent_since(at)]
    assert sent == sorted(sent, reverse=True)


@pytest.mark.parametrize("gap", [3.5, 5.0, 8.0])
def test_battery_is_back_with_its_first_complete_telegram(gap: float) -> None:
    """And nothing ramps up to the limits before the gap."""
    plant = _silent(gap)
    assert plant.sent()[1] == 0.0
    plant.packs["b1"].active = True
    plant.run(0.25)
    assert plant.state().status is BatteryStatus.ONLINE
    assert plant.sent() == (56.0, 100.0, 100.0)
    assert plant.snapshot.status is Status.RUNNING


def test_every_inverter_gets_its_limit_back_at_once() -> None:
    """The one it had before the gap."""
    plant = _silent(5.0, inverters=BOTH)
    plant.packs["b1"].active = True
    plant.run(0.5)
    assert plant.sent("i1")[1:] == plant.sent("i2")[1:] == (50.0, 50.0)


def test_battery_back_after_the_block_has_to_rejoin() -> None:
    """It has to report three telegrams, and limits ramp."""
    plant = _silent(11.0)
    plant.packs["b1"].active = True
    plant.run(1.0)
    assert plant.state().status is BatteryStatus.REJOINING
    assert plant.sent()[1:] == (0.0, 0.0)
    plant.run(3.0)
    assert plant.state().status is BatteryStatus.ONLINE
    plant.run(1.0)
    assert plant.sent()[1] < 100.0


def test_lower_limit_after_the_gap_applies_at_once() -> None:
    """The present value counts."""
    plant = _silent(5.0)
    plant.packs["b1"].reports(discharge_current_limit=20.0)
    plant.packs["b1"].active = True
    plant.run(0.25)
    assert plant.sent()[1:] == (100.0, 20.0)


def test_frames_without_limits_do_not_prolong_the_bridge() -> None:
    """It ends ten seconds after the last limits, whatever else arrives."""
    plant = _silent(0.0)
    plant.packs["b1"].active = True
    plant.packs["b1"].without = {0x351}
    plant.run(10.5)
    assert plant.sent()[1:] == (0.0, 0.0)


@pytest.mark.parametrize(
    "reports",
    [
        {"protections": frozenset({Alarm.UNDER_VOLTAGE})},
        {"discharge_current_limit": 9.9},  # of the 100 A that it once allowed
        {"voltage": 45.5},  # its discharge voltage limit is 45 V
        {"discharge_enabled": False},
    ],
)
def test_no_bridge_after_a_protection_or_near_empty(reports: dict[str, Any]) -> None:
    """It may have switched off."""
    plant = Plant().started(10.0)
    plant.packs["b1"].reports(discharge_voltage_limit=45.0, **reports)
    plant.run(6.0)
    plant.packs["b1"].active = False
    plant.run(4.5)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.snapshot.status in (Status.BLOCKED, Status.SILENT)


@pytest.mark.parametrize(
    ("volts", "status"), [(45.2, Status.BLOCKED), (45.4, Status.BRIDGING)]
)
def test_no_bridge_near_the_usual_end_if_no_battery_reports_its_own(
    volts: float, status: Status
) -> None:
    """2.8 V for each of 16 cells, and half a volt."""
    plant = Plant()
    (unknown,) = (
        f for f in telegram(discharge_voltage_limit=None) if f.can_id == 0x351
    )
    plant.packs["b1"].instead[0x351] = unknown.data
    plant.packs["b1"].reports(voltage=volts)
    plant.started(10.0)
    plant.packs["b1"].active = False
    plant.run(4.5)
    assert plant.snapshot.status is status


def test_protection_during_the_gap_ends_the_bridge() -> None:
    """Its other frames still count."""
    plant = _silent(4.0)
    plant.packs["b1"].reports(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.packs["b1"].without = {0x351}
    plant.packs["b1"].active = True
    plant.run(2.5)
    assert plant.sent()[1:] == (0.0, 0.0)


@pytest.mark.parametrize(
    "options",
    [
        {"bridge": 0.0},
        {"discharge_grace": 0.0},  # the grid supplies the house
        {"charge_loss_policy": LossPolicy.STOP},
        {"discharge_loss_policy": LossPolicy.STOP},
    ],
)
def test_no_bridge_if_switched_off(options: dict[str, Any]) -> None:
    """The policies apply at once."""
    plant = _silent(3.5, **options)
    stops = LossPolicy.STOP in options.values()
    status = Status.SILENT if stops else Status.BLOCKED
    assert plant.snapshot.status is status


def test_bridge_is_as_long_as_configured() -> None:
    """Up to a minute."""
    plant = _silent(30.0, bridge=60.0)
    _, ccl, dcl = plant.sent()
    assert ccl == 0.0
    assert dcl == pytest.approx(75.0, abs=0.3)
    plant.run(30.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_setpoint_applies_during_the_bridge() -> None:
    """Until it is changed."""
    plant = _silent(4.0)
    plant.set(AllSetpoints(bank=Setpoints(discharging_allowed=False)))
    plant.run(0.5)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.discharge.rule is Rule.SETPOINT


def test_lower_total_applies_during_the_bridge() -> None:
    """The options may be changed meanwhile."""
    plant = _silent(4.0)
    plant.apply(total_discharge=10.0)
    plant.run(0.5)
    assert plant.sent()[1:] == (0.0, 10.0)


def test_two_batteries_silent_together_are_bridged() -> None:
    """As when their common adapter is reset; both are back at once."""
    plant = _silent(5.0, batteries=TWO)
    assert plant.sent()[1] == 0.0
    assert plant.sent()[2] == pytest.approx(150.0, abs=1.0)
    for pack in plant.packs.values():
        pack.active = True
    plant.run(0.5)
    assert {state.status for state in plant.snapshot.batteries.values()} == {
        BatteryStatus.ONLINE
    }
    assert plant.sent()[1:] == (200.0, 200.0)


def test_last_battery_is_bridged_after_another_was_lost() -> None:
    """The policy for the lost one continues to apply."""
    plant = Plant(TWO, discharge_grace=8.0).started(10.0)
    plant.packs["b1"].active = False
    plant.run(6.0)
    plant.packs["b2"].active = False
    plant.run(4.0)
    assert plant.snapshot.status is Status.BRIDGING
    assert plant.state("b1").status is BatteryStatus.LOST
    assert plant.sent()[2] > 0
    plant.run(1.5)  # the grace of the first one is over
    assert plant.sent()[1:] == (0.0, 0.0)


def test_no_bridge_while_the_gateway_stops() -> None:
    """The final telegram is 0 A."""
    plant = _silent(4.0, block_at_end=True)
    assert plant.sent()[2] > 0
    plant.gateway._bank.end()
    plant.run(0.5)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_no_bridge_before_the_first_limits() -> None:
    """Silent from the start."""
    plant = Plant()
    plant.packs["b1"].active = False
    plant.run(20.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.port().sent == []


def test_current_is_unknown_during_the_bridge() -> None:
    """No battery measures it."""
    plant = _silent(4.0)
    assert plant.snapshot.bank.current is None
    assert plant.port().last(0x356)[2:4] == bytes(2)
    assert plant.snapshot.discharge is not None
    assert Direction.DISCHARGE not in plant.snapshot.excess


def test_measurements_that_expire_first_do_not_block() -> None:
    """Missing 40 ms earlier than the limits, they raise no alarm either."""
    plant = Plant()
    pack, port = plant.packs["b1"], plant.port("b1")
    pack.active = False
    frames = {frame.can_id: frame.data for frame in pack.frames(plant.now)}
    for _ in range(10):
        at = plant.now
        for can_id in (0x35C, 0x356, 0x359, 0x351, 0x355):
            port.push(Frame(can_id, frames[can_id], plant.now))
            plant.wait(0.02)
        plant.wait(at + 1.0 - plant.now)
    silent_since = plant.now
    while plant.now < silent_since + 4.0:
        plant.wait(0.01)
    assert plant.snapshot.status is Status.BRIDGING
    assert min(dcl for _, _, dcl in plant.sent_since(silent_since)) > 70.0
    assert not any(
        frame.data[0] or frame.data[1]
        for frame in plant.port().since(silent_since)
        if frame.can_id == 0x359
    )


def test_no_bridge_follows_a_block() -> None:
    """0 A was sent: the limits before it are not sent again."""
    plant = Plant().started(10.0)
    plant.packs["b1"].without = {0x356}
    plant.run(60.0)
    assert plant.snapshot.status is Status.SILENT
    at = plant.now
    plant.packs["b1"].active = False
    plant.run(15.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.sent_since(at) == []


def test_blocked_bank_stays_blocked() -> None:
    """A protection that comes and goes in the gap ends the bridge for good."""
    plant = _silent(4.0, bridge=60.0)
    pack = plant.packs["b1"]
    pack.without = {0x351}
    pack.reports(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.send_telegrams("b1")
    plant.run(0.5)
    assert plant.snapshot.status is Status.BLOCKED
    pack.reports(protections=frozenset())
    pack.active = True
    plant.run(3.5)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.snapshot.status is Status.BLOCKED


def test_frames_in_a_bridge_cause_no_flood_of_telegrams() -> None:
    """With any frames received, the limit falls four times a second at most."""
    plant = _silent(3.2)
    frames = plant.packs["b1"].frames(plant.now)
    frames = [frame for frame in frames if frame.can_id in (0x356, 0x359, 0x35C)]
    at = plant.now
    for n in range(400):
        frame = frames[n % len(frames)]
        plant.port("b1").push(Frame(frame.can_id, frame.data, plant.now))
        plant.wait(0.005)
    assert plant.snapshot.status is Status.BRIDGING
    assert len(plant.sent_since(at)) <= 9


def test_lower_limit_of_one_battery_lowers_the_bridged_limit() -> None:
    """Only its limits are received, too little to be online; it carries half."""
    plant = _silent(3.5, batteries=TWO)
    pack = plant.packs["b1"]
    pack.reports(discharge_current_limit=15.0)
    pack.without = {0x355, 0x356, 0x359, 0x35C}
    pack.active = True
    plant.run(1.0)
    assert plant.snapshot.status is Status.BRIDGING
    assert 0.0 < plant.sent()[2] <= 30.0
