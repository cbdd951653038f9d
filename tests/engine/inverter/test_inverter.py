"""When an inverter is sent a set, the echo rule, and what it was told."""

from dataclasses import replace
import logging
from typing import Any

import pytest

from custom_components.bms_gateway.engine.battery.timing.telegram_boundary import (
    Progress,
)
from custom_components.bms_gateway.engine.config import SendMode
from custom_components.bms_gateway.engine.inverter.allocation import permitted_now
from custom_components.bms_gateway.engine.inverter.inverter import Inverter
from custom_components.bms_gateway.engine.model import (
    Alarm,
    Direction,
    Frame,
    InverterState,
    Limit,
    PortFault,
    Rule,
    Telegram,
)
from custom_components.bms_gateway.engine.setpoints import RequestedLimit

from ..plant import inverter
from ..telegrams import HEALTHY
from ..wires import QUEUE_LENGTH, MovedClock, Wires, all_limits

NAME = 0x35E
SET = [NAME, 0x351, 0x355, 0x356, 0x35C, 0x359]
REQUEST = Frame(0x305, bytes(8))
OTHER = Frame(0x306, bytes(8))
BUS_OFF = Frame(0x40, bytes(8), error=True)
NOT_ACKNOWLEDGED = Frame(0x20, bytes(8), error=True)


class Played:
    """An inverter, its port and the clock."""

    def __init__(self, **options: Any) -> None:
        """Connect an inverter that listens."""
        self.clock = MovedClock()
        config = inverter("i1", **options)
        self.port = Wires()(
            config.port,
            on_frame=self._on_frame,
            on_echo=self._hear_echo,
            on_change=lambda _: None,
            clock=self.clock,
            wall=self.clock,
        )
        self.inverter = Inverter(config, self.port)
        self.telegram: Telegram | None = HEALTHY
        self.progress = Progress()

    def _on_frame(self, frame: Frame) -> None:
        if frame.can_id == 0x305:
            self.inverter.on_request(frame.at)
        self.inverter.on_other_frame(frame, self.clock.now)

    def _hear_echo(self, frame: Frame) -> None:
        self.inverter.on_echo(frame, self.clock.now)

    def turn(self) -> float | None:
        """Let it act once, having read what came."""
        self.port.drain()
        return self.inverter.step(self.clock.now, self.telegram, self.progress)

    def after(self, seconds: float = 0.0) -> list[int]:
        """Move the clock, let it act; return the IDs that left since."""
        self.clock.now = round(self.clock.now + seconds, 6)
        before = len(self.port.sent)
        for _ in range(4):
            self.turn()
        return self.port.ids()[before:]

    def says(self, **changes: Any) -> None:
        """Have another telegram to be told."""
        self.telegram = replace(HEALTHY, **changes)

    def confirmed(self, direction: Direction = Direction.CHARGE) -> float:
        """Return what it may act upon."""
        return self.inverter.sent_amps(direction)

    def deafen(self) -> None:
        """Unplug it, and find out."""
        self.port.acknowledged = False
        self.after(1.0)
        self.after(0.05)
        assert self.state().listening is False

    def state(self) -> InverterState:
        """How it is seen."""
        return self.inverter.state(self.clock.now, {})


def test_a_set_opens_with_the_name() -> None:
    """Then the rest, in the profile's order."""
    played = Played()
    played.turn()
    assert played.port.ids() == [NAME]
    played.turn()
    assert played.port.ids() == SET


def test_told_is_what_was_confirmed() -> None:
    """By the echo of the last frame; queued already counts as held."""
    played = Played()
    played.turn()
    assert played.confirmed() == 0.0
    played.port.acknowledged = False
    played.port.drain()
    played.turn()
    assert played.confirmed() == 100.0
    assert played.state().confirmed is None
    played.port.leave()
    played.port.drain()
    assert played.inverter.confirmed == HEALTHY
    assert played.state().sets == 1
    assert played.state().last_set_at == played.clock.now


def test_the_rest_is_what_may_be_told_when_it_leaves() -> None:
    """Not what could be told when the name was queued."""
    played = Played()
    played.port.acknowledged = False
    played.turn()
    played.says(charge_current_limit=20.0)
    played.port.acknowledged = True
    played.port.leave()
    played.after(0.04)
    assert all_limits(played.port.sent) == [(56.0, 20.0, 100.0)]


