"""Changes of a running bank, late frames, and one current for all of its values."""

from dataclasses import replace

import pytest

from custom_components.bms_gateway.engine.model import BatteryStatus, Status

from .banks import EQUAL, TWO
from .plant import Plant, battery
from .telegrams import telegram


def test_added_battery_counts_from_its_first_complete_telegram() -> None:
    """It never stops the others."""
    plant = Plant().started(10.0)
    at = plant.now
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].active = False
    plant.run(30.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}
    assert plant.snapshot.status is Status.RUNNING
    plant.packs["b2"].active = True
    plant.packs["b2"].reports(charge_current_limit=20.0)
    plant.run(1.5)
    assert plant.sent()[1] == 40.0
    plant.packs["b2"].reports(charge_current_limit=100.0)
    plant.run(30.0)
    assert plant.sent()[1] == 200.0


def test_removed_battery_does_not_count() -> None:
    """Frames that its port still delivers while closing are ignored."""
    plant = Plant(EQUAL).started(10.0)
    plant.apply(batteries=(battery("b1"),))
    plant.packs.pop("b2")
    plant.port("b2").push(*telegram(plant.now))
    plant.port("b2").drain()
    plant.run(2.0)
    assert set(plant.snapshot.batteries) == {"b1"}
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_battery_on_another_port_is_lost_until_received_there() -> None:
    """Its last values still count: it may carry current, unseen."""
    small, large = TWO
    reports = {"b1": {"charge_current_limit": 10.0, "discharge_current_limit": 10.0}}
    plant = Plant(TWO, reports=reports).started(10.0)
    plant.apply(batteries=(replace(small, port=battery("b3").port), large))
    plant.packs["b1"].active = False
    plant.run(2.0)
    assert plant.state("b1").status is BatteryStatus.LOST
    assert plant.sent() == (52.0, 0.0, 40.0)
    for _ in range(3):
        plant.port("b3").push(*plant.packs["b1"].frames(plant.now))
        plant.run(1.0)
    assert plant.state("b1").status is BatteryStatus.ONLINE


def test_changed_port_settings_lose_no_battery() -> None:
    """It is at the same place; it is lost if it stays silent."""
    plant = Plant().started(10.0)
    port = replace(battery("b1").port, bring_up=True)
    plant.apply(batteries=(replace(battery("b1"), port=port),))
    plant.run(2.0)
    assert plant.state().losses == 0
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_battery_never_received_waits_on_its_new_port_too() -> None:
    """Nothing is known of it."""
    plant = Plant().started(10.0)
    plant.apply(batteries=(battery("b1"), battery("b2")))
    plant.packs["b2"].active = False
    plant.run(2.0)
    moved = replace(battery("b2"), port=battery("b3").port)
    plant.apply(batteries=(battery("b1"), moved))
    plant.run(2.0)
    assert plant.state("b2").status is BatteryStatus.WAITING
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_blocked_event_loop_loses_no_battery() -> None:
    """Waiting frames are read before anything is evaluated."""
    plant = Plant().started(10.0)
    at = plant.now
    for n in range(1, 8):
        plant.port("b1").push(*telegram(at + n))
    plant.clock.now = at + 7.0
    plant.step()
    assert plant.state().status is BatteryStatus.ONLINE
    assert plant.state().losses == 0
    assert plant.sent() == (56.0, 100.0, 100.0)


def test_frames_read_late_keep_their_age() -> None:
    """Frames that waited 7 s are 7 s old."""
    plant = Plant(bridge=0.0).started(10.0)
    at = plant.now
    plant.port("b1").push(*telegram(at + 1))
    plant.clock.now = at + 8.0
    plant.step()
    assert plant.state().status is BatteryStatus.LOST
    assert plant.sent()[1:] == (0.0, 0.0)


def test_new_values_are_sent_at_once() -> None:
    """Each telegram follows the batteries' control frames, not a timer."""
    plant = Plant().started(10.0)
    plant.clock.now += 0.5
    plant.send_telegrams()
    plant.step()
    assert plant.port().sent[-1].at == plant.now


def test_limits_entities_and_telegrams_use_the_same_current() -> None:
    """b1 carries half, whatever its capacity: of -30 A known make -60 A."""
    plant = Plant(
        [battery("b1", 100.0), battery("b2", 300.0)],
        reports={"b1": {"current": -30.0}, "b2": {"current": None}},
        learned={"b1": 0.5, "b2": 0.5},
    ).started(20.0)
    assert plant.snapshot.bank.current == pytest.approx(-60.0)
    assert plant.snapshot.bank.current_estimated
    sent = plant.inverter().confirmed
    assert sent is not None
    assert sent.current == pytest.approx(-60.0)


def test_factor_and_offset_do_not_affect_limits() -> None:
    """2 x 40 A + 5 A are shown; the battery 10 A over lowers it by 10 A."""
    plant = Plant(
        reports={"b1": {"current": 40.0, "charge_current_limit": 30.0}},
        current_factor=2.0,
        current_offset=5.0,
    ).started(20.0)
    assert plant.snapshot.bank.current == pytest.approx(85.0)
    sent = plant.inverter().confirmed
    assert sent is not None
    assert sent.current == pytest.approx(85.0)
    assert plant.charge.amps == pytest.approx(30.0)
