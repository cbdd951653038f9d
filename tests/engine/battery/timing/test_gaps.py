"""Short gaps of one battery among others: a habit is waited for, with half the charge."""

from typing import Any

import pytest

from custom_components.bms_gateway.engine.battery.timing.gaps import (
    HABITUAL_GAPS,
    HALVED,
    MOST,
    SHORT,
    WINDOW,
    Gaps,
)
from custom_components.bms_gateway.engine.config import LossPolicy, Strategy
from custom_components.bms_gateway.engine.model import (
    Alarm,
    BatteryStatus,
    Frame,
    Rule,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ...plant import PERIOD, Plant, battery, inverter

TWO = (battery("b1"), battery("b2"))
THREE = (*TWO, battery("b3"))
STILL_BLOCKED = (Status.BLOCKED, BatteryStatus.REJOINING)
AWAITED = (Status.REDUCED, BatteryStatus.BRIDGING)
TIMEOUT = 3.0
"""Seconds without a telegram after which a battery is lost."""
SETTLED = 40.0
"""Seconds after which a limit that fell to 0 A has risen again."""
NEXT_SET = 1.0
"""Seconds within which an inverter is told what is allowed."""


def _gap(plant: Plant, *keys: str, lasts: float = 1.0) -> None:
    """Let batteries fall silent, and speak again so many seconds after they are lost."""
    for key in keys or ("b1",):
        plant.packs[key].speaks = False
    plant.run(TIMEOUT + lasts)
    for key in keys or ("b1",):
        plant.packs[key].speaks = True
        plant.packs[key].next_at = plant.now


def _fall_silent(plant: Plant, *keys: str) -> float:
    """Let batteries fall silent with their next telegram; return when that came."""
    plant.run(PERIOD)
    for key in keys or ("b1",):
        plant.speak(key)
        plant.packs[key].speaks = False
    plant.step()
    return plant.now


def _with_habit(*keys: str, batteries: Any = TWO, **options: Any) -> Plant:
    """Return a plant with a battery that has had two short gaps, all well again."""
    plant = Plant(batteries, **options).started(10.0)
    for key in keys or ("b1",):
        for _ in range(HABITUAL_GAPS):
            _gap(plant, key)
            plant.run(SETTLED)
    assert sum(plant.sent(i.id)[1] for i in plant.config.inverters) == (
        100.0 * len(batteries)
    )
    return plant


def test_one_gap_makes_no_habit() -> None:
    """The first and the second one block at once; limits rise slowly after it."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS):
        _fall_silent(plant)
        plant.run(TIMEOUT + 0.25)
        assert plant.sent()[1] == 0.0
        assert plant.state().status is BatteryStatus.LOST
        assert plant.charge.rule is Rule.LOSS
        plant.packs["b1"].speaks = True
        plant.run(1.0)
        assert plant.state().status is BatteryStatus.REJOINING
        plant.run(4.0)
        assert plant.sent()[1] < 100.0
        plant.run(SETTLED)


def test_half_is_charged_while_it_is_awaited() -> None:
    """At once, with the enable, without an alarm; then on as before at its first word."""
    plant = _with_habit()
    at = _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1:] == (100.0, 200.0)
    assert plant.enabled() == (True, True)
    assert plant.raised() == (frozenset(), frozenset())
    assert (plant.snapshot.status, plant.state().status) == AWAITED
    limit = plant.charge
    assert (limit.rule, limit.source, limit.number) == (Rule.BRIDGING, "b1", 200.0)
    plant.run(1.75)
    assert plant.now == at + 5.0
    assert plant.sent()[1:] == (100.0, 200.0)
    plant.packs["b1"].speaks = True
    plant.run(0.25)
    assert (plant.snapshot.status, plant.state().status) == (
        Status.RUNNING,
        BatteryStatus.ONLINE,
    )
    assert (plant.charge.amps, plant.charge.rule) == (200.0, Rule.BATTERIES)
    plant.run(NEXT_SET)
    assert plant.sent()[1:] == (200.0, 200.0)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {100.0, 200.0}


def test_at_once_for_every_inverter() -> None:
    """Each may have again what it was told."""
    both = (inverter("i1", 100.0), inverter("i2", 100.0))
    plant = _with_habit(inverters=both)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent("i1")[1] == plant.sent("i2")[1] == 50.0
    plant.packs["b1"].speaks = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent("i1")[1] == plant.sent("i2")[1] == 100.0


def test_half_for_three_seconds_and_then_nothing() -> None:
    """Exactly that long after the loss, whatever else is heard; it is awaited still."""
    plant = _with_habit()
    at = _fall_silent(plant)
    plant.run(TIMEOUT + HALVED - 0.25)
    assert plant.sent()[1] == 100.0
    deadline = plant.gateway._bank.deadline
    assert deadline is not None and deadline <= at + TIMEOUT + HALVED
    plant.wait(at + TIMEOUT + HALVED - 0.001 - plant.now)
    assert plant.sent()[1] == 100.0
    plant.wait(at + TIMEOUT + HALVED - plant.now)
    assert plant.sent()[1] == 0.0
    assert plant.charge.rule is Rule.LOSS
    assert (plant.snapshot.status, plant.state().status) == (
        Status.BLOCKED,
        BatteryStatus.BRIDGING,
    )


def test_back_later_charging_goes_on_where_it_was() -> None:
    """With its first whole telegram, as after the gap of the last battery."""
    plant = _with_habit()
    _gap(plant, lasts=HALVED + 2.0)
    assert plant.sent()[1] == 0.0
    plant.run(0.25 + NEXT_SET)
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent()[1] == 200.0


def _in_the_blocked_part(**options: Any) -> Plant:
    """Return a plant with a battery in a gap, half a second after nothing is told."""
    plant = _with_habit(**options)
    _fall_silent(plant)
    plant.run(TIMEOUT + HALVED + 0.5)
    assert plant.sent()[1] == 0.0
    return plant


def _back(plant: Plant) -> float:
    """Let the battery speak again; return what an inverter is told for charging."""
    plant.packs["b1"].speaks = True
    plant.packs["b1"].next_at = plant.now
    plant.run(0.25 + NEXT_SET)
    return plant.sent()[1]


def test_what_another_one_allowed_less_meanwhile_holds() -> None:
    """A full pack that retries: what falls for a moment rises as after any fall."""
    plant = _in_the_blocked_part()
    plant.packs["b2"].says(charge_current_limit=0.0)
    plant.run(2.5)
    plant.packs["b2"].says(charge_current_limit=100.0)
    plant.run(0.75)
    assert _back(plant) < 50.0


def test_what_the_user_asked_for_meanwhile_holds() -> None:
    """Charging is forbidden, and allowed again."""
    plant = _in_the_blocked_part()
    plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=0.0)))
    plant.run(1.0)
    plant.gateway.set_setpoints(AllSetpoints())
    plant.run(0.5)
    assert _back(plant) < 50.0


def test_awaiting_that_ends_otherwise_is_followed_by_a_ramp() -> None:
    """It is taken out of service, taken away, or the policy is another one."""
    plant = _in_the_blocked_part()
    plant.gateway.set_setpoints(AllSetpoints(out_of_service=frozenset({"b1"})))
    plant.run(0.5)
    assert plant.sent()[1] < 50.0
    plant = _in_the_blocked_part()
    plant.apply(charge_loss_policy=LossPolicy.REDUCE)
    plant.run(0.5)
    assert plant.sent()[1] < 50.0
    plant = _in_the_blocked_part()
    plant.apply(batteries=TWO[1:])
    plant.run(0.5)
    assert plant.sent()[1] < 50.0


def test_no_longer_than_the_last_battery_is_bridged() -> None:
    """Then it is lost: three telegrams, a hold and a ramp."""
    plant = _with_habit()
    _gap(plant, lasts=SHORT + 0.25)
    assert (plant.snapshot.status, plant.state().status) == (
        Status.BLOCKED,
        BatteryStatus.LOST,
    )
    plant.run(1.0)
    assert (plant.snapshot.status, plant.state().status) == STILL_BLOCKED
    assert plant.sent()[1] == 0.0
    plant.run(4.0)
    assert plant.charge.rule is Rule.RAMP


def test_the_end_is_reckoned_though_nothing_is_heard() -> None:
    """The bank is evaluated at that moment."""
    plant = _with_habit()
    at = _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    ends = set()
    while plant.now < at + TIMEOUT + HALVED - 0.01:
        deadline = plant.gateway._bank.deadline
        assert deadline is not None
        ends.add(deadline)
        plant.wait(max(0.001, min(deadline, at + TIMEOUT + HALVED) - plant.now))
    assert any(end == pytest.approx(at + TIMEOUT + HALVED) for end in ends)


def test_a_long_gap_teaches_nothing() -> None:
    """Two that lasted longer are no habit, and no short one is made of them."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS + 1):
        _gap(plant, lasts=SHORT + 1.0)
        plant.run(SETTLED)
    assert plant.state().gaps == 0
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_a_gap_that_is_awaited_in_vain_teaches_nothing() -> None:
    """It was a loss."""
    plant = _with_habit()
    _gap(plant, lasts=SHORT + 1.0)
    plant.run(SETTLED)
    assert plant.state().gaps == HABITUAL_GAPS


def test_it_is_forgotten_after_an_hour() -> None:
    """Then the next gap is a first one."""
    plant = _with_habit()
    plant.run(WINDOW, tick=1.0)
    assert plant.state().gaps == 0
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_a_protection_meanwhile() -> None:
    """What is heard of it counts at once."""
    plant = _with_habit()
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == 100.0
    pack = plant.packs["b1"]
    pack.says(protections=frozenset({Alarm.OVER_VOLTAGE}))
    frames = {frame.can_id: frame for frame in pack.frames(plant.now)}
    plant.port("b1").push(Frame(0x359, frames[0x359].data, plant.now))
    plant.wait(0.01)
    assert plant.sent()[1] == 0.0


@pytest.mark.parametrize(
    "says",
    [
        {"protections": frozenset({Alarm.OVER_VOLTAGE})},
        {"protections": frozenset({Alarm.INTERNAL})},
        {"charge_enabled": False},
        {"charge_current_limit": 0.0},
        {"soc": 99.0},
    ],
)
def test_last_words_that_end_charging(says: dict[str, Any]) -> None:
    """It may have switched off for that: nobody waits for it."""
    plant = _with_habit()
    plant.packs["b1"].says(**says)
    plant.run(90.0)  # a state of charge that jumps is doubted for a minute
    at = _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.state().status is BatteryStatus.LOST
    assert plant.snapshot.status is Status.BLOCKED
    told = [ccl for _, ccl, _ in plant.sent_since(at)]
    assert told == sorted(told, reverse=True)


def test_a_protection_of_discharging_is_none_of_charging() -> None:
    """A battery that is empty wants to be charged."""
    plant = _with_habit()
    plant.packs["b1"].says(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.run(2.0)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 100.0


def test_nearly_full_it_counts_with_nothing() -> None:
    """As by the policy that reduces: from 90 % on it may become full meanwhile."""
    plant = _with_habit()
    plant.packs["b1"].says(soc=92.0)
    plant.run(90.0)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_several_at_a_time() -> None:
    """Half, not a quarter: each waits for its own time."""
    plant = _with_habit("b1", "b2", batteries=THREE)
    at = _fall_silent(plant, "b1")
    plant.run(1.0)
    plant.packs["b2"].speaks = False
    plant.run(3.5)
    assert {plant.state(key).status for key in ("b1", "b2")} == {BatteryStatus.BRIDGING}
    assert plant.sent()[1] == 150.0
    plant.packs["b1"].speaks = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.ONLINE
    assert plant.sent()[1] == 150.0
    plant.packs["b2"].speaks = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 300.0
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {150.0, 300.0}


def test_one_of_two_that_has_no_habit() -> None:
    """It blocks, as if the other one were lost like it."""
    plant = _with_habit("b1", batteries=THREE)
    _fall_silent(plant, "b1", "b2")
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.state("b1").status is BatteryStatus.LOST


def test_one_that_is_lost_for_long_beside_it() -> None:
    """Nothing is charged as long as it is away, and a gap beside it changes nothing."""
    plant = _with_habit("b1", batteries=THREE)
    plant.packs["b2"].speaks = False
    plant.run(30.0)
    at = _fall_silent(plant, "b1")
    plant.run(TIMEOUT + 3.5)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0}


def test_all_are_silent() -> None:
    """No charge without anybody heard, also once one of them is back."""
    plant = _with_habit("b1", "b2")
    at = _fall_silent(plant, "b1", "b2")
    plant.run(TIMEOUT + 1.0)
    assert plant.snapshot.status is Status.BRIDGING
    assert plant.sent()[1] == 0.0
    plant.packs["b1"].speaks = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.ONLINE
    assert plant.state("b2").status is BatteryStatus.BRIDGING
    assert plant.sent()[1] == 0.0
    plant.packs["b2"].speaks = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 200.0
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0, 200.0}


