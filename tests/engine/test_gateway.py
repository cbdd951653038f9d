"""The gateway: allocation to inverters, starting, changing, stopping."""

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
    """Return the charge limits of both inverters."""
    return {key: plant.sent(key)[1] for key in ("i1", "i2")}


# Sharing


def test_limit_is_divided_by_rating() -> None:
    """Not the whole bank limit to each, as the daemon sends it."""
    plant = _two(rated=(90.0, 30.0)).started()
    assert plant.sent("i1")[1:] == (75.0, 75.0)
    assert plant.sent("i2")[1:] == (25.0, 25.0)


def test_setpoint_of_one_inverter_leaves_the_rest_to_the_other() -> None:
    """After twice the reaction time, then ramped."""
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


def test_unacknowledged_inverter_keeps_its_limit_until_the_time_out() -> None:
    """Then the other may have it."""
    plant = _two().started()
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


def test_unreachable_inverter_above_the_bank_limit_is_an_excess() -> None:
    """The bank falls below its reserved current: the other gets 0 A."""
    plant = _two().started()
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
    plant = _two().started()
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
    plant = _two().started()
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
    plant = _two().started()
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
    plant = _two().started()
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
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(1.5)
    assert plant.inverter("i1").listening is False
    plant.ask(charge_current=0.0)
    assert plant.snapshot.excess == {}
    plant.run(3.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 50.0}


def test_removed_inverter_can_be_an_excess() -> None:
    """It acts on its last limit until its time-out."""
    plant = _two().started()
    plant.apply(inverters=plant.config.inverters[1:])
    plant.ask(charge_current=30.0)
    assert plant.snapshot.excess == {Direction.CHARGE: 20.0}
    plant.run(61.0)
    assert plant.snapshot.excess == {}


def test_no_excess_without_a_limit() -> None:
    """Without limits each inverter follows its own settings."""
    plant = _two().started()
    plant.port("i1").acknowledged = False
    plant.run(3.0)
    plant.packs["b1"].active = False
    plant.run(30.0)
    assert plant.snapshot.charge is None
    assert plant.snapshot.excess == {}


def test_full_queue_of_one_port_delays_no_other() -> None:
    """Ports are independent."""
    plant = _two()
    plant.port("i1").queue = [REQUEST] * 12
    plant.port("i1").acknowledged = False
    plant.started()
    assert plant.sent("i2")[1] == 100.0
    assert plant.inverter("i1").listening is False


def test_reply_mode_sends_one_telegram_per_request() -> None:
    """Through the gateway."""
    plant = Plant(inverters=[inverter("i1", mode=SendMode.REPLY)]).started()
    assert plant.port().sent == []
    plant.port().push(REQUEST)
    plant.step()
    assert plant.port().ids() == SET
    assert plant.inverter().connected is True


def test_out_of_service_inverter_leaves_its_part_to_the_other() -> None:
    """It is sent 0 A."""
    plant = _two().started()
    plant.set(AllSetpoints(out_of_service=frozenset({"i1"})))
    plant.run(40.0)
    assert _ccls(plant) == {"i1": 0.0, "i2": 100.0}


def test_each_inverter_is_sent_its_part_of_the_current() -> None:
    """Or the current by its own factor and offset."""
    plant = Plant(
        inverters=[
            inverter("i1", 75.0),
            inverter("i2", 25.0),
            inverter("i3", 100.0, current_factor=2.0, current_offset=1.5),
        ],
        reports={"b1": {"current": -20.0}},
    ).started()
    currents = [
        int.from_bytes(plant.port(key).last(0x356)[2:4], "little", signed=True) / 10
        for key in ("i1", "i2", "i3")
    ]
    assert currents == [-7.5, -2.5, -38.5]


def test_current_is_divided_by_weight_at_a_limit_of_0() -> None:
    """There are no parts of the limit."""
    plant = _two().started()
    plant.packs["b1"].reports(charge_current_limit=0.0, current=10.0)
    plant.run(2.0)
    data = plant.port("i1").last(0x356)
    assert int.from_bytes(data[2:4], "little", signed=True) == 50


def test_unknown_current_is_not_sent() -> None:
    """0x8000 would be -3276.8 A to an inverter."""
    plant = Plant().started()
    plant.packs["b1"].reports(current=None)
    plant.run(2.0)
    assert plant.port().last(0x356)[2:4] == b"\0\0"
    assert plant.snapshot.bank.current is None


