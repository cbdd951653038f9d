"""Unreachable inverters: what they may still act upon is reserved, or an excess."""

import pytest

from custom_components.bms_gateway.engine.model import Direction, Frame
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ..plant import Plant, inverter
from .two_inverters import ccls, two_inverters

BUS_OFF = Frame(0x40, bytes(8), error=True)


def test_unacknowledged_inverter_keeps_its_limit_until_the_time_out() -> None:
    """Then the other may have it."""
    plant = two_inverters().started()
    plant.port("i1").acknowledged = False
    plant.run(2.0)
    plant.ask(charge_current=60.0)
    plant.run(3.0)
    assert plant.sent("i2")[1] == 10.0
    plant.run(90.0)
    assert plant.sent("i2")[1] == 60.0
    assert plant.inverter("i1").confirmed is None


def test_inverter_that_is_back_waits_for_room() -> None:
    """It is sent 0 A at first: the other has all."""
    plant = two_inverters().started()
    plant.port("i1").acknowledged = False
    plant.run(100.0)
    assert plant.sent("i2")[1] == 100.0
    plant.port("i1").acknowledged = True
    plant.port("i1").leave()
    at = plant.now
    plant.run(40.0)
    assert plant.sent_since(at, "i1")[0][1] == 0.0
    assert ccls(plant) == {"i1": 50.0, "i2": 50.0}


def test_unreachable_inverter_above_the_bank_limit_is_an_excess() -> None:
    """The bank falls below its reserved current: the other gets 0 A."""
    plant = two_inverters().started()
    plant.port("i1").acknowledged = False
    plant.run(2.0)
    assert plant.snapshot.excess == {}
    plant.ask(charge_current=30.0)
    assert plant.sent("i2")[1] == 0.0
    # i1 holds 50 A of 30; no discharge was requested
    plant.run(3.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    plant.ask(charge_current=49.0)
    plant.run(10.0)
    assert plant.snapshot.excess == {}
    plant.ask(charge_current=48.9)
    assert plant.snapshot.excess == {Direction.CHARGE: pytest.approx(1.1)}
    plant.run(60.0)  # its own time-out
    assert plant.snapshot.excess == {}


def test_excess_ends_once_the_inverter_is_reachable() -> None:
    """It is sent the lower limit at once."""
    plant = two_inverters().started()
    plant.port("i1").acknowledged = False
    plant.run(4.0)
    plant.ask(charge_current=30.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    plant.port("i1").acknowledged = True
    plant.port("i1").leave()
    plant.run(1.0)
    assert plant.snapshot.excess == {}


def test_probes_of_an_unreachable_inverter_give_the_others_nothing() -> None:
    """An inverter is reachable once an echo proves it, not while a name is on its way.

    Its queue is dropped each time, so that another name is sent every second.
    """
    plant = two_inverters().started()
    port = plant.port("i1")
    port.acknowledged = False
    plant.run(4.0)
    plant.ask(charge_current=30.0)
    plant.run(0.1)
    at = plant.now
    queued: list[Frame] = []
    port.on_send = queued.append
    for _ in range(8):
        port.forget()
        port.push(BUS_OFF)
        plant.run(1.1)
        # i1 may still act on 50 A of 30, at every probe
        assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    assert len(queued) > 4
    assert {ccl for _, ccl, _ in plant.sent_since(at, "i2")} == {0.0}


def test_limit_that_falls_during_a_probe_lowers_the_others_at_once() -> None:
    """The probed inverter may still act on its 50 A: 10 of 60 are left."""
    plant = two_inverters().started()
    port = plant.port("i1")
    port.acknowledged = False
    plant.run(4.0)
    port.forget()
    port.push(BUS_OFF)
    while not port.queue:
        plant.run(0.01)
    plant.ask(charge_current=60.0)
    assert plant.sent("i2")[1] == 10.0


def test_probed_inverter_gets_its_share_as_soon_as_an_echo_returns() -> None:
    """The limits of its telegram are those of a reachable inverter."""
    plant = two_inverters().started()
    port = plant.port("i1")
    port.acknowledged = False
    plant.run(4.0)
    plant.ask(charge_current=30.0)
    port.forget()
    port.push(BUS_OFF)
    while not port.queue:
        plant.run(0.01)
    port.acknowledged = True
    port.leave()
    plant.step()
    assert plant.sent("i1")[1] == 15.0
    assert plant.snapshot.excess == {}


def test_short_interruption_is_no_excess() -> None:
    """Nor are the limits of reachable inverters when a limit falls."""
    plant = two_inverters().started()
    plant.port("i1").acknowledged = False
    plant.run(1.5)
    assert plant.inverter("i1").listening is False
    plant.ask(charge_current=0.0)
    assert plant.snapshot.excess == {}
    plant.run(3.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 50.0}


def test_removed_inverter_can_be_an_excess() -> None:
    """It acts on its last limit until its time-out."""
    plant = two_inverters().started()
    plant.apply(inverters=plant.config.inverters[1:])
    plant.ask(charge_current=30.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    plant.run(61.0)
    assert plant.snapshot.excess == {}


def test_no_excess_without_a_limit() -> None:
    """Without limits each inverter follows its own settings."""
    plant = two_inverters().started()
    plant.port("i1").acknowledged = False
    plant.run(3.0)
    plant.packs["b1"].active = False
    plant.run(30.0)
    assert plant.snapshot.charge is None
    assert plant.snapshot.excess == {}


def test_lost_telegram_does_not_turn_a_rise_into_a_fall() -> None:
    """A higher limit was lost: a lower one than that may still be a rise."""
    inverters = [inverter("i1", 100.0), inverter("i2", 100.0)]
    plant = Plant(inverters=inverters)
    asks = {"i1": Setpoints(charge_current=10.0), "i2": Setpoints(charge_current=60.0)}
    plant.set(AllSetpoints(inverters=asks))
    plant.started(10.0)
    assert [plant.sent(key)[1] for key in ("i1", "i2")] == [10.0, 60.0]
    # Its name still leaves, then nothing more.
    port = plant.port("i1")
    port.on_send = lambda frame: setattr(
        port, "acknowledged", port.acknowledged and frame.can_id != 0x351
    )
    asks["i1"] = Setpoints(charge_current=40.0)
    plant.set(AllSetpoints(inverters=asks))
    plant.run(5.0)
    assert plant.inverter("i1").listening is False
    port.on_send, port.acknowledged = lambda _: None, True
    port.forget()
    port.push(BUS_OFF)
    at = plant.now
    plant.set(AllSetpoints(bank=Setpoints(charge_current=65.0), inverters=asks))
    plant.run(3.0)
    assert max(ccl for _, ccl, _ in plant.sent_since(at, "i1")) <= 10.0
    plant.run(60.0)
    assert sum(plant.sent(key)[1] for key in ("i1", "i2")) == pytest.approx(
        65.0, abs=0.3
    )