def test_the_other_one_falls_silent_in_the_gap() -> None:
    """What was told in between holds: nothing."""
    plant = _with_habit("b1", "b2")
    _fall_silent(plant, "b1")
    plant.run(1.0)
    plant.speak("b2")
    plant.packs["b2"].speaks = False
    plant.run(2.25)
    assert plant.sent()[1] == 100.0
    plant.run(1.0)
    assert plant.snapshot.status is Status.BRIDGING
    at = plant.now
    plant.packs["b2"].speaks = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.BRIDGING
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0}


def test_a_limit_that_rose_waits() -> None:
    """It goes on from what was told before, not from where it would be by now."""
    plant = _with_habit()
    for key in ("b1", "b2"):
        plant.packs[key].says(charge_current_limit=10.0)
    plant.run(5.0)
    for key in ("b1", "b2"):
        plant.packs[key].says(charge_current_limit=100.0)
    plant.run(1.0)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    before = plant.charge.number or 0.0
    assert 20.0 < before < 200.0
    plant.run(1.75)
    assert plant.charge.number == before
    assert plant.sent()[1] <= before / 2
    plant.packs["b1"].speaks = True
    plant.run(0.25)
    assert plant.charge.amps == before
    plant.run(2.5)
    assert plant.charge.amps == before
    plant.run(8.0)
    assert plant.sent()[1] == 200.0