def test_silence_after_the_name() -> None:
    """A name alone is harmless: nothing follows when nothing may be told."""
    played = Played()
    played.turn()
    played.telegram = None
    assert played.after(5.0) == []


def test_silence() -> None:
    """Without anything to tell nothing is sent."""
    played = Played()
    played.telegram = None
    assert played.after() == played.after(10.0) == []


def test_a_set_each_second() -> None:
    """Though nothing is new."""
    played = Played()
    assert played.after() == SET
    assert played.after(0.99) == []
    assert played.after(0.01) == SET


def test_a_set_when_every_battery_has_spoken_again() -> None:
    """Not closer than the minimum gap."""
    played = Played(min_send_interval=0.3)
    played.after()
    played.clock.now += 0.2
    played.progress = Progress(played.clock.now)
    assert played.after() == []
    assert played.after(0.1) == SET
    assert played.after(0.35) == []


def test_a_set_waits_for_the_rest_of_a_telegram() -> None:
    """The repeated one, too, which else would pair two cycles; but not for ever."""
    played = Played()
    played.after()
    played.progress = Progress(played.clock.now, open_since=played.clock.now + 0.99)
    assert played.after(1.0) == []
    played.progress = Progress(played.clock.now + 0.05)
    assert played.after(0.06) == SET


def test_a_set_is_repeated_though_a_telegram_never_ends() -> None:
    """Of many batteries, some are in the middle of one at any time."""
    played = Played()
    played.after()
    played.progress = Progress(open_since=played.clock.now + 0.5)
    assert played.after(1.49) == []
    assert played.after(0.01) == SET


def test_what_fell_is_told_again_once_the_telegram_is_whole() -> None:
    """The limit cannot wait; what came with it follows."""
    played = Played()
    played.after()
    played.progress = Progress(open_since=played.clock.now + 0.5)
    played.says(charge_current_limit=50.0)
    assert played.after(0.5) == SET
    assert played.after(0.1) == []
    played.progress = Progress()
    assert played.after(0.1) == SET
    assert played.after(0.5) == []


def test_an_answer_waits_for_the_rest_of_a_telegram() -> None:
    """For a moment that no inverter minds."""
    played = Played(mode=SendMode.REPLY)
    played.progress = Progress(open_since=played.clock.now)
    played.port.push(REQUEST)
    assert played.after() == []
    assert played.after(0.14) == []
    assert played.after(0.01) == SET
    played.port.push(Frame(0x305, bytes(8), played.clock.now))
    assert played.after() == []
    played.progress = Progress()
    assert played.after(0.1) == SET


@pytest.mark.parametrize(
    "change",
    [
        {"charge_current_limit": 99.9},
        {"discharge_current_limit": 0.0},
        {"charge_voltage_limit": 55.9},
        {"charge_enabled": False},
        {"discharge_enabled": False},
        {"protections": frozenset({Alarm.OVER_VOLTAGE})},
    ],
)
@pytest.mark.parametrize("mode", SendMode)
def test_what_falls_goes_out_at_once(mode: SendMode, change: dict[str, Any]) -> None:
    """Whatever the minimum gap, and without being asked."""
    played = Played(mode=mode, min_send_interval=5.0)
    played.port.push(REQUEST)
    played.after()
    played.says(**change)
    assert played.after(0.001) == SET


@pytest.mark.parametrize(
    "change",
    [
        {"charge_current_limit": 120.0},
        {"charge_voltage_limit": 56.5},
        {"soc": 40.0},
        {"warnings": frozenset({Alarm.OVER_VOLTAGE})},
    ],
)
def test_what_does_not_fall_waits_its_turn(change: dict[str, Any]) -> None:
    """Until the set that is due anyway."""
    played = Played()
    played.after()
    played.says(**change)
    assert played.after(0.5) == []


def test_reply() -> None:
    """One set for each 0x305, and none without."""
    played = Played(mode=SendMode.REPLY)
    assert played.after(5.0) == []
    played.port.push(REQUEST)
    assert played.after() == SET
    assert played.after(5.0) == []
    played.port.push(REQUEST)
    assert played.after() == SET


def test_a_request_that_came_during_a_set_is_answered() -> None:
    """The set under way may hold what is older."""
    played = Played(mode=SendMode.REPLY)
    played.port.push(REQUEST)
    played.after()
    played.clock.now += 1
    played.port.push(REQUEST)
    played.turn()
    played.turn()
    played.clock.now += 0.01
    played.port.push(REQUEST)
    assert played.after() == []
    assert played.after(0.1) == SET


