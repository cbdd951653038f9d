"""The last battery falls silent for a moment: the house goes on, charging does not."""

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

BRIDGING = (Status.BRIDGING, BatteryStatus.BRIDGING)
TWO = (battery("b1"), battery("b2"))
BOTH = (inverter("i1", 100.0), inverter("i2", 100.0))


def _silent(seconds: float, *, batteries: Any = None, **options: Any) -> Plant:
    """Return a plant with nobody heard for so long."""
    plant = Plant(batteries or (battery("b1"),), **options).started(10.0)
    for pack in plant.packs.values():
        pack.speaks = False
    plant.run(seconds)
    return plant


def test_discharging_goes_on_with_ever_less() -> None:
    """100 A at the last telegram, 50 A after ten seconds, no alarm until then."""
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


def test_never_more_than_before_at_any_moment() -> None:
    """It only falls."""
    plant = _silent(0.0)
    at = plant.now
    plant.run(15.0)
    sent = [dcl for _, _, dcl in plant.sent_since(at)]
    assert sent == sorted(sent, reverse=True)


@pytest.mark.parametrize("gap", [3.5, 5.0, 8.0])
def test_back_at_once(gap: float) -> None:
    """The first whole telegram counts, and nothing ramps up to what was told before."""
    plant = _silent(gap)
    assert plant.sent()[1] == 0.0
    plant.packs["b1"].speaks = True
    plant.run(0.25)
    assert plant.state().status is BatteryStatus.ONLINE
    assert plant.sent() == (56.0, 100.0, 100.0)
    assert plant.snapshot.status is Status.RUNNING


def test_back_at_once_for_every_inverter() -> None:
    """Each may have again what it was told."""
    plant = _silent(5.0, inverters=BOTH)
    plant.packs["b1"].speaks = True
    plant.run(0.5)
    assert plant.sent("i1")[1:] == plant.sent("i2")[1:] == (50.0, 50.0)


def test_back_too_late() -> None:
    """After the block it has to tell three telegrams, and limits ramp."""
    plant = _silent(11.0)
    plant.packs["b1"].speaks = True
    plant.run(1.0)
    assert plant.state().status is BatteryStatus.REJOINING
    assert plant.sent()[1:] == (0.0, 0.0)
    plant.run(3.0)
    assert plant.state().status is BatteryStatus.ONLINE
    plant.run(1.0)
    assert plant.sent()[1] < 100.0


def test_back_with_a_lower_limit() -> None:
    """What it says now holds at once."""
    plant = _silent(5.0)
    plant.packs["b1"].says(discharge_current_limit=20.0)
    plant.packs["b1"].speaks = True
    plant.run(0.25)
    assert plant.sent()[1:] == (100.0, 20.0)


def test_alarms_and_voltages_alone_do_not_prolong_it() -> None:
    """The bridge ends ten seconds after the last limits, whatever else comes."""
    plant = _silent(0.0)
    plant.packs["b1"].speaks = True
    plant.packs["b1"].without = {0x351}
    plant.run(10.5)
    assert plant.sent()[1:] == (0.0, 0.0)


@pytest.mark.parametrize(
    "says",
    [
        {"protections": frozenset({Alarm.UNDER_VOLTAGE})},
        {"discharge_current_limit": 9.9},  # of the 100 A that it once allowed
        {"voltage": 45.5},  # its discharge voltage limit is 45 V
        {"discharge_enabled": False},
    ],
)
def test_no_bridge_after_words_like_these(says: dict[str, Any]) -> None:
    """It may have switched off."""
    plant = Plant().started(10.0)
    plant.packs["b1"].says(discharge_voltage_limit=45.0, **says)
    plant.run(6.0)
    plant.packs["b1"].speaks = False
    plant.run(4.5)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.snapshot.status in (Status.BLOCKED, Status.SILENT)


