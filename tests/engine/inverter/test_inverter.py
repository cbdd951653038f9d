"""One inverter: when telegrams are sent, the echo rule, and the sent limits."""

from dataclasses import replace
import logging
from typing import Any

import pytest

from custom_components.bms_gateway.engine.allocation_requests import allocation_request
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
        """Connect an inverter that acknowledges."""
        self.clock = MovedClock()
        config = inverter("i1", **options)
        self.port = Wires()(
            config.port,
            on_frame=self._on_frame,
            on_echo=self._on_echo,
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

    def _on_echo(self, frame: Frame) -> None:
        self.inverter.on_echo(frame, self.clock.now)

    def turn(self) -> float | None:
        """Run one step after reading all frames."""
        self.port.drain()
        return self.inverter.step(self.clock.now, self.telegram, self.progress)

    def after(self, seconds: float = 0.0) -> list[int]:
        """Move the clock and run a step; return the IDs that left since."""
        self.clock.now = round(self.clock.now + seconds, 6)
        before = len(self.port.sent)
        for _ in range(4):
            self.turn()
        return self.port.ids()[before:]

    def set_telegram(self, **changes: Any) -> None:
        """Set another telegram to be sent."""
        self.telegram = replace(HEALTHY, **changes)

    def confirmed(self, direction: Direction = Direction.CHARGE) -> float:
        """Return the limit that it may act on."""
        return self.inverter.sent_amps(direction)

    def unplug(self) -> None:
        """Unplug it, until that is noticed."""
        self.port.acknowledged = False
        self.after(1.0)
        self.after(0.05)
        assert self.state().listening is False

    def state(self) -> InverterState:
        """Its present state."""
        return self.inverter.state(self.clock.now, {})


def test_telegram_starts_with_the_name() -> None:
    """The rest follows in the profile's order."""
    played = Played()
    played.turn()
    assert played.port.ids() == [NAME]
    played.turn()
    assert played.port.ids() == SET


def test_limit_is_confirmed_by_the_last_echo() -> None:
    """From the time it is queued, it is reserved."""
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
    assert played.state().telegrams_sent == 1
    assert played.state().last_telegram_at == played.clock.now


def test_rest_is_dropped_once_a_required_value_is_unknown() -> None:
    """The name alone does no harm, and the next telegram starts with another."""
    played = Played()
    played.turn()
    played.telegram = None
    assert played.after(0.1) == []
    played.telegram = HEALTHY
    assert played.after(0.1) == SET


def test_rest_has_the_limits_of_the_time_it_leaves() -> None:
    """Not those of the time when the name was queued."""
    played = Played()
    played.port.acknowledged = False
    played.turn()
    played.set_telegram(charge_current_limit=20.0)
    played.port.acknowledged = True
    played.port.leave()
    played.after(0.04)
    assert all_limits(played.port.sent) == [(56.0, 20.0, 100.0)]


def test_rest_is_dropped_when_nothing_may_be_sent() -> None:
    """A name alone is harmless."""
    played = Played()
    played.turn()
    played.telegram = None
    assert played.after(5.0) == []


def test_nothing_is_sent_without_a_target() -> None:
    """Not one frame."""
    played = Played()
    played.telegram = None
    assert played.after() == played.after(10.0) == []


def test_telegram_is_repeated_every_second() -> None:
    """Although nothing is new."""
    played = Played()
    assert played.after() == SET
    assert played.after(0.99) == []
    assert played.after(0.01) == SET


def test_telegram_is_sent_when_every_battery_has_reported_again() -> None:
    """Not within the minimum send interval."""
    played = Played(min_send_interval=0.3)
    played.after()
    played.clock.now += 0.2
    played.progress = Progress(played.clock.now)
    assert played.after() == []
    assert played.after(0.1) == SET
    assert played.after(0.35) == []


def test_telegram_waits_for_complete_values() -> None:
    """The repeated one too, which would mix two cycles; but not forever."""
    played = Played()
    played.after()
    played.progress = Progress(played.clock.now, open_since=played.clock.now + 0.99)
    assert played.after(1.0) == []
    played.progress = Progress(played.clock.now + 0.05)
    assert played.after(0.06) == SET


def test_telegram_is_repeated_although_values_are_never_complete() -> None:
    """Of many batteries, some are in the middle of a telegram at any time."""
    played = Played()
    played.after()
    played.progress = Progress(open_since=played.clock.now + 0.5)
    assert played.after(1.49) == []
    assert played.after(0.01) == SET


def test_lower_limit_is_sent_again_with_complete_values() -> None:
    """The limit cannot wait; the other new values follow."""
    played = Played()
    played.after()
    played.progress = Progress(open_since=played.clock.now + 0.5)
    played.set_telegram(charge_current_limit=50.0)
    assert played.after(0.5) == SET
    assert played.after(0.1) == []
    played.progress = Progress()
    assert played.after(0.1) == SET
    assert played.after(0.5) == []


def test_reply_waits_for_complete_values() -> None:
    """For a short time that no inverter minds."""
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
def test_lower_limit_is_sent_at_once(mode: SendMode, change: dict[str, Any]) -> None:
    """At any minimum send interval, and without a request."""
    played = Played(mode=mode, min_send_interval=5.0)
    played.port.push(REQUEST)
    played.after()
    played.set_telegram(**change)
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
def test_other_changes_wait_for_the_next_telegram(change: dict[str, Any]) -> None:
    """Until one is due anyway."""
    played = Played()
    played.after()
    played.set_telegram(**change)
    assert played.after(0.5) == []


def test_each_request_gets_one_telegram() -> None:
    """And there is none without a request."""
    played = Played(mode=SendMode.REPLY)
    assert played.after(5.0) == []
    played.port.push(REQUEST)
    assert played.after() == SET
    assert played.after(5.0) == []
    played.port.push(REQUEST)
    assert played.after() == SET


def test_request_during_a_telegram_is_answered() -> None:
    """The telegram under way may carry older values."""
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


def test_requests_are_answered_at_the_minimum_send_interval() -> None:
    """A flood of them is limited; one within the interval is kept."""
    played = Played(mode=SendMode.REPLY, min_send_interval=0.5)
    played.port.push(REQUEST)
    played.after()
    at = played.clock.now
    played.port.push(replace(REQUEST, at=at + 0.01))
    assert played.after(0.1) == []
    assert played.turn() == pytest.approx(at + 0.5)
    assert played.after(0.4) == SET


def test_prompt_makes_an_inverter_request_data() -> None:
    """By a 0x305 of our own, as the daemon does."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    assert played.after() == [0x305]
    assert played.port.last(0x305) == bytes(8)
    assert played.after(1.9) == []
    assert played.after(0.1) == [0x305]
    played.port.push(REQUEST)
    assert played.after(0.1) == SET


def test_no_prompt_without_a_target() -> None:
    """Where nothing may be sent, not even this."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.telegram = None
    assert played.after() == played.after(10.0) == []


def test_push_mode_sends_no_prompt() -> None:
    """It would be of no use there."""
    assert Played(prompt_interval=2.0).after() == SET


def test_unacknowledged_prompt_stays_the_only_frame() -> None:
    """Nothing else is queued."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.port.acknowledged = False
    played.after()
    for _ in range(50):
        played.after(1.0)
    assert len(played.port.queue) == 1
    assert played.state().listening is False


def test_prompt_that_cannot_be_queued_marks_the_inverter() -> None:
    """It does not acknowledge."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.port.queue = [OTHER] * QUEUE_LENGTH
    played.after()
    assert played.state().listening is False


def test_prompt_without_echoes_awaits_nothing() -> None:
    """The next telegram may follow."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.port.has_echo = played.port.echoes = False
    played.after()
    played.port.push(REQUEST)
    assert played.after(0.1)[-5:] == SET[1:]


def test_missing_echo_leaves_only_a_name_in_the_queue() -> None:
    """No echo within 50 ms: nothing that could become stale is queued."""
    played = Played()
    played.port.acknowledged = False
    played.after()
    assert played.state().listening is None
    played.after(0.049)
    assert played.state().listening is None
    played.after(0.001)
    assert played.state().listening is False
    assert played.state().telegrams_dropped == 1
    for _ in range(100):
        played.after(1.0)
    assert [frame.can_id for frame in played.port.queue] == [NAME]


def test_fresh_telegram_follows_the_late_echo_of_a_name() -> None:
    """Hours later too."""
    played = Played()
    played.port.acknowledged = False
    played.after()
    played.after(100.0)
    played.set_telegram(charge_current_limit=5.0)
    played.port.acknowledged = True
    played.port.leave()
    assert played.after()[-6:] == SET
    assert all_limits(played.port.sent) == [(56.0, 5.0, 100.0)]
    assert played.state().listening is True


def test_another_name_is_sent_after_two_minutes() -> None:
    """A driver that dropped the first must not block the inverter forever."""
    played = Played()
    played.unplug()
    played.port.forget()
    played.after(119.0)
    assert played.port.queue == []
    played.after(1.0)
    assert [frame.can_id for frame in played.port.queue] == [NAME]


@pytest.mark.parametrize("frame", [REQUEST, OTHER, BUS_OFF])
def test_another_name_is_sent_when_the_first_is_known_to_be_lost(frame: Frame) -> None:
    """A device was there to acknowledge it, or the controller was reset."""
    played = Played()
    played.unplug()
    played.port.forget()
    played.after(1.0)
    played.port.push(frame)
    played.port.acknowledged = True
    assert played.after()[-6:] == SET


@pytest.mark.parametrize("frame", [REQUEST, NOT_ACKNOWLEDGED])
def test_no_other_name_while_the_first_may_still_wait(frame: Frame) -> None:
    """An error that resets nothing, or a frame from the time of queuing."""
    played = Played()
    played.unplug()
    if frame.error:
        played.clock.now += 1
    played.port.push(frame)
    played.after()
    played.after(5.0)
    assert len(played.port.queue) == 1


def reachable_while_playing(played: Played, seconds: float) -> set[bool]:
    """Let time pass in steps of 10 ms; return whether it was reachable."""
    found: set[bool] = set()
    for _ in range(round(seconds / 0.01)):
        played.clock.now = round(played.clock.now + 0.01, 6)
        played.port.drain()
        found.add(played.inverter.reachable)
        played.turn()
        found.add(played.inverter.reachable)
    return found


def test_first_probe_after_a_silence_does_not_make_it_reachable() -> None:
    """A frame of a battery silences the port for a while; nothing is proven since."""
    played = Played()
    played.after(2.0)
    played.unplug()
    played.port.forget()
    played.after(0.1)
    played.port.push(BUS_OFF, Frame(0x351, bytes(8)))
    assert reachable_while_playing(played, 4.0) == {False}
    assert played.port.queue[0].can_id == NAME


def test_dropped_rest_of_a_probe_leaves_it_reachable() -> None:
    """The name's echo proved that it acknowledges; the next name takes nothing back."""
    played = Played()
    played.after(2.0)
    played.unplug()
    played.telegram = None
    played.port.acknowledged = True
    played.port.forget()
    played.after(0.1)
    played.port.push(BUS_OFF)
    played.after(1.0)
    played.telegram = HEALTHY
    played.turn()
    played.telegram = None
    played.after()
    assert played.state().listening is False
    played.telegram = HEALTHY
    assert reachable_while_playing(played, 1.0) == {True}
    assert played.state().listening


def test_full_queue_is_retried_every_second() -> None:
    """A frame that could not be queued has no echo to wait for."""
    played = Played()
    played.port.acknowledged = False
    played.port.queue = [OTHER] * QUEUE_LENGTH
    played.after()
    assert played.state().listening is False
    played.port.forget()
    played.port.acknowledged = True
    assert played.after(0.9) == []
    assert played.after(0.1) == SET


def test_partly_acknowledged_telegram_is_reserved() -> None:
    """It may have received the limits."""
    played = Played()
    played.after()
    played.set_telegram(charge_current_limit=150.0)
    played.clock.now += 1
    played.turn()
    played.port.drain()
    played.port.acknowledged = False
    played.turn()
    assert len(played.port.queue) == 5
    played.after(0.05)
    assert played.state().listening is False
    assert played.confirmed() == 150.0
    played.set_telegram(charge_current_limit=50.0)
    played.port.acknowledged = True
    played.port.leave()
    assert played.after(0.01)[-6:] == SET
    assert played.confirmed() == 50.0


def test_partly_acknowledged_first_telegram_is_reserved() -> None:
    """It may act on it although nothing was ever confirmed."""
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


def test_telegram_that_filled_the_queue_is_reserved() -> None:
    """A part of it has left."""
    played = Played()
    played.turn()
    played.port.drain()
    played.port.acknowledged = False
    played.port.queue = [OTHER] * (QUEUE_LENGTH - 2)
    played.turn()
    assert played.state().listening is False
    assert played.confirmed() == 100.0


def test_limit_on_its_way_is_lowered_at_once() -> None:
    """A limit below it is a fall, confirmed or not."""
    played = Played(mode=SendMode.REPLY)
    played.port.push(REQUEST)
    played.after()
    played.set_telegram(charge_current_limit=150.0)
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
    played.set_telegram(charge_current_limit=120.0)
    assert played.after(1.0) == SET


def test_confirmed_limit_expires() -> None:
    """After the inverter's BMS time-out it acts on nothing."""
    played = Played(timeout=60.0)
    played.after()
    played.telegram = None
    played.after(60.0)
    assert played.confirmed() == 100.0
    played.after(0.1)
    assert played.confirmed() == 0.0
    assert played.state().charge is None


def test_confirmed_limit_does_not_expire_while_it_requests() -> None:
    """It is there, and may act on what it has."""
    played = Played(timeout=60.0)
    played.after()
    played.telegram = None
    for _ in range(10):
        played.port.push(REQUEST)
        played.after(30.0)
    assert played.confirmed() == 100.0


def test_closed_port_sends_nothing() -> None:
    """Once open again, it sends a complete telegram."""
    played = Played()
    played.after()
    played.port.lose()
    assert played.turn() is None
    assert played.state().listening is None
    assert not played.inverter.reachable
    assert played.port.refused == 0
    played.port.reopen()
    assert played.after(1.0) == SET


def test_confirmed_limit_expires_while_its_port_is_lost() -> None:
    """Its part goes to the others, however long the adapter is away."""
    played = Played(timeout=60.0)
    played.after()
    played.port.lose()
    played.after(60.0)
    assert played.confirmed() == 100.0
    played.after(0.1)
    assert played.confirmed() == 0.0


@pytest.mark.parametrize("reserved", [1.0, 7.0, 60.0])
def test_late_echo_does_not_release_the_rest(reserved: float) -> None:
    """The loop was blocked, the inverter is gone: no limit may wait."""
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
def test_port_lost_during_a_telegram_awaits_no_echo(phase: str) -> None:
    """Its echoes never arrive."""
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


def test_interface_without_echo_confirms_queued_telegrams() -> None:
    """It is trusted."""
    played = Played()
    played.port.has_echo = played.port.echoes = False
    played.port.echo_is_proof = False
    assert played.after() == [NAME, *SET]
    assert played.inverter.confirmed == HEALTHY


def test_two_names_are_sent_where_echoes_prove_nothing() -> None:
    """The driver may hold one frame back: two show that one has left."""
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
        (PortFault.NO_CARRIER, True, 100.0),  # sent late, by virtual cables too
        (PortFault.NO_SUCH_CHANNEL, False, 0.0),
    ],
)
def test_limit_sent_just_before_bus_off_may_be_lost(
    fault: PortFault, proof: bool, confirmed: float
) -> None:
    """Where the driver's echo proves nothing, the previous limit still counts."""
    played = Played()
    played.port.echo_is_proof = proof
    played.after()
    played.set_telegram(charge_current_limit=0.0)
    played.after(0.5)
    assert played.confirmed() == 0.0
    played.port.lose()
    played.port.state = replace(played.port.state, fault=fault)
    for _ in range(3):
        played.after(0.1)
        assert played.confirmed() == confirmed


