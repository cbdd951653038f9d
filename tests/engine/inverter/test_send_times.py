"""Times of telegrams: repetition, complete values, requests and prompts."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.bms_gateway.engine.battery.timing.telegram_boundary import (
    Progress,
)
from custom_components.bms_gateway.engine.model import Alarm, Frame
from custom_components.bms_gateway.engine.presets import SendMode

from ..wires import QUEUE_LENGTH
from .played import OTHER, REQUEST, TELEGRAM_IDS, Played


def test_telegram_is_repeated_every_second() -> None:
    """Although nothing is new."""
    played = Played()
    assert played.after() == TELEGRAM_IDS
    assert played.after(0.99) == []
    assert played.after(0.01) == TELEGRAM_IDS


def test_telegram_is_sent_when_every_battery_has_reported_again() -> None:
    """Not within the minimum send interval."""
    played = Played(min_send_interval=0.3)
    played.after()
    played.clock.now += 0.2
    played.progress = Progress(played.clock.now)
    assert played.after() == []
    assert played.after(0.1) == TELEGRAM_IDS
    assert played.after(0.35) == []


def test_telegram_waits_for_complete_values() -> None:
    """The repeated one too, which would mix two cycles; but not forever."""
    played = Played()
    played.after()
    played.progress = Progress(played.clock.now, open_since=played.clock.now + 0.99)
    assert played.after(1.0) == []
    played.progress = Progress(played.clock.now + 0.05)
    assert played.after(0.06) == TELEGRAM_IDS


def test_telegram_is_repeated_although_values_are_never_complete() -> None:
    """Of many batteries, some are in the middle of a telegram at any time."""
    played = Played()
    played.after()
    played.progress = Progress(open_since=played.clock.now + 0.5)
    assert played.after(1.49) == []
    assert played.after(0.01) == TELEGRAM_IDS


def test_lower_limit_is_sent_again_with_complete_values() -> None:
    """The limit cannot wait; the other new values follow."""
    played = Played()
    played.after()
    played.progress = Progress(open_since=played.clock.now + 0.5)
    played.set_telegram(charge_current_limit=50.0)
    assert played.after(0.5) == TELEGRAM_IDS
    assert played.after(0.1) == []
    played.progress = Progress()
    assert played.after(0.1) == TELEGRAM_IDS
    assert played.after(0.5) == []


def test_reply_waits_for_complete_values() -> None:
    """For a short time that no inverter minds."""
    played = Played(mode=SendMode.REPLY)
    played.progress = Progress(open_since=played.clock.now)
    played.port.push(REQUEST)
    assert played.after() == []
    assert played.after(0.14) == []
    assert played.after(0.01) == TELEGRAM_IDS
    played.port.push(Frame(0x305, bytes(8), played.clock.now))
    assert played.after() == []
    played.progress = Progress()
    assert played.after(0.1) == TELEGRAM_IDS


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
    assert played.after(0.001) == TELEGRAM_IDS


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
    assert played.after() == TELEGRAM_IDS
    assert played.after(5.0) == []
    played.port.push(REQUEST)
    assert played.after() == TELEGRAM_IDS


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
    assert played.after(0.1) == TELEGRAM_IDS


def test_requests_are_answered_at_the_minimum_send_interval() -> None:
    """A flood of them is limited; one within the interval is kept."""
    played = Played(mode=SendMode.REPLY, min_send_interval=0.5)
    played.port.push(REQUEST)
    played.after()
    at = played.clock.now
    played.port.push(replace(REQUEST, at=at + 0.01))
    assert played.after(0.1) == []
    assert played.turn() == pytest.approx(at + 0.5)
    assert played.after(0.4) == TELEGRAM_IDS


def test_prompt_makes_an_inverter_request_data() -> None:
    """By a 0x305 of our own, as the daemon does."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    assert played.after() == [0x305]
    assert played.port.last(0x305) == bytes(8)
    assert played.after(1.9) == []
    assert played.after(0.1) == [0x305]
    played.port.push(REQUEST)
    assert played.after(0.1) == TELEGRAM_IDS


def test_no_prompt_without_a_target() -> None:
    """Where nothing may be sent, not even this."""
    played = Played(mode=SendMode.REPLY, prompt_interval=2.0)
    played.telegram = None
    assert played.after() == played.after(10.0) == []


def test_push_mode_sends_no_prompt() -> None:
    """It would be of no use there."""
    assert Played(prompt_interval=2.0).after() == TELEGRAM_IDS


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
    assert played.after(0.1)[-5:] == TELEGRAM_IDS[1:]
