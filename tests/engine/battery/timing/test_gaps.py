"""Habitual gaps of one battery among others: awaited, with half the charge limit."""

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
"""Seconds within which an inverter is sent what is allowed."""


def _gap(plant: Plant, *keys: str, lasts: float = 1.0) -> None:
    """Stop batteries, and resume them some seconds after they are lost."""
    for key in keys or ("b1",):
        plant.packs[key].active = False
    plant.run(TIMEOUT + lasts)
    for key in keys or ("b1",):
        plant.packs[key].active = True
        plant.packs[key].next_at = plant.now


def _stop_sending(plant: Plant, *keys: str) -> float:
    """Stop batteries after their next telegram; return when that came."""
    plant.run(PERIOD)
    for key in keys or ("b1",):
        plant.send_telegrams(key)
        plant.packs[key].active = False
    plant.step()
    return plant.now


def _with_habit(*keys: str, batteries: Any = TWO, **options: Any) -> Plant:
    """Return a plant with a battery that has had two short gaps and is online again."""
    plant = Plant(batteries, **options).started(10.0)
    for key in keys or ("b1",):
        for _ in range(HABITUAL_GAPS):
            _gap(plant, key)
            plant.run(SETTLED)
    assert sum(plant.sent(i.id)[1] for i in plant.config.inverters) == (
        100.0 * len(batteries)
    )
    return plant


def test_one_gap_is_not_habitual() -> None:
    """The first and the second one block at once; limits ramp after it."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS):
        _stop_sending(plant)
        plant.run(TIMEOUT + 0.25)
        assert plant.sent()[1] == 0.0
        assert plant.state().status is BatteryStatus.LOST
        assert plant.charge.rule is Rule.LOSS
        plant.packs["b1"].active = True
        plant.run(1.0)
        assert plant.state().status is BatteryStatus.REJOINING
        plant.run(4.0)
        assert plant.sent()[1] < 100.0
        plant.run(SETTLED)


def test_the_charge_limit_is_halved_while_a_battery_is_awaited() -> None:
    """At once, enabled and without an alarm; the old limit with its first frame."""
    plant = _with_habit()
    at = _stop_sending(plant)
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
    plant.packs["b1"].active = True
    plant.run(0.25)
    assert (plant.snapshot.status, plant.state().status) == (
        Status.RUNNING,
        BatteryStatus.ONLINE,
    )
    assert (plant.charge.amps, plant.charge.rule) == (200.0, Rule.BATTERIES)
    plant.run(NEXT_SET)
    assert plant.sent()[1:] == (200.0, 200.0)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {100.0, 200.0}


def test_every_inverter_gets_its_limit_back_at_once() -> None:
    """Each may have again what it was sent."""
    both = (inverter("i1", 100.0), inverter("i2", 100.0))
    plant = _with_habit(inverters=both)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent("i1")[1] == plant.sent("i2")[1] == 50.0
    plant.packs["b1"].active = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent("i1")[1] == plant.sent("i2")[1] == 100.0


def test_charge_limit_is_halved_for_three_seconds_and_then_0() -> None:
    """Exactly that long after the loss, whatever else is received; it is still awaited."""
    plant = _with_habit()
    at = _stop_sending(plant)
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


def test_a_later_return_restores_the_charge_limit() -> None:
    """With its first whole telegram, as after a gap of the last battery."""
    plant = _with_habit()
    _gap(plant, lasts=HALVED + 2.0)
    assert plant.sent()[1] == 0.0
    plant.run(0.25 + NEXT_SET)
    assert plant.snapshot.status is Status.RUNNING
    assert plant.sent()[1] == 200.0


def _in_blocked_part(**options: Any) -> Plant:
    """Return a plant with a battery in a gap, half a second after the limit is 0 A."""
    plant = _with_habit(**options)
    _stop_sending(plant)
    plant.run(TIMEOUT + HALVED + 0.5)
    assert plant.sent()[1] == 0.0
    return plant


def _back(plant: Plant) -> float:
    """Resume the battery; return the charge limit that an inverter is sent."""
    plant.packs["b1"].active = True
    plant.packs["b1"].next_at = plant.now
    plant.run(0.25 + NEXT_SET)
    return plant.sent()[1]


def test_a_lower_limit_of_another_battery_meanwhile_holds() -> None:
    """A full pack that retries: a brief fall ramps as after any fall."""
    plant = _in_blocked_part()
    plant.packs["b2"].reports(charge_current_limit=0.0)
    plant.run(2.5)
    plant.packs["b2"].reports(charge_current_limit=100.0)
    plant.run(0.75)
    assert _back(plant) < 50.0


def test_a_setpoint_meanwhile_holds() -> None:
    """Charging is forbidden, and allowed again."""
    plant = _in_blocked_part()
    plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=0.0)))
    plant.run(1.0)
    plant.gateway.set_setpoints(AllSetpoints())
    plant.run(0.5)
    assert _back(plant) < 50.0


def test_limit_ramps_if_awaiting_ends_otherwise() -> None:
    """It is taken out of service or removed, or the policy changes."""
    plant = _in_blocked_part()
    plant.gateway.set_setpoints(AllSetpoints(out_of_service=frozenset({"b1"})))
    plant.run(0.5)
    assert plant.sent()[1] < 50.0
    plant = _in_blocked_part()
    plant.apply(charge_loss_policy=LossPolicy.REDUCE)
    plant.run(0.5)
    assert plant.sent()[1] < 50.0
    plant = _in_blocked_part()
    plant.apply(batteries=TWO[1:])
    plant.run(0.5)
    assert plant.sent()[1] < 50.0


def test_awaiting_lasts_no_longer_than_the_bridge() -> None:
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


def test_the_end_is_evaluated_without_a_frame() -> None:
    """The bank is evaluated at that time."""
    plant = _with_habit()
    at = _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    ends = set()
    while plant.now < at + TIMEOUT + HALVED - 0.01:
        deadline = plant.gateway._bank.deadline
        assert deadline is not None
        ends.add(deadline)
        plant.wait(max(0.001, min(deadline, at + TIMEOUT + HALVED) - plant.now))
    assert any(end == pytest.approx(at + TIMEOUT + HALVED) for end in ends)


def test_long_gaps_are_not_habitual() -> None:
    """Two that lasted longer do not count as short ones."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS + 1):
        _gap(plant, lasts=SHORT + 1.0)
        plant.run(SETTLED)
    assert plant.state().gaps == 0
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_a_gap_that_ended_in_a_loss_does_not_count() -> None:
    """It was a loss."""
    plant = _with_habit()
    _gap(plant, lasts=SHORT + 1.0)
    plant.run(SETTLED)
    assert plant.state().gaps == HABITUAL_GAPS


