"""The gateway at work: sharing over inverters, starting, changing, ending."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from custom_components.bms_gateway.engine import gateway as gateway_module
from custom_components.bms_gateway.engine.config import SendMode
from custom_components.bms_gateway.engine.model import (
    Alarm,
    Direction,
    Frame,
    PortStatus,
    Rule,
    Snapshot,
    Status,
)
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ..waiting import PATIENCE, until
from .plant import Plant, battery, inverter
from .telegrams import telegram
from .wires import limits

REQUEST = Frame(0x305, bytes(8))
BUS_OFF = Frame(0x40, bytes(8), error=True)
SET = [0x35E, 0x351, 0x355, 0x356, 0x35C, 0x359, 0x379]


def _two(*, rated: tuple[float, float] = (100.0, 100.0), **options: Any) -> Plant:
    """Return a plant with a battery of 100 A and two inverters."""
    inverters = [
        inverter(f"i{n}", amps, **options) for n, amps in enumerate(rated, start=1)
    ]
    return Plant(inverters=inverters)


def _ccls(plant: Plant) -> dict[str, float]:
    """Return what both inverters were told for charging."""
    return {key: plant.sent(key)[1] for key in ("i1", "i2")}


# Sharing


def test_by_rating() -> None:
    """Not the whole bank's limit to each, as the original tells."""
    plant = _two(rated=(90.0, 30.0)).started()
    assert plant.sent("i1")[1:] == (75.0, 75.0)
    assert plant.sent("i2")[1:] == (25.0, 25.0)


def test_an_inverters_setpoint_leaves_its_rest_to_the_other() -> None:
    """In its time: twice the reaction time, then ramped."""
    plant = _two().started()
    inverters = {"i1": Setpoints(charge_current=10.0)}
    plant.set(AllSetpoints(inverters=inverters))
    assert _ccls(plant) == {"i1": 10.0, "i2": 50.0}
    plant.run(19.0)
    assert _ccls(plant) == {"i1": 10.0, "i2": 50.0}
    plant.run(3.0)
    assert 50.0 < plant.sent("i2")[1] < 90.0
    plant.run(5.0)
    assert _ccls(plant) == {"i1": 10.0, "i2": 90.0}
    limit = plant.inverter("i1").charge
    assert limit is not None
    assert (limit.rule, limit.number) == (Rule.SETPOINT, 10.0)


def test_one_that_does_not_listen_keeps_what_it_was_told() -> None:
    """Until its own time-out; then the other may have it."""
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(2.0)
    plant.ask(charge_current=60.0)
    plant.run(3.0)
    assert plant.sent("i2")[1] == 10.0
    plant.run(90.0)
    assert plant.sent("i2")[1] == 60.0
    assert plant.inverter("i1").confirmed is None


def test_one_that_comes_back_waits_for_room() -> None:
    """It is told 0 A at first: the other has all."""
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(100.0)
    assert plant.sent("i2")[1] == 100.0
    plant.port("i1").acknowledged = True
    plant.port("i1").leave()
    at = plant.now
    plant.run(40.0)
    assert plant.sent_since(at, "i1")[0][1] == 0.0
    assert _ccls(plant) == {"i1": 50.0, "i2": 50.0}