def test_back_with_a_lower_limit() -> None:
    """What it says now holds at once; what is more waits, as ever."""
    plant = _with_habit()
    _fall_silent(plant)
    plant.run(TIMEOUT + 1.0)
    plant.packs["b1"].says(charge_current_limit=20.0)
    plant.packs["b1"].speaks = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 40.0


def test_another_one_allows_less_meanwhile() -> None:
    """Half of that; and that is no moment of one battery, so it is held as ever."""
    plant = _with_habit()
    _fall_silent(plant)
    plant.run(TIMEOUT - 0.25)
    plant.packs["b2"].says(charge_current_limit=20.0)
    plant.run(1.5)
    assert plant.sent()[1] == 20.0
    plant.packs["b2"].says(charge_current_limit=100.0)
    plant.packs["b1"].speaks = True
    plant.run(1.25)
    assert plant.sent()[1] == 40.0


def test_half_of_what_was_told_not_of_what_was_allowed() -> None:
    """An inverter that may take only so much is told half of that."""
    plant = _with_habit()
    own = {"i1": Setpoints(charge_current=20.0)}
    plant.set(AllSetpoints(inverters=own))
    plant.run(2.0)
    assert plant.sent()[1] == 20.0
    _fall_silent(plant)
    plant.run(TIMEOUT + 1.0)
    assert plant.sent()[1] == 10.0
    plant.packs["b1"].speaks = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 20.0