def test_gaps_are_forgotten_after_an_hour() -> None:
    """Then the next gap is a first one."""
    plant = _with_habit()
    plant.run(WINDOW, tick=1.0)
    assert plant.state().gaps == 0
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_a_protection_during_a_gap_counts_at_once() -> None:
    """A protection that it reports counts at once."""
    plant = _with_habit()
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == 100.0
    pack = plant.packs["b1"]
    pack.reports(protections=frozenset({Alarm.OVER_VOLTAGE}))
    frames = {frame.can_id: frame for frame in pack.frames(plant.now)}
    plant.port("b1").push(Frame(0x359, frames[0x359].data, plant.now))
    plant.wait(0.01)
    assert plant.sent()[1] == 0.0


@pytest.mark.parametrize(
    "reports",
    [
        {"protections": frozenset({Alarm.OVER_VOLTAGE})},
        {"protections": frozenset({Alarm.INTERNAL})},
        {"charge_enabled": False},
        {"charge_current_limit": 0.0},
        {"soc": 99.0},
    ],
)
def test_a_last_telegram_that_ends_charging_is_not_awaited(
    reports: dict[str, Any],
) -> None:
    """It may have switched off for that reason."""
    plant = _with_habit()
    plant.packs["b1"].reports(**reports)
    plant.run(90.0)  # a state of charge that jumps is doubted for a minute
    at = _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.state().status is BatteryStatus.LOST
    assert plant.snapshot.status is Status.BLOCKED
    sent = [ccl for _, ccl, _ in plant.sent_since(at)]
    assert sent == sorted(sent, reverse=True)


def test_a_discharge_protection_does_not_end_charging() -> None:
    """An empty battery needs to be charged."""
    plant = _with_habit()
    plant.packs["b1"].reports(protections=frozenset({Alarm.UNDER_VOLTAGE}))
    plant.run(2.0)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 100.0