def test_inverter_without_a_rating_gets_0() -> None:
    """It takes nothing."""
    plant = Plant(inverters=[inverter("i1", 0.0)]).started()
    assert plant.sent()[1:] == (0.0, 0.0)


# Changes while running


def test_added_inverter_gets_its_part() -> None:
    """Once the other has followed down."""
    plant = Plant(inverters=[inverter("i1", 100.0)]).started()
    plant.apply(inverters=(inverter("i1", 100.0), inverter("i2", 100.0)))
    plant.run(40.0)
    assert _ccls(plant) == {"i1": 50.0, "i2": 50.0}


def test_removed_inverter_is_sent_nothing() -> None:
    """Frames that its port still delivers are ignored."""
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


def test_changed_rating_keeps_the_port() -> None:
    """Only what differs is touched."""
    plant = Plant().started()
    before = plant.port()
    plant.apply(inverters=(inverter("i1", 40.0),))
    plant.step()
    assert plant.port() is before
    assert plant.sent()[1:] == (40.0, 40.0)


# Seen from outside


def test_error_and_29_bit_frames_are_ignored_on_a_battery_bus() -> None:
    """They change nothing."""
    plant = Plant()
    plant.port("b1").push(
        Frame(0x351, bytes(8), extended=True), Frame(0x40, bytes(8), error=True)
    )
    plant.step()
    assert plant.state().last_frame_at is None


def test_listeners_get_every_snapshot_until_unsubscribed() -> None:
    """Then no more."""
    plant = Plant()
    seen: list[Snapshot] = []
    end = plant.gateway.subscribe(seen.append)
    plant.started(1.0)
    assert seen[-1].status is Status.RUNNING
    end()
    count = len(seen)
    plant.run(1.0)
    assert len(seen) == count


def test_snapshot_contains_everything_known() -> None:
    """Limits, batteries, inverters and ports."""
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
    assert plant.gateway.learned == {"b1": 1.0}


# At work, in an event loop


async def _turns(count: int = 20) -> None:
    """Run everything that is due in the loop."""
    for _ in range(count):
        await asyncio.sleep(0)


async def _send_telegrams(plant: Plant) -> None:
    """Send a battery telegram, and the echoes of what follows."""
    plant.clock.now += 1.0
    plant.send_telegrams()
    for _ in range(5):
        for port in plant.port_services.ports.values():
            port.drain()
        await _turns()


@asynccontextmanager
async def _running(plant: Plant) -> AsyncIterator[Plant]:
    await plant.gateway.start()
    try:
        for _ in range(3):
            await _send_telegrams(plant)
        yield plant
    finally:
        await plant.gateway.stop()


async def test_battery_telegrams_become_inverter_telegrams() -> None:
    """By the tasks of the ports."""
    async with _running(_two()) as plant:
        assert _ccls(plant) == {"i1": 50.0, "i2": 50.0}


async def test_nothing_is_sent_after_stop() -> None:
    """Not one frame."""
    async with _running(Plant()) as plant:
        count = len(plant.port().sent)
        await plant.gateway.stop()
        await _send_telegrams(plant)
        plant.run(5.0)
        assert len(plant.port().sent) == count


async def test_final_telegram_is_a_block_if_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """0 A at the pack's voltage, enables off, an alarm."""
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


async def test_stop_waits_only_briefly_for_the_final_telegram() -> None:
    """An unacknowledged one cannot keep the gateway from stopping."""
    async with _running(Plant(block_at_end=True)) as plant:
        plant.port().acknowledged = False
        async with asyncio.timeout(PATIENCE):
            await plant.gateway.stop()
        assert plant.sent()[1:] == (100.0, 100.0)


async def test_ports_open_and_close_with_the_configuration() -> None:
    """While the gateway runs."""
    async with _running(Plant()) as plant:
        plant.apply(inverters=(inverter("i2"),))
        await _turns()
        await _send_telegrams(plant)
        # The one taken away may still act upon its 100 A.
        assert plant.sent("i2")[1:] == (0.0, 0.0)
        count = len(plant.port("i1").sent)
        await _send_telegrams(plant)
        assert len(plant.port("i1").sent) == count


def test_inverter_at_the_same_place_inherits_the_sent_limits() -> None:
    """It is the same device, and continues without a gap."""
    plant = Plant().started()
    at = plant.now
    plant.apply(inverters=(replace(inverter("i2"), port=inverter("i1").port),))
    plant.run(2.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}