def test_frames_are_as_long_as_their_content() -> None:
    """For inverters that require it."""
    played = Played(exact_dlc=True)
    played.after()
    assert [len(frame.data) for frame in played.port.sent] == [8, 8, 4, 6, 2, 7]


def test_inverter_is_connected_while_it_requests() -> None:
    """Telegrams are sent in either case."""
    played = Played()
    played.after()
    assert played.state().connected is None
    played.port.push(REQUEST)
    played.after()
    assert played.state().connected is True
    assert played.state().last_request_at == played.clock.now
    assert played.after(60.0) == SET
    assert played.state().connected is False


def test_state_shows_the_sent_limit_and_its_rule() -> None:
    """The rule that holds now, with the limit as sent."""
    played = Played()
    played.after()
    why = {Direction.CHARGE: Limit(amps=99.96, rule=Rule.SETPOINT, number=99.96)}
    state = played.inverter.state(played.clock.now, why)
    assert state.charge == Limit(amps=100.0, rule=Rule.SETPOINT, number=99.96)
    assert state.discharge == Limit(amps=100.0)
    assert state.confirmed == HEALTHY


def test_first_request_is_the_rating() -> None:
    """There is no ramp to the first value."""
    played = Played(rated_charge=80.0, rated_discharge=120.0)
    request = allocation_request(
        played.inverter, Direction.DISCHARGE, None, 0.0, played.clock.now
    )
    assert (request.weight, request.cap, request.rule) == (120.0, 120.0, Rule.RATING)
    assert (request.sent, request.reserved, request.reachable) == (0.0, 0.0, True)
    assert request.ceiling > 120.0


