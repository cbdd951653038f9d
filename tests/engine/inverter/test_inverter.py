"""One inverter: when telegrams are sent, the echo rule, and the sent limits."""

from dataclasses import replace
import logging

import pytest

from custom_components.bms_gateway.engine.allocation_requests import allocation_request
from custom_components.bms_gateway.engine.inverter.allocation import permitted_now
from custom_components.bms_gateway.engine.model import (
    Direction,
    Frame,
    Limit,
    Rule,
    SeenMake,
)
from custom_components.bms_gateway.engine.presets import FrameLength, Make, SendMode
from custom_components.bms_gateway.engine.setpoints import RequestedLimit

from ..telegrams import HEALTHY
from ..wires import all_limits
from .played import NAME, OTHER, REQUEST, TELEGRAM_IDS, Played


def test_telegram_starts_with_the_name() -> None:
    """The rest follows in the profile's order."""
    played = Played()
    played.turn()
    assert played.port.ids() == [NAME]
    played.turn()
    assert played.port.ids() == TELEGRAM_IDS


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
    assert played.after(0.1) == TELEGRAM_IDS


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


def test_frames_are_as_long_as_their_content() -> None:
    """For inverters that require it."""
    played = Played(frame_length=FrameLength.EXACT)
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
    assert played.after(60.0) == TELEGRAM_IDS
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


def test_another_make_is_recognized_anew() -> None:
    """What the device before it sent does not count as a second inverter."""
    played = Played(make=Make.OTHER_SMA)
    # A Sunny Island's relays, then a GX's constant: 12 34 56 78 `VIC` 00
    for sends in ("0100", "1234567856494300"):
        for _ in range(3):
            played.port.push(Frame(0x307, bytes.fromhex(sends)))
    played.turn()
    both = {SeenMake.SMA, SeenMake.VICTRON}
    assert played.state().seen_makes == both

    config = played.inverter.config
    played.inverter.configure(replace(config, rated_charge=config.rated_charge / 2))
    assert played.state().seen_makes == both

    played.inverter.configure(replace(config, make=Make.VICTRON))
    assert played.state().seen_makes == frozenset()
    for _ in range(3):
        played.port.push(Frame(0x307, bytes.fromhex("1234567856494300")))
    played.turn()
    assert played.state().seen_makes == {SeenMake.VICTRON}