def test_port_with_other_settings_inherits_the_sent_limits() -> None:
    """Its inverter is the same."""
    plant = Plant().started()
    at = plant.now
    port = replace(inverter("i1").port, bring_up=True)
    plant.apply(inverters=(replace(inverter("i1"), port=port),))
    plant.run(2.0)
    assert set(plant.sent_since(at)) == {(56.0, 100.0, 100.0)}


def test_swapped_ports_keep_the_sent_limits_of_their_place() -> None:
    """The wires stay."""
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


def test_inverter_at_another_place_leaves_its_limit_reserved() -> None:
    """The device left behind may act on it until its time-out."""
    plant = Plant().started()
    plant.apply(inverters=(inverter("i2"),))
    plant.run(2.0)
    assert plant.sent("i2")[1:] == (0.0, 0.0)
    plant.run(90.0)
    assert plant.sent("i2")[1:] == (100.0, 100.0)


async def test_setpoints_apply_at_once() -> None:
    """While the gateway runs."""
    async with _running(Plant()) as plant:
        plant.gateway.set_setpoints(AllSetpoints(bank=Setpoints(charge_current=5.0)))
        for _ in range(3):
            await _turns()
            plant.port().drain()
        assert limits(plant.port().last(0x351))[1] == 5.0


async def test_battery_that_waits_for_a_request_is_polled() -> None:
    """While the gateway runs."""
    async with _running(Plant([battery("b1", poll_interval=2.0)])) as plant:
        assert plant.port("b1").ids() == [0x305]
        assert plant.sent()[1] == 100.0


@pytest.mark.parametrize("block_at_end", [True, False])
async def test_stop_works_without_start(block_at_end: bool) -> None:
    """A failed set-up can be undone."""
    plant = Plant(inverters=[], block_at_end=block_at_end)
    await plant.gateway.stop()


async def test_exception_in_a_port_task_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It silences a port, so it must be visible."""
    plant = Plant()

    def fail(_: Snapshot) -> None:
        msg = "out of order"
        raise RuntimeError(msg)

    plant.gateway.subscribe(fail)
    await plant.gateway.start()
    await _turns()
    await plant.gateway.stop()
    assert "gateway watch ended by an unexpected error" in caplog.text


def test_current_of_a_removed_inverter_is_not_unmanaged() -> None:
    """It is not subtracted twice: the other inverter keeps its part."""
    plant = _two().started()
    plant.packs["b1"].reports(current=-100.0)
    plant.run(10.0)
    at = plant.now
    plant.apply(inverters=plant.config.inverters[:1])
    plant.run(55.0)
    assert {dcl for _, _, dcl in plant.sent_since(at, "i1")} == {50.0}


async def test_evaluation_by_one_inverter_wakes_the_others() -> None:
    """One requests at a deadline: the other is sent the result too."""
    async with _running(_two()) as plant:
        plant.clock.now += 10.5
        plant.port("i1").push(REQUEST)
        for _ in range(5):
            for key in ("i1", "i2"):
                plant.port(key).drain()
            await _turns()
        assert _ccls(plant) == {"i1": 0.0, "i2": 0.0}


async def test_listeners_learn_that_an_inverter_connects_and_disconnects() -> None:
    """Although no battery reports."""
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


async def test_echo_already_received_needs_no_loop_turn() -> None:
    """On a virtual link a complete telegram leaves before anything else runs."""
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
async def test_flooded_bus_leaves_the_loop_to_other_tasks(key: str) -> None:
    """There may always be new frames: each task runs once per turn."""
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


async def test_deadline_wakes_every_task() -> None:
    """A loss is sent although nothing is received."""
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


async def test_unreachable_inverter_lowers_the_others_at_once() -> None:
    """Its reserved current is not available to them."""
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


def test_part_of_a_removed_inverter_is_free_after_its_time_out() -> None:
    """It acts on its last limit until then."""
    plant = Plant(
        inverters=[inverter("i1", 100.0), inverter("i2", 100.0)],
        reports={"b1": {"charge_current_limit": 100.0}},
    ).started()
    plant.run(5)
    assert plant.sent("i1")[1] == 50.0
    plant.apply(inverters=plant.config.inverters[:1])
    plant.run(40)
    assert plant.sent("i1")[1] == 50.0
    plant.run(60)
    assert plant.sent("i1")[1] == 100.0


def test_part_of_a_slow_removed_inverter_stays_reserved() -> None:
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