def test_without_inverters() -> None:
    """What would be told is halved all the same."""
    plant = Plant(TWO, ()).started(10.0)
    for _ in range(HABITUAL_GAPS):
        _gap(plant)
        plant.run(SETTLED)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert (plant.charge.amps, plant.charge.rule) == (100.0, Rule.BRIDGING)


def test_by_the_plain_sum() -> None:
    """A lost one adds nothing: half of what the others allow."""
    plant = _with_habit(strategy=Strategy.SUM)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 50.0


def test_charging_stopped_by_the_user() -> None:
    """His rule is the one that is named."""
    plant = _with_habit()
    plant.ask(charging_allowed=False)
    plant.run(1.0)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.charge.rule is Rule.SETPOINT


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"bridge": 0.0}, 0.0),
        ({"charge_loss_policy": LossPolicy.REDUCE}, 200.0),
        ({"bridge": 1.0}, 100.0),
    ],
)
def test_as_the_user_wants_it(options: dict[str, Any], told: float) -> None:
    """Without a bridge it blocks; who wants it reduced only has it as ever."""
    plant = _with_habit(**options)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == told
    plant.run(0.75)
    assert plant.sent()[1] == (told if told != 100.0 else 0.0)


def test_nothing_is_told_where_a_loss_stops() -> None:
    """The inverters do what they do without a battery."""
    plant = _with_habit(charge_loss_policy=LossPolicy.STOP)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.snapshot.status is Status.SILENT
    assert plant.state().status is BatteryStatus.LOST