def test_a_protection_while_it_is_silent() -> None:
    """What is heard of it still counts."""
    plant = _silent(4.0)
    plant.packs["b1"].says(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.packs["b1"].without = {0x351}
    plant.packs["b1"].speaks = True
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
def test_no_bridge_where_none_is_wanted(options: dict[str, Any]) -> None:
    """The policies hold at once."""
    plant = _silent(3.5, **options)
    stops = LossPolicy.STOP in options.values()
    status = Status.SILENT if stops else Status.BLOCKED
    assert plant.snapshot.status is status


def test_as_long_as_the_user_wants() -> None:
    """Up to a minute."""
    plant = _silent(30.0, bridge=60.0)
    _, ccl, dcl = plant.sent()
    assert ccl == 0.0
    assert dcl == pytest.approx(75.0, abs=0.3)
    plant.run(30.0)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_the_user_stops_it() -> None:
    """A setpoint holds while it lasts."""
    plant = _silent(4.0)
    plant.set(AllSetpoints(bank=Setpoints(discharging_allowed=False)))
    plant.run(0.5)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.discharge.rule is Rule.SETPOINT


def test_a_lower_total_holds_at_once() -> None:
    """The options may be changed meanwhile."""
    plant = _silent(4.0)
    plant.apply(total_discharge=10.0)
    plant.run(0.5)
    assert plant.sent()[1:] == (0.0, 10.0)


def test_two_that_fall_silent_together() -> None:
    """As when their common adapter is reset; both are back at once."""
    plant = _silent(5.0, batteries=TWO)
    assert plant.sent()[1] == 0.0
    assert plant.sent()[2] == pytest.approx(150.0, abs=1.0)
    for pack in plant.packs.values():
        pack.speaks = True
    plant.run(0.5)
    assert {state.status for state in plant.snapshot.batteries.values()} == {
        BatteryStatus.ONLINE
    }
    assert plant.sent()[1:] == (200.0, 200.0)


def test_the_last_of_two() -> None:
    """One is lost for good: the policy for it holds as before."""
    plant = Plant(TWO, discharge_grace=8.0).started(10.0)
    plant.packs["b1"].speaks = False
    plant.run(6.0)
    plant.packs["b2"].speaks = False
    plant.run(4.0)
    assert plant.snapshot.status is Status.BRIDGING
    assert plant.state("b1").status is BatteryStatus.LOST
    assert plant.sent()[2] > 0
    plant.run(1.5)  # the grace of the first one is over
    assert plant.sent()[1:] == (0.0, 0.0)


def test_no_bridge_at_the_end() -> None:
    """The last word is 0 A."""
    plant = _silent(4.0, block_at_end=True)
    assert plant.sent()[2] > 0
    plant.gateway._bank.end()
    plant.run(0.5)
    assert plant.sent()[1:] == (0.0, 0.0)


def test_nothing_to_bridge_before_anything_was_told() -> None:
    """Silent from the start."""
    plant = Plant()
    plant.packs["b1"].speaks = False
    plant.run(20.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.port().sent == []


def test_current_is_not_told_as_news() -> None:
    """Nobody knows what flows."""
    plant = _silent(4.0)
    assert plant.snapshot.bank.current is None
    assert plant.port().last(0x356)[2:4] == bytes(2)
    assert plant.snapshot.discharge is not None
    assert Direction.DISCHARGE not in plant.snapshot.excess


def test_measurements_before_the_limits() -> None:
    """Missed 40 ms earlier than the limits, they neither block nor raise an alarm."""
    plant = Plant()
    pack, port = plant.packs["b1"], plant.port("b1")
    pack.speaks = False
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


def test_no_bridge_after_a_block() -> None:
    """0 A was told: what held before that is not told again."""
    plant = Plant().started(10.0)
    plant.packs["b1"].without = {0x356}
    plant.run(60.0)
    assert plant.snapshot.status is Status.SILENT
    at = plant.now
    plant.packs["b1"].speaks = False
    plant.run(15.0)
    assert plant.snapshot.status is Status.SILENT
    assert plant.sent_since(at) == []


def test_once_blocked_it_stays_blocked() -> None:
    """A protection that comes and goes in the silence ends the bridge for good."""
    plant = _silent(4.0, bridge=60.0)
    pack = plant.packs["b1"]
    pack.without = {0x351}
    pack.says(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.speak("b1")
    plant.run(0.5)
    assert plant.snapshot.status is Status.BLOCKED
    pack.says(protections=frozenset())
    pack.speaks = True
    plant.run(3.5)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.snapshot.status is Status.BLOCKED


def test_many_frames_in_a_bridge_make_no_storm_of_sets() -> None:
    """Whatever else is heard, the limit falls four times a second, no oftener."""
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


def test_one_of_two_allows_less_meanwhile() -> None:
    """Only its limits are heard, too little for it to count; it carries half the bank."""
    plant = _silent(3.5, batteries=TWO)
    pack = plant.packs["b1"]
    pack.says(discharge_current_limit=15.0)
    pack.without = {0x355, 0x356, 0x359, 0x35C}
    pack.speaks = True
    plant.run(1.0)
    assert plant.snapshot.status is Status.BRIDGING
    assert 0.0 < plant.sent()[2] <= 30.0