@pytest.mark.parametrize(
    ("requested", "cap", "rule"),
    [
        (30.0, 30.0, Rule.TEMPORARY_LIMIT),
        (0.0, 0.0, Rule.TEMPORARY_LIMIT),
        (200.0, 80.0, Rule.RATING),
    ],
)
def test_own_limits_only_lower_the_rating(
    requested: float, cap: float, rule: Rule
) -> None:
    """A setpoint or temporary limit above the rating has no effect."""
    played = Played(rated_charge=80.0)
    ask = RequestedLimit(requested, Rule.TEMPORARY_LIMIT, "me")
    request = allocation_request(
        played.inverter, Direction.CHARGE, ask, 0.0, played.clock.now
    )
    assert (request.weight, request.cap, request.rule) == (80.0, cap, rule)


def test_out_of_service_inverter_gets_0_a() -> None:
    """Nothing else is sent."""
    played = Played()
    played.inverter.in_service = False
    request = allocation_request(
        played.inverter, Direction.CHARGE, None, 0.0, played.clock.now
    )
    assert (request.cap, request.rule) == (0.0, Rule.IN_SERVICE)


def test_previous_limit_is_reserved_for_twice_the_reaction_time() -> None:
    """Until then it may still take it."""
    played = Played(reaction_time=10.0)
    played.after()
    played.set_telegram(charge_current_limit=40.0)
    played.after(1.0)

    def reserved() -> float:
        return allocation_request(
            played.inverter, Direction.CHARGE, None, 0.0, played.clock.now
        ).reserved

    assert (played.confirmed(), reserved()) == (40.0, 100.0)
    for _ in range(19):
        played.after(1.0)
    assert reserved() == 100.0
    played.after(1.0)
    assert reserved() == 40.0


