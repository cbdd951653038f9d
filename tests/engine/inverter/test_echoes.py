"""Echoes of an inverter: unacknowledged frames, probes, and limits that stay reserved."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import Frame, PortFault
from custom_components.bms_gateway.engine.presets import SendMode

from ..telegrams import HEALTHY
from ..wires import QUEUE_LENGTH, all_limits
from .played import NAME, OTHER, REQUEST, TELEGRAM_IDS, Played

BUS_OFF = Frame(0x40, bytes(8), error=True)

NOT_ACKNOWLEDGED = Frame(0x20, bytes(8), error=True)


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
    assert played.after()[-6:] == TELEGRAM_IDS
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
    assert played.after()[-6:] == TELEGRAM_IDS


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
    assert played.after(0.1) == TELEGRAM_IDS


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
    assert played.after(0.01)[-6:] == TELEGRAM_IDS
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
    assert played.after(1.0) == TELEGRAM_IDS


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
    assert played.after(1.0) == TELEGRAM_IDS


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
    assert played.after(0.01) == TELEGRAM_IDS[1:]


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
    assert played.after(1.0) == TELEGRAM_IDS
    assert played.state().listening is True


def test_interface_without_echo_confirms_queued_telegrams() -> None:
    """It is trusted."""
    played = Played()
    played.port.has_echo = played.port.echoes = False
    played.port.echo_is_proof = False
    assert played.after() == [NAME, *TELEGRAM_IDS]
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
    assert [frame.can_id for frame in played.port.queue] == TELEGRAM_IDS[1:]


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