def test_an_excess_that_cannot_be_told() -> None:
    """The bank falls under what the unreachable holds: the other gets 0 A."""
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(2.0)
    assert plant.snapshot.excess == {}
    plant.ask(charge_current=30.0)
    assert plant.sent("i2")[1] == 0.0
    # i1 holds 50 A of 30; of discharge nobody asked anything
    plant.run(3.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    plant.ask(charge_current=49.0)
    plant.run(10.0)
    assert plant.snapshot.excess == {}
    plant.ask(charge_current=48.9)
    assert plant.snapshot.excess == {Direction.CHARGE: pytest.approx(1.1)}
    plant.run(60.0)  # its own time-out
    assert plant.snapshot.excess == {}


def test_an_excess_ends_once_it_can_be_told() -> None:
    """The inverter is back: it is told at once."""
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(4.0)
    plant.ask(charge_current=30.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    plant.port("i1").acknowledged = True
    plant.port("i1").leave()
    plant.run(1.0)
    assert plant.snapshot.excess == {}


def test_a_moment_without_an_echo_is_no_excess() -> None:
    """Nor is what those within reach were told when a limit falls."""
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(1.5)
    assert plant.inverter("i1").listening is False
    plant.ask(charge_current=0.0)
    assert plant.snapshot.excess == {}
    plant.run(3.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 50.0}


def test_an_excess_of_one_that_was_taken_away() -> None:
    """It acts upon what it was told for as long as its time-out."""
    plant = _two().started()
    plant.apply(inverters=plant.config.inverters[1:])
    plant.ask(charge_current=30.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    plant.run(61.0)
    assert plant.snapshot.excess == {}


def test_no_excess_without_a_limit() -> None:
    """In silence each inverter does what it does by itself."""
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(3.0)
    plant.packs["b1"].speaks = False
    plant.run(30.0)
    assert plant.snapshot.charge is None
    assert plant.snapshot.excess == {}


def test_ports_are_independent() -> None:
    """One whose queue is full holds up nobody."""
    plant = _two()
    plant.port("i1").queue = [REQUEST] * 12
    plant.port("i1").acknowledged = False
    plant.started()
    assert plant.sent("i2")[1] == 100.0
    assert plant.inverter("i1").listening is False


def test_reply_mode() -> None:
    """A set for each 0x305, through the gateway."""
    plant = Plant(inverters=[inverter("i1", mode=SendMode.REPLY)]).started()
    assert plant.port().sent == []
    plant.port().push(REQUEST)
    plant.step()
    assert plant.port().ids() == SET
    assert plant.inverter().connected is True


def test_out_of_service() -> None:
    """An inverter is told 0 A; its part goes to the other."""
    plant = _two().started()
    plant.set(AllSetpoints(out_of_service=frozenset({"i1"})))
    plant.run(40.0)
    assert _ccls(plant) == {"i1": 0.0, "i2": 100.0}


def test_reported_current() -> None:
    """Each inverter hears of its part; or by its own factor and offset."""
    plant = Plant(
        inverters=[
            inverter("i1", 75.0),
            inverter("i2", 25.0),
            inverter("i3", 100.0, current_factor=2.0, current_offset=1.5),
        ],
        says={"b1": {"current": -20.0}},
    ).started()
    currents = [
        int.from_bytes(plant.port(key).last(0x356)[2:4], "little", signed=True) / 10
        for key in ("i1", "i2", "i3")
    ]
    assert currents == [-7.5, -2.5, -38.5]


def test_reported_current_while_nothing_may_flow() -> None:
    """By the weights."""
    plant = _two().started()
    plant.packs["b1"].says(charge_current_limit=0.0, current=10.0)
    plant.run(2.0)
    data = plant.port("i1").last(0x356)
    assert int.from_bytes(data[2:4], "little", signed=True) == 50


def test_a_current_that_is_unknown_is_told_as_none() -> None:
    """0x8000 would be -3276.8 A to an inverter."""
    plant = Plant().started()
    plant.packs["b1"].says(current=None)
    plant.run(2.0)
    assert plant.port().last(0x356)[2:4] == b"\0\0"
    assert plant.snapshot.bank.current is None


def test_an_inverter_without_a_rating() -> None:
    """It takes nothing."""
    plant = Plant(inverters=[inverter("i1", 0.0)]).started()
    assert plant.sent()[1:] == (0.0, 0.0)


# Changes while running


def test_an_inverter_added() -> None:
    """It gets its part when the other has given it up."""
    plant = Plant(inverters=[inverter("i1", 100.0)]).started()
    plant.apply(inverters=(inverter("i1", 100.0), inverter("i2", 100.0)))
    plant.run(40.0)
    assert _ccls(plant) == {"i1": 50.0, "i2": 50.0}


def test_an_inverter_removed_is_told_no_more() -> None:
    """What its port still delivers is nobody's."""
    plant = _two().started()
    old = plant.port("i2")
    count = len(old.sent)
    plant.apply(inverters=(inverter("i1"),))
    old.push(REQUEST)
    old.leave()
    old.drain()
    plant.run(100.0)
    assert len(old.sent) == count
    assert plant.sent("i1")[1] == 100.0
    assert set(plant.snapshot.inverters) == {"i1"}


def test_only_what_differs_is_touched() -> None:
    """Another rating needs no other port."""
    plant = Plant().started()
    before = plant.port()
    plant.apply(inverters=(inverter("i1", 40.0),))
    plant.step()
    assert plant.port() is before
    assert plant.sent()[1:] == (40.0, 40.0)


# What the outside sees


def test_frames_that_are_no_batterys() -> None:
    """Error frames and 29 bits on a battery's bus teach nothing."""
    plant = Plant()
    plant.port("b1").push(
        Frame(0x351, bytes(8), extended=True), Frame(0x40, bytes(8), error=True)
    )
    plant.step()
    assert plant.state().last_frame_at is None


def test_listeners() -> None:
    """They are told of each moment, until they end it."""
    plant = Plant()
    seen: list[Snapshot] = []
    end = plant.gateway.subscribe(seen.append)
    plant.started(1.0)
    assert seen[-1].status is Status.RUNNING
    end()
    count = len(seen)
    plant.run(1.0)
    assert len(seen) == count


def test_snapshot() -> None:
    """Everything known at this moment."""
    plant = _two().started()
    plant.port("i2").lose()
    plant.step()
    snapshot = plant.snapshot
    assert snapshot.at == plant.now == plant.gateway.now
    assert snapshot.ports["i2"].status is PortStatus.LOST
    assert snapshot.ports["b1"].status is PortStatus.OPEN
    assert snapshot.charge_voltage_limit == 56.0
    assert snapshot.discharge_voltage_limit == 46.0
    assert snapshot.inverters["i1"].listening is True
    assert plant.gateway.learnt == {"b1": 1.0}


# At work, in an event loop


async def _turns(count: int = 20) -> None:
    """Let everything that is due in the loop be done."""
    for _ in range(count):
        await asyncio.sleep(0)


async def _speak(plant: Plant) -> None:
    """Let the battery send a telegram, and the echoes of what follows come."""
    plant.clock.now += 1.0
    plant.speak()
    for _ in range(5):
        for port in plant.port_services.ports.values():
            port.drain()
        await _turns()


@asynccontextmanager
async def _running(plant: Plant) -> AsyncIterator[Plant]:
    await plant.gateway.start()
    try:
        for _ in range(3):
            await _speak(plant)
        yield plant
    finally:
        await plant.gateway.stop()


async def test_at_work() -> None:
    """Telegrams become sets, by the coroutines of the ports."""
    async with _running(_two()) as plant:
        assert _ccls(plant) == {"i1": 50.0, "i2": 50.0}


async def test_the_end_is_silent() -> None:
    """Nothing more is sent once it is told to stop."""
    async with _running(Plant()) as plant:
        count = len(plant.port().sent)
        await plant.gateway.stop()
        await _speak(plant)
        plant.run(5.0)
        assert len(plant.port().sent) == count


async def test_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block, where it is wanted: 0 A at the pack's voltage, enables off, an alarm."""
    async with _running(Plant(block_at_end=True)) as plant:

        def stopped() -> bool:
            plant.port().drain()
            return stopping.done()

        with monkeypatch.context() as patched:
            patched.setattr(gateway_module, "FINAL_BLOCK_TIMEOUT", PATIENCE)
            stopping = asyncio.create_task(plant.gateway.stop())
            await until(stopped)
        assert plant.sent() == (52.0, 0.0, 0.0)
        assert plant.enabled() == (False, False)
        assert plant.raised()[0] == frozenset({Alarm.INTERNAL})


async def test_the_last_word_is_not_waited_for_long() -> None:
    """An inverter that does not listen cannot keep the gateway from stopping."""
    async with _running(Plant(block_at_end=True)) as plant:
        plant.port().acknowledged = False
        async with asyncio.timeout(PATIENCE):
            await plant.gateway.stop()
        assert plant.sent()[1:] == (100.0, 100.0)


async def test_changes_at_work() -> None:
    """A port that is new is opened, one that is gone is closed."""
    async with _running(Plant()) as plant:
        plant.apply(inverters=(inverter("i2"),))
        await _turns()
        await _speak(plant)
        # The one taken away may still act upon its 100 A.
        assert plant.sent("i2")[1:] == (0.0, 0.0)
        count = len(plant.port("i1").sent)
        await _speak(plant)
        assert len(plant.port("i1").sent) == count


def test_another_inverter_at_the_same_place() -> None:
    """It is the same one: what it was told is told, and goes on without a gap."""
    plant = Plant().started()
    at = plant.now
    plant.apply(inverters=(replace(inverter("i2"), port=inverter("i1").port),))
    plant.run(2.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}


def test_a_port_that_is_set_up_otherwise() -> None:
    """Its inverter is told what it was told before."""
    plant = Plant().started()
    at = plant.now
    port = replace(inverter("i1").port, bring_up=True)
    plant.apply(inverters=(replace(inverter("i1"), port=port),))
    plant.run(2.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}


def test_ports_changed_for_each_other() -> None:
    """The wires stay: each place is told on from what it was told."""
    plant = _two(rated=(90.0, 30.0)).started()
    one, other = plant.config.inverters
    plant.apply(
        inverters=(replace(one, port=other.port), replace(other, port=one.port))
    )
    at = plant.now
    plant.run(2.0)
    assert {ccl for _, ccl, _ in plant.sent_since(at, "i1")} == {25.0}
    assert {ccl for _, ccl, _ in plant.sent_since(at, "i2")} == {25.0}
    plant.run(40.0)
    assert plant.sent("i2")[1] == 75.0


def test_an_inverter_at_another_place() -> None:
    """What is left behind may still act upon what it was told, for its time-out."""
    plant = Plant().started()
    plant.apply(inverters=(inverter("i2"),))
    plant.run(2.0)
    assert plant.sent("i2")[1:] == (0.0, 0.0)
    plant.run(90.0)
    assert plant.sent("i2")[1:] == (100.0, 100.0)


async def test_setpoints_at_work() -> None:
    """They hold in the same moment."""
    async with _running(Plant()) as plant:
        plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=5.0)))
        for _ in range(3):
            await _turns()
            plant.port().drain()
        assert limits(plant.port().last(0x351))[1] == 5.0