def test_requests_are_answered_no_faster_than_the_gap() -> None:
    """Each of a flood would draw a set; one that came within the gap is kept."""
    played = Played(mode=SendMode.REPLY, min_send_interval=0.5)
    played.port.push(REQUEST)
    played.after()
    at = played.clock.now
    played.port.push(replace(REQUEST, at=at + 0.01))
    assert played.after(0.1) == []
    assert played.turn() == pytest.approx(at + 0.5)
    assert played.after(0.4) == SET


def test_prompt() -> None:
    """A 0x305 of our own makes an inverter ask, as in the original."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    assert played.after() == [0x305]
    assert played.port.last(0x305) == bytes(8)
    assert played.after(1.9) == []
    assert played.after(0.1) == [0x305]
    played.port.push(REQUEST)
    assert played.after(0.1) == SET


def test_no_prompt_in_silence() -> None:
    """Where nothing may be told nothing is sent, not even this."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.telegram = None
    assert played.after() == played.after(10.0) == []


def test_no_prompt_in_push_mode() -> None:
    """There it would be of no use."""
    assert Played(prompt_interval=2.0).after() == SET


def test_a_prompt_nobody_hears() -> None:
    """It stays the only frame in the queue."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.port.acknowledged = False
    played.after()
    for _ in range(50):
        played.after(1.0)
    assert len(played.port.queue) == 1
    assert played.state().listening is False


def test_a_prompt_that_cannot_be_queued() -> None:
    """The inverter does not listen."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.port.queue = [OTHER] * QUEUE_LENGTH
    played.after()
    assert played.state().listening is False


def test_a_prompt_where_there_is_no_echo() -> None:
    """Nothing is awaited."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.port.has_echo = played.port.echoes = False
    played.after()
    played.port.push(REQUEST)
    assert played.after(0.1)[-5:] == SET[1:]


def test_nobody_listens() -> None:
    """No echo within 50 ms: one name waits, and nothing that could grow stale."""
    played = Played()
    played.port.acknowledged = False
    played.after()
    assert played.state().listening is None
    played.after(0.049)
    assert played.state().listening is None
    played.after(0.001)
    assert played.state().listening is False
    assert played.state().dropped == 1
    for _ in range(100):
        played.after(1.0)
    assert [frame.can_id for frame in played.port.queue] == [NAME]


def test_what_waited_is_a_name_and_a_fresh_set_follows_at_once() -> None:
    """Hours later too."""
    played = Played()
    played.port.acknowledged = False
    played.after()
    played.after(100.0)
    played.says(charge_current_limit=5.0)
    played.port.acknowledged = True
    played.port.leave()
    assert played.after()[-6:] == SET
    assert all_limits(played.port.sent) == [(56.0, 5.0, 100.0)]
    assert played.state().listening is True


def test_a_name_that_a_driver_dropped() -> None:
    """Another one is tried after two minutes: it must not stay without us for ever."""
    played = Played()
    played.deafen()
    played.port.forget()
    played.after(119.0)
    assert played.port.queue == []
    played.after(1.0)
    assert [frame.can_id for frame in played.port.queue] == [NAME]


@pytest.mark.parametrize("frame", [REQUEST, OTHER, BUS_OFF])
def test_a_name_that_is_known_to_be_gone(frame: Frame) -> None:
    """Somebody is there who would have acknowledged it, or the controller was reset."""
    played = Played()
    played.deafen()
    played.port.forget()
    played.after(1.0)
    played.port.push(frame)
    played.port.acknowledged = True
    assert played.after()[-6:] == SET


@pytest.mark.parametrize("frame", [REQUEST, NOT_ACKNOWLEDGED])
def test_a_name_that_may_still_wait(frame: Frame) -> None:
    """An error that resets nothing, or a frame of the moment when it was queued."""
    played = Played()
    played.deafen()
    if frame.error:
        played.clock.now += 1
    played.port.push(frame)
    played.after()
    played.after(5.0)
    assert len(played.port.queue) == 1


def test_a_full_queue() -> None:
    """What could not be queued has no echo to wait for: tried again each second."""
    played = Played()
    played.port.acknowledged = False
    played.port.queue = [OTHER] * QUEUE_LENGTH
    played.after()
    assert played.state().listening is False
    played.port.forget()
    played.port.acknowledged = True
    assert played.after(0.9) == []
    assert played.after(0.1) == SET


def test_gone_within_a_set() -> None:
    """What it may have got of it counts as told."""
    played = Played()
    played.after()
    played.says(charge_current_limit=150.0)
    played.clock.now += 1
    played.turn()
    played.port.drain()
    played.port.acknowledged = False
    played.turn()
    assert len(played.port.queue) == 5
    played.after(0.05)
    assert played.state().listening is False
    assert played.confirmed() == 150.0
    played.says(charge_current_limit=50.0)
    played.port.acknowledged = True
    played.port.leave()
    assert played.after(0.01)[-6:] == SET
    assert played.confirmed() == 50.0


def test_gone_within_the_first_set() -> None:
    """It may act upon it though it never confirmed anything."""
    played = Played()
    played.turn()
    played.port.drain()
    played.port.acknowledged = False
    played.turn()
    for _ in range(5):
        played.after(10.0)
    assert played.confirmed() == 100.0
    played.after(11.0)
    assert played.confirmed() == 0.0


def test_a_queue_that_fills_up_within_a_set() -> None:
    """Some of it has gone, so it counts as told."""
    played = Played()
    played.turn()
    played.port.drain()
    played.port.acknowledged = False
    played.port.queue = [OTHER] * (QUEUE_LENGTH - 2)
    played.turn()
    assert played.state().listening is False
    assert played.confirmed() == 100.0


def test_what_may_have_been_told_is_taken_back_at_once() -> None:
    """A limit that falls below what is on its way is falling, confirmed or not."""
    played = Played(mode=SendMode.REPLY)
    played.port.push(REQUEST)
    played.after()
    played.says(charge_current_limit=150.0)
    played.clock.now += 1
    played.port.push(REQUEST)
    played.turn()
    played.port.drain()
    played.port.acknowledged = False
    played.turn()
    played.port.lose()
    played.after(0.01)
    played.port.acknowledged = True
    played.port.reopen()
    played.says(charge_current_limit=120.0)
    assert played.after(1.0) == SET


def test_told_expires() -> None:
    """After the inverter's own time-out it acts upon nothing any more."""
    played = Played(timeout=60.0)
    played.after()
    played.telegram = None
    played.after(60.0)
    assert played.confirmed() == 100.0
    played.after(0.1)
    assert played.confirmed() == 0.0
    assert played.state().charge is None