def test_a_nearly_full_battery_counts_as_0() -> None:
    """As by the policy that reduces: from 90 % on it may become full meanwhile."""
    plant = _with_habit()
    plant.packs["b1"].reports(soc=92.0)
    plant.run(90.0)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_several_gaps_at_once_halve_only_once() -> None:
    """Half, not a quarter: each is awaited for its own time."""
    plant = _with_habit("b1", "b2", batteries=THREE)
    at = _stop_sending(plant, "b1")
    plant.run(1.0)
    plant.packs["b2"].active = False
    plant.run(3.5)
    assert {plant.state(key).status for key in ("b1", "b2")} == {BatteryStatus.BRIDGING}
    assert plant.sent()[1] == 150.0
    plant.packs["b1"].active = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.ONLINE
    assert plant.sent()[1] == 150.0
    plant.packs["b2"].active = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 300.0
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {150.0, 300.0}


def test_a_battery_without_habitual_gaps_blocks() -> None:
    """As if the other one were lost like it."""
    plant = _with_habit("b1", batteries=THREE)
    _stop_sending(plant, "b1", "b2")
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.state("b1").status is BatteryStatus.LOST


def test_a_long_lost_battery_blocks_during_a_gap() -> None:
    """Nothing is charged while it is lost, and a gap of another one changes nothing."""
    plant = _with_habit("b1", batteries=THREE)
    plant.packs["b2"].active = False
    plant.run(30.0)
    at = _stop_sending(plant, "b1")
    plant.run(TIMEOUT + 3.5)
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0}


def test_nothing_is_charged_while_all_batteries_are_silent() -> None:
    """Also once one of them is back."""
    plant = _with_habit("b1", "b2")
    at = _stop_sending(plant, "b1", "b2")
    plant.run(TIMEOUT + 1.0)
    assert plant.snapshot.status is Status.BRIDGING
    assert plant.sent()[1] == 0.0
    plant.packs["b1"].active = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.ONLINE
    assert plant.state("b2").status is BatteryStatus.BRIDGING
    assert plant.sent()[1] == 0.0
    plant.packs["b2"].active = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 200.0
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0, 200.0}


def test_the_limit_stays_0_if_the_other_battery_falls_silent() -> None:
    """The limit sent in between holds: 0 A."""
    plant = _with_habit("b1", "b2")
    _stop_sending(plant, "b1")
    plant.run(1.0)
    plant.send_telegrams("b2")
    plant.packs["b2"].active = False
    plant.run(2.25)
    assert plant.sent()[1] == 100.0
    plant.run(1.0)
    assert plant.snapshot.status is Status.BRIDGING
    at = plant.now
    plant.packs["b2"].active = True
    plant.run(0.5)
    assert plant.state("b1").status is BatteryStatus.BRIDGING
    assert {ccl for _, ccl, _ in plant.sent_since(at)} == {0.0}


def test_a_higher_limit_waits_during_a_gap() -> None:
    """It continues from the limit sent before, not from where the ramp would be by now."""
    plant = _with_habit()
    for key in ("b1", "b2"):
        plant.packs[key].reports(charge_current_limit=10.0)
    plant.run(5.0)
    for key in ("b1", "b2"):
        plant.packs[key].reports(charge_current_limit=100.0)
    plant.run(1.0)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    before = plant.charge.number or 0.0
    assert 20.0 < before < 200.0
    plant.run(1.75)
    assert plant.charge.number == before
    assert plant.sent()[1] <= before / 2
    plant.packs["b1"].active = True
    plant.run(0.25)
    assert plant.charge.amps == before
    plant.run(2.5)
    assert plant.charge.amps == before
    plant.run(8.0)
    assert plant.sent()[1] == 200.0


def test_a_battery_back_with_a_lower_limit_counts_at_once() -> None:
    """A higher one ramps as always."""
    plant = _with_habit()
    _stop_sending(plant)
    plant.run(TIMEOUT + 1.0)
    plant.packs["b1"].reports(charge_current_limit=20.0)
    plant.packs["b1"].active = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 40.0


def test_a_lower_limit_of_another_battery_is_halved() -> None:
    """Half of that; it is not a gap of one battery, so it is held as always."""
    plant = _with_habit()
    _stop_sending(plant)
    plant.run(TIMEOUT - 0.25)
    plant.packs["b2"].reports(charge_current_limit=20.0)
    plant.run(1.5)
    assert plant.sent()[1] == 20.0
    plant.packs["b2"].reports(charge_current_limit=100.0)
    plant.packs["b1"].active = True
    plant.run(1.25)
    assert plant.sent()[1] == 40.0


