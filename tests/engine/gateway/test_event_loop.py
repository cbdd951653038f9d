"""The gateway at work, in an event loop: starting, what wakes its tasks, stopping."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from custom_components.bms_gateway.engine import gateway as gateway_module
from custom_components.bms_gateway.engine.model import Alarm, Snapshot, Status
from custom_components.bms_gateway.engine.setpoints import AllSetpoints, Setpoints

from ...waiting import PATIENCE, until
from ..plant import Plant, battery, inverter
from ..telegrams import telegram
from ..wires import limits
from .two_inverters import REQUEST, ccls, two_inverters


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
    async with _running(two_inverters()) as plant:
        assert ccls(plant) == {"i1": 50.0, "i2": 50.0}


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


async def test_evaluation_by_one_inverter_wakes_the_others() -> None:
    """One requests at a deadline: the other is sent the result too."""
    async with _running(two_inverters()) as plant:
        plant.clock.now += 10.5
        plant.port("i1").push(REQUEST)
        for _ in range(5):
            for key in ("i1", "i2"):
                plant.port(key).drain()
            await _turns()
        assert ccls(plant) == {"i1": 0.0, "i2": 0.0}


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
    async with _running(two_inverters()) as plant:
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