def test_told_does_not_expire_while_it_asks() -> None:
    """It is there, and may act upon what it knows."""
    played = Played(timeout=60.0)
    played.after()
    played.telegram = None
    for _ in range(10):
        played.port.push(REQUEST)
        played.after(30.0)
    assert played.confirmed() == 100.0


def test_a_port_that_is_closed() -> None:
    """Nothing is sent; after it, a whole set again."""
    played = Played()
    played.after()
    played.port.lose()
    assert played.turn() is None
    assert played.state().listening is None
    assert not played.inverter.reachable
    assert played.port.refused == 0
    played.port.reopen()
    assert played.after(1.0) == SET


def test_told_expires_while_its_port_is_lost() -> None:
    """Its part goes to the others, however long its adapter stays away."""
    played = Played(timeout=60.0)
    played.after()
    played.port.lose()
    played.after(60.0)
    assert played.confirmed() == 100.0
    played.after(0.1)
    assert played.confirmed() == 0.0


@pytest.mark.parametrize("reserved", [1.0, 7.0, 60.0])
def test_an_echo_read_late_opens_no_set(reserved: float) -> None:
    """The loop was held after the name, the inverter is gone: no limit may wait."""
    played = Played()
    played.after()
    played.clock.now += 1.0
    played.turn()
    played.port.acknowledged = False
    played.after(reserved)
    assert [frame.can_id for frame in played.port.queue] == [NAME]
    played.port.acknowledged = True
    played.port.leave()
    assert played.after(0.01) == SET[1:]


@pytest.mark.parametrize("phase", ["opened", "sent"])
def test_a_port_lost_within_a_set(phase: str) -> None:
    """Its echoes never come, and are not awaited."""
    played = Played()
    played.port.acknowledged = phase != "opened"
    played.turn()
    if phase == "sent":
        played.port.drain()
        played.port.acknowledged = False
        played.turn()
    played.port.lose()
    played.turn()
    played.port.acknowledged = True
    played.port.reopen()
    assert played.after(1.0) == SET
    assert played.state().listening is True