async def test_polling_at_work() -> None:
    """A battery that waits to be asked is asked."""
    async with _running(Plant([battery("b1", poll_interval=2.0)])) as plant:
        assert plant.port("b1").ids() == [0x305]
        assert plant.sent()[1] == 100.0


@pytest.mark.parametrize("block_at_end", [True, False])
async def test_stop_without_start(block_at_end: bool) -> None:
    """A set-up that failed can be undone."""
    plant = Plant(inverters=[], block_at_end=block_at_end)
    await plant.gateway.stop()


async def test_a_defect_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What ends a coroutine makes a port fall silent: never unseen."""
    plant = Plant()

    def fail(_: Snapshot) -> None:
        msg = "out of order"
        raise RuntimeError(msg)

    plant.gateway.subscribe(fail)
    await plant.gateway.start()
    await _turns()
    await plant.gateway.stop()
    assert "gateway watch ended by an unexpected error" in caplog.text


def test_what_an_inverter_taken_away_still_draws_was_told() -> None:
    """It is not taken off twice: the other keeps its part, and the house its light."""
    plant = _two().started()
    plant.packs["b1"].says(current=-100.0)
    plant.run(10.0)
    at = plant.now
    plant.apply(inverters=plant.config.inverters[:1])
    plant.run(55.0)
    assert {dcl for _, _, dcl in plant.sent_since(at, "i1")} == {50.0}


async def test_whoever_reckons_wakes_the_others() -> None:
    """One inverter asks in the moment of a deadline: the other one is told, too."""
    async with _running(_two()) as plant:
        plant.clock.now += 10.5
        plant.port("i1").push(REQUEST)
        for _ in range(5):
            for key in ("i1", "i2"):
                plant.port(key).drain()
            await _turns()
        assert _ccls(plant) == {"i1": 0.0, "i2": 0.0}


async def test_an_inverter_that_comes_and_goes_is_told() -> None:
    """Though no battery says anything: whoever looks wants to know."""
    async with _running(Plant()) as plant:
        seen: list[Snapshot] = []
        plant.gateway.subscribe(seen.append)
        plant.port().push(REQUEST)
        plant.port().drain()
        await _turns()
        assert seen[-1].inverters["i1"].connected is True
        plant.clock.now += 59.999
        plant.gateway.set_setpoints(AllSetpoints())
        await _turns()
        seen.clear()
        plant.clock.now += 0.002
        await until(lambda: bool(seen))
        assert seen[-1].inverters["i1"].connected is False


async def test_an_echo_that_is_there_needs_no_turn_of_the_loop() -> None:
    """On a virtual link a whole set leaves before anything else is done."""
    async with _running(Plant()) as plant:
        before = len(plant.port().sent)
        plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=5.0)))
        seen: list[int] = []
        asyncio.get_running_loop().call_soon(
            lambda: seen.append(len(plant.port().sent))
        )
        await _turns()
        assert plant.sent()[1] == 5
        assert seen == [len(plant.port().sent)] != [before]


@pytest.mark.parametrize("key", ["b1", "i1"])
async def test_a_flooded_bus_leaves_the_loop_to_others(key: str) -> None:
    """There may be news whenever one looks: each coroutine has its turn but once."""
    async with _running(Plant()) as plant:
        port, turns = plant.port(key), 0
        flood = cycle(telegram() + telegram(charge_current_limit=90.0))
        count = iter(range(500))
        drain = port.drain

        def drain_flood() -> None:
            if next(count, None) is not None:
                port.push(next(flood))
            drain()

        port.drain = drain_flood  # type: ignore[method-assign]  # others never stop
        port.drain()
        while next(count, None) is not None:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 80


async def test_a_deadline_wakes_everybody() -> None:
    """A loss is told though nothing more is heard."""
    async with _running(Plant()) as plant:
        plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=5.0)))
        await _turns()
        plant.clock.now += 10.5
        plant.port().push(REQUEST)
        for _ in range(5):
            plant.port().drain()
            await _turns()
        assert plant.sent()[1:] == (0.0, 0.0)
        assert plant.snapshot.status is Status.BLOCKED


async def test_one_that_cannot_be_told_lowers_the_others_at_once() -> None:
    """What it still holds is theirs no more."""
    async with _running(_two()) as plant:
        plant.port("i1").acknowledged = False
        plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=30.0)))
        await _turns()
        assert plant.sent("i2")[1] == 15.0
        plant.clock.now += 0.06
        plant.port("i1").push(REQUEST)
        plant.port("i1").drain()
        await _turns()
        assert plant.inverter("i1").listening is False
        assert plant.sent("i2")[1] == 0.0


def test_the_part_of_an_inverter_taken_away_is_free_only_when_it_has_expired() -> None:
    """It acts upon what it was told, until its own time-out: nobody gets it before."""
    plant = Plant(
        inverters=[inverter("i1", 100.0), inverter("i2", 100.0)],
        says={"b1": {"charge_current_limit": 100.0}},
    ).started()
    plant.run(5)
    assert plant.sent("i1")[1] == 50.0
    plant.apply(inverters=plant.config.inverters[:1])
    plant.run(40)
    assert plant.sent("i1")[1] == 50.0
    plant.run(60)
    assert plant.sent("i1")[1] == 100.0


def test_an_inverter_taken_away_may_still_follow_what_it_gave_up() -> None:
    """Slower than its own time-out, it draws until it has surely followed.

    Also where its reaction time is corrected meanwhile.
    """
    slow = {"timeout": 5.0, "reaction_time": 10.0}
    plant = Plant(inverters=[inverter("i1", 100.0), inverter("i2", 100.0, **slow)])
    plant.started(10.0)
    plant.set(AllSetpoints(inverters={"i2": Setpoints(charge_current=0.0)}))
    plant.run(2.0)
    first, second = plant.config.inverters
    plant.apply(inverters=(first, replace(second, reaction_time=1.0)))
    plant.apply(inverters=(first,))
    plant.run(10.0)
    assert plant.sent("i1")[1] == 50.0
    plant.run(30.0)
    assert plant.sent("i1")[1] == 100.0


def test_what_may_have_been_told_makes_no_fall_of_a_rise() -> None:
    """Told more, but its frames were lost: less than that may still be a rise."""
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