def test_at_the_end() -> None:
    """The last word is 0 A, in a gap and in the next one."""
    plant = _with_habit(block_at_end=True)
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == 100.0
    plant.gateway._bank.end()
    plant.run(1.0)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.state().status is BatteryStatus.LOST


def test_out_of_service_is_no_gap() -> None:
    """Nor is what happens to it there."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS):
        plant.set(AllSetpoints(out_of_service=frozenset({"b1"})))
        _gap(plant)
        plant.run(1.0)
        plant.set(AllSetpoints())
        plant.run(SETTLED)
        # Lost, then put out of service, and back before it is missed
        plant.packs["b1"].speaks = False
        plant.run(TIMEOUT + 0.5)
        plant.set(AllSetpoints(out_of_service=frozenset({"b1"})))
        plant.set(AllSetpoints())
        plant.packs["b1"].speaks = True
        plant.run(SETTLED)
    assert plant.state().gaps == 0
    _fall_silent(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_another_port_is_no_gap() -> None:
    """And what was learnt on the old one may have been its cable's."""
    plant = _with_habit()
    moved = battery("b1")
    moved = type(moved)(
        id="b1",
        name="b1",
        port=type(moved.port)(moved.port.interface, "elsewhere"),
        capacity_ah=100.0,
    )
    plant.apply(batteries=(moved, TWO[1]))
    plant.step()
    assert plant.state().status is BatteryStatus.LOST
    assert plant.sent()[1] == 0.0
    assert plant.state().gaps == 0


def test_gaps_of_the_only_battery_are_counted() -> None:
    """Also where there is nothing that they teach."""
    plant = Plant().started(10.0)
    for _ in range(7):
        _gap(plant)
        plant.run(5.0)
    assert plant.state().gaps == 7


def test_more_than_it_can_remember() -> None:
    """The oldest are forgotten."""
    gaps = Gaps()
    for n in range(MOST + 10):
        gaps.lose(float(n))
        gaps.on_frame(n + 0.5)
        gaps.end()
    assert gaps.count(float(MOST)) == MOST


@pytest.mark.parametrize(
    ("lasted", "count", "habit"),
    [(0.5, 2, True), (SHORT, 2, True), (SHORT + 0.1, 0, False)],
)
def test_how_long_a_gap_lasts(lasted: float, *, count: int, habit: bool) -> None:
    """Short ones make a habit and are counted; others are losses."""
    gaps = Gaps()
    for at in (100.0, 200.0):
        gaps.lose(at)
        gaps.on_frame(at + lasted)
        gaps.end()
    assert (gaps.count(300.0), gaps.is_habit(300.0)) == (count, habit)
    assert gaps.count(201.0 + lasted + WINDOW) == 0


def test_a_gap_that_stutters() -> None:
    """Heard once, silent again: it lasts until the battery counts."""
    gaps = Gaps()
    for at in (100.0, 200.0):
        gaps.lose(at)
        gaps.on_frame(at + 1.0)
        gaps.on_frame(at + SHORT + 2.0)
        gaps.end()
    assert gaps.count(300.0) == 0
    assert not gaps.is_habit(300.0)