def test_the_sent_limit_is_halved_not_the_allowed_one() -> None:
    """An inverter with a lower rating is sent half of that."""
    plant = _with_habit()
    own = {"i1": Setpoints(charge_current=20.0)}
    plant.set(AllSetpoints(inverters=own))
    plant.run(2.0)
    assert plant.sent()[1] == 20.0
    _stop_sending(plant)
    plant.run(TIMEOUT + 1.0)
    assert plant.sent()[1] == 10.0
    plant.packs["b1"].active = True
    plant.run(0.25 + NEXT_SET)
    assert plant.sent()[1] == 20.0


def test_the_bank_limit_is_halved_without_inverters() -> None:
    """The limit that would be sent is halved all the same."""
    plant = Plant(TWO, ()).started(10.0)
    for _ in range(HABITUAL_GAPS):
        _gap(plant)
        plant.run(SETTLED)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert (plant.charge.amps, plant.charge.rule) == (100.0, Rule.BRIDGING)


def test_the_plain_sum_is_halved() -> None:
    """A lost one adds nothing: half of the others' limits."""
    plant = _with_habit(strategy=Strategy.SUM)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 50.0


def test_a_setpoint_of_0_is_the_binding_rule() -> None:
    """His rule is the one that is named."""
    plant = _with_habit()
    plant.ask(charging_allowed=False)
    plant.run(1.0)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0
    assert plant.charge.rule is Rule.SETPOINT


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"bridge": 0.0}, 0.0),
        ({"charge_loss_policy": LossPolicy.REDUCE}, 200.0),
        ({"bridge": 1.0}, 100.0),
    ],
)
def test_without_a_bridge_the_loss_policy_applies(
    options: dict[str, Any], sent: float
) -> None:
    """Block, or reduce, as configured."""
    plant = _with_habit(**options)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == sent
    plant.run(0.75)
    assert plant.sent()[1] == (sent if sent != 100.0 else 0.0)


def test_nothing_is_sent_with_loss_policy_stop() -> None:
    """The inverters behave as without a battery."""
    plant = _with_habit(charge_loss_policy=LossPolicy.STOP)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.snapshot.status is Status.SILENT
    assert plant.state().status is BatteryStatus.LOST


def test_block_at_end_applies_in_a_gap() -> None:
    """The last limit is 0 A, in a gap and in the next one."""
    plant = _with_habit(block_at_end=True)
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.5)
    assert plant.sent()[1] == 100.0
    plant.gateway._bank.end()
    plant.run(1.0)
    assert plant.sent()[1:] == (0.0, 0.0)
    assert plant.state().status is BatteryStatus.LOST


def test_out_of_service_is_no_gap() -> None:
    """Nor are gaps while it is out of service."""
    plant = Plant(TWO).started(10.0)
    for _ in range(HABITUAL_GAPS):
        plant.set(AllSetpoints(out_of_service=frozenset({"b1"})))
        _gap(plant)
        plant.run(1.0)
        plant.set(AllSetpoints())
        plant.run(SETTLED)
        # Lost, then put out of service, and back before it is missed
        plant.packs["b1"].active = False
        plant.run(TIMEOUT + 0.5)
        plant.set(AllSetpoints(out_of_service=frozenset({"b1"})))
        plant.set(AllSetpoints())
        plant.packs["b1"].active = True
        plant.run(SETTLED)
    assert plant.state().gaps == 0
    _stop_sending(plant)
    plant.run(TIMEOUT + 0.25)
    assert plant.sent()[1] == 0.0


def test_a_change_of_port_is_no_gap() -> None:
    """Gaps on the old port may have been its cable's."""
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
    """Although they change nothing there."""
    plant = Plant().started(10.0)
    for _ in range(7):
        _gap(plant)
        plant.run(5.0)
    assert plant.state().gaps == 7


def test_the_oldest_gaps_are_forgotten() -> None:
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
def test_only_short_gaps_count(lasted: float, *, count: int, habit: bool) -> None:
    """Short ones are counted; others are losses."""
    gaps = Gaps()
    for at in (100.0, 200.0):
        gaps.lose(at)
        gaps.on_frame(at + lasted)
        gaps.end()
    assert (gaps.count(300.0), gaps.is_habit(300.0)) == (count, habit)
    assert gaps.count(201.0 + lasted + WINDOW) == 0


def test_an_interrupted_gap_lasts_until_the_battery_counts() -> None:
    """Received once, silent again."""
    gaps = Gaps()
    for at in (100.0, 200.0):
        gaps.lose(at)
        gaps.on_frame(at + 1.0)
        gaps.on_frame(at + SHORT + 2.0)
        gaps.end()
    assert gaps.count(300.0) == 0
    assert not gaps.is_habit(300.0)