def test_without_echo() -> None:
    """An interface that gives none is trusted; told is what was queued."""
    played = Played()
    played.port.has_echo = played.port.echoes = False
    played.port.echo_is_proof = False
    assert played.after() == [NAME, *SET]
    assert played.inverter.confirmed == HEALTHY


def test_an_echo_that_is_no_proof() -> None:
    """The driver may hold one frame back: two names show that one has left."""
    played = Played()
    played.port.echo_is_proof = False
    played.port.acknowledged = False
    played.turn()
    assert [frame.can_id for frame in played.port.queue] == [NAME, NAME]
    played.port.leave(1)
    played.turn()
    assert len(played.port.queue) == 1
    played.port.leave(1)
    played.turn()
    assert [frame.can_id for frame in played.port.queue] == SET[1:]


@pytest.mark.parametrize(
    ("fault", "proof", "confirmed"),
    [
        (PortFault.BUS_OFF, False, 100.0),
        (PortFault.NO_CARRIER, False, 100.0),
        (PortFault.BUS_OFF, True, 0.0),
        (PortFault.NO_CARRIER, True, 100.0),  # told late, by virtual cables too
        (PortFault.NO_SUCH_CHANNEL, False, 0.0),
    ],
)
def test_what_was_told_just_before_bus_off_may_not_have_arrived(
    fault: PortFault, proof: bool, confirmed: float
) -> None:
    """Where the driver's echo proves nothing, the limit of before still holds."""
    played = Played()
    played.port.echo_is_proof = proof
    played.after()
    played.says(charge_current_limit=0.0)
    played.after(0.5)
    assert played.confirmed() == 0.0
    played.port.lose()
    played.port.state = replace(played.port.state, fault=fault)
    for _ in range(3):
        played.after(0.1)
        assert played.confirmed() == confirmed


def test_short_frames() -> None:
    """As long as their content, for inverters that want them so."""
    played = Played(exact_dlc=True)
    played.after()
    assert [len(frame.data) for frame in played.port.sent] == [8, 8, 4, 6, 2, 7]


def test_connected() -> None:
    """Whether it asks; it is sent to in either case."""
    played = Played()
    played.after()
    assert played.state().connected is None
    played.port.push(REQUEST)
    played.after()
    assert played.state().connected is True
    assert played.state().last_request_at == played.clock.now
    assert played.after(60.0) == SET
    assert played.state().connected is False


def test_state_tells_what_was_told_and_why() -> None:
    """The rule that holds now, with the number as told."""
    played = Played()
    played.after()
    why = {Direction.CHARGE: Limit(amps=99.96, rule=Rule.SETPOINT, number=99.96)}
    state = played.inverter.state(played.clock.now, why)
    assert state.charge == Limit(amps=100.0, rule=Rule.SETPOINT, number=99.96)
    assert state.discharge == Limit(amps=100.0)
    assert state.confirmed == HEALTHY


def test_claim_before_anything_was_told() -> None:
    """Its rating, and no ramp to the first value."""
    played = Played(rated_charge=80.0, rated_discharge=120.0)
    claim = played.inverter.allocation_request(
        Direction.DISCHARGE, None, 0.0, played.clock.now
    )
    assert (claim.weight, claim.cap, claim.rule) == (120.0, 120.0, Rule.RATING)
    assert (claim.sent, claim.reserved, claim.reachable) == (0.0, 0.0, True)
    assert claim.ceiling > 120.0


@pytest.mark.parametrize(
    ("asked", "cap", "rule"),
    [
        (30.0, 30.0, Rule.TEMPORARY_LIMIT),
        (0.0, 0.0, Rule.TEMPORARY_LIMIT),
        (200.0, 80.0, Rule.RATING),
    ],
)
def test_what_is_asked_of_it_only_lowers(asked: float, cap: float, rule: Rule) -> None:
    """A setpoint or lease above the rating is none."""
    played = Played(rated_charge=80.0)
    ask = RequestedLimit(asked, Rule.TEMPORARY_LIMIT, "me")
    claim = played.inverter.allocation_request(
        Direction.CHARGE, ask, 0.0, played.clock.now
    )
    assert (claim.weight, claim.cap, claim.rule) == (80.0, cap, rule)