def test_unconfirmed_limit_is_reserved_like_a_confirmed_one() -> None:
    """Its limits left, the echo of another frame is missing: it follows."""
    played = Played(reaction_time=10.0)
    played.set_telegram(charge_current_limit=50.0)
    played.after()
    played.set_telegram(charge_current_limit=150.0)
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
    played.set_telegram(charge_current_limit=20.0)
    played.port.push(replace(OTHER, at=played.clock.now + 0.1))
    played.after(0.1)
    played.after(1.0)
    request = allocation_request(
        played.inverter, Direction.CHARGE, None, 0.0, played.clock.now
    )
    assert (request.sent, request.reserved) == (20.0, 150.0)


def test_rise_is_ramped() -> None:
    """By its rating in 10 s, from the sent limit or the current flowing."""
    played = Played(rated=200.0)
    played.set_telegram(discharge_current_limit=10.0)
    played.after()

    def ceiling(flowing: float) -> float:
        at = played.clock.now + 0.5
        return allocation_request(
            played.inverter, Direction.DISCHARGE, None, flowing, at
        ).ceiling

    assert ceiling(0.0) == pytest.approx(20.0)
    assert ceiling(60.0) == pytest.approx(70.0)


def test_small_inverter_rises_however_often_it_is_sent() -> None:
    """Less than one step at a time would be rounded away each time."""
    played = Played(rated=5.0)
    played.set_telegram(charge_current_limit=1.0)
    played.after()
    request = allocation_request(
        played.inverter, Direction.CHARGE, None, 0.0, played.clock.now + 0.1
    )
    assert permitted_now(0, 5.0, 5.0, [request]) == 1.1


@pytest.mark.parametrize("mode", SendMode)
def test_step_returns_the_next_time_due(mode: SendMode) -> None:
    """Nothing that becomes due is missed."""
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


def test_step_returns_when_the_next_probe_is_due() -> None:
    """To an inverter that does not acknowledge."""
    played = Played()
    played.port.acknowledged = False
    played.after()
    now = played.clock.now = played.clock.now + 0.05
    assert played.turn() == pytest.approx(now + 120.0)
    played.telegram = None
    assert played.turn() is None


def test_acknowledgement_changes_are_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once when it is gone, once when it is back."""
    caplog.set_level(logging.INFO)
    played = Played()
    played.after()
    played.unplug()
    for _ in range(3):
        played.after(130.0)
    played.port.acknowledged = True
    played.port.leave()
    played.after()
    assert caplog.messages == [
        "i1 does not listen",
        "i1 listens again",
    ]