def test_out_of_service() -> None:
    """It is told nothing but 0 A."""
    played = Played()
    played.inverter.in_service = False
    claim = played.inverter.allocation_request(
        Direction.CHARGE, None, 0.0, played.clock.now
    )
    assert (claim.cap, claim.rule) == (0.0, Rule.IN_SERVICE)


def test_what_it_gives_up_is_held_for_twice_its_reaction_time() -> None:
    """Until then it may still draw it."""
    played = Played(reaction_time=10.0)
    played.after()
    played.says(charge_current_limit=40.0)
    played.after(1.0)

    def reserved() -> float:
        return played.inverter.allocation_request(
            Direction.CHARGE, None, 0.0, played.clock.now
        ).reserved

    assert (played.confirmed(), reserved()) == (40.0, 100.0)
    for _ in range(19):
        played.after(1.0)
    assert reserved() == 100.0
    played.after(1.0)
    assert reserved() == 40.0


def test_what_was_perhaps_told_is_held_like_what_was_surely() -> None:
    """Its limits left, and the echo of another frame did not come: it follows them."""
    played = Played(reaction_time=10.0)
    played.says(charge_current_limit=50.0)
    played.after()
    played.says(charge_current_limit=150.0)
    played.clock.now += 1.0
    played.turn()
    played.port.drain()
    played.port.acknowledged = False
    played.turn()
    played.port.leave(3)
    played.port.forget()
    played.port.drain()
    played.port.acknowledged = True
    played.after(0.1)
    played.says(charge_current_limit=20.0)
    played.port.push(replace(OTHER, at=played.clock.now + 0.1))
    played.after(0.1)
    played.after(1.0)
    claim = played.inverter.allocation_request(
        Direction.CHARGE, None, 0.0, played.clock.now
    )
    assert (claim.sent, claim.reserved) == (20.0, 150.0)


def test_a_rise_is_ramped() -> None:
    """By its rating in 10 s, from what it was told or what flows already."""
    played = Played(rated=200.0)
    played.says(discharge_current_limit=10.0)
    played.after()

    def ceiling(flowing: float) -> float:
        at = played.clock.now + 0.5
        return played.inverter.allocation_request(
            Direction.DISCHARGE, None, flowing, at
        ).ceiling

    assert ceiling(0.0) == pytest.approx(20.0)
    assert ceiling(60.0) == pytest.approx(70.0)


def test_a_small_one_rises_too_however_often_it_is_told() -> None:
    """Less than a count at a time would be cut away each time."""
    played = Played(rated=5.0)
    played.says(charge_current_limit=1.0)
    played.after()
    claim = played.inverter.allocation_request(
        Direction.CHARGE, None, 0.0, played.clock.now + 0.1
    )
    assert permitted_now(0, 5.0, 5.0, [claim]) == 1.1


@pytest.mark.parametrize("mode", SendMode)
def test_when_to_look_again(mode: SendMode) -> None:
    """Nothing that becomes due is slept over."""
    played = Played(mode=mode, prompt_interval=2.0)
    now = played.clock.now
    played.port.push(replace(REQUEST, at=now))
    assert played.turn() == pytest.approx(now + 0.05)
    assert played.turn() == pytest.approx(now + 0.05)
    deadline = played.turn()
    if mode is SendMode.PUSH:
        assert deadline == pytest.approx(now + 0.1)
        played.after(0.1)
        assert played.turn() == pytest.approx(now + 1.0)
    else:
        assert deadline == pytest.approx(now + 0.05)  # the echo of the prompt
        played.after(0.1)
        assert played.turn() == pytest.approx(now + 2.0)


def test_when_to_look_again_at_one_that_does_not_listen() -> None:
    """When its next name is due."""
    played = Played()
    played.port.acknowledged = False
    played.after()
    now = played.clock.now = played.clock.now + 0.05
    assert played.turn() == pytest.approx(now + 120.0)
    played.telegram = None
    assert played.turn() is None


def test_it_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Once when it goes, once when it is back."""
    caplog.set_level(logging.INFO)
    played = Played()
    played.after()
    played.deafen()
    for _ in range(3):
        played.after(130.0)
    played.port.acknowledged = True
    played.port.leave()
    played.after()
    assert caplog.messages == [
        "i1 does not listen",
        "i1 listens again",
    ]
