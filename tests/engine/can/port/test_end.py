"""The end of a port: no bus stays open, also if it still opens or closes."""

import asyncio
import gc
import logging
import threading
from typing import override

import can
from can.interfaces import virtual
import pytest

from custom_components.bms_gateway.engine.can import backend
from custom_components.bms_gateway.engine.can.virtual import VirtualLink
from custom_components.bms_gateway.engine.config import Interface
from custom_components.bms_gateway.engine.model import PortState, PortStatus

from ....waiting import PATIENCE
from ...ports import Recorder
from .frames import LIMITS, wake_port


async def test_backoff_does_not_delay_the_end(socket_enabled: None) -> None:
    """A port that waits for its next attempt closes at once."""
    port = Recorder("bms-none", Interface.SOCKETCAN)
    async with port.running():
        await port.until(lambda: port.port.state.status is PortStatus.LOST)
    assert port.port.state == PortState()


async def test_port_opens_again_after_its_end() -> None:
    """It continues its counters."""
    near = Recorder("a")
    for _ in range(2):
        near.echoes.clear()
        async with near.opened() as port:
            port.send(LIMITS)
            await near.sees_echoes(1)
    assert port.state == PortState(sent=2)


async def test_cancelled_opening_leaves_no_open_bus(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bus that opens too late is closed at once, and not in the loop.

    The kernel may block for a second while a driver is busy with its adapter.
    """
    opening, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    closers: list[threading.Thread] = []

    class Slow(VirtualLink):
        def __init__(self, channel: str) -> None:
            opening.set()
            go_on.wait(PATIENCE)
            super().__init__(channel)

        @override
        def shutdown(self) -> None:
            super().shutdown()
            closers.append(threading.current_thread())
            closed.set()

    monkeypatch.setattr(backend, "VirtualLink", Slow)
    near = Recorder("a")
    async with near.running():
        assert await asyncio.to_thread(opening.wait, PATIENCE)
    assert near.port.state.status is PortStatus.CLOSED
    assert not closed.is_set()
    go_on.set()
    assert await asyncio.to_thread(closed.wait, PATIENCE)
    assert threading.current_thread() not in closers
    # python-can closes a bus that is garbage-collected open, with a warning
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_cancelled_opening_that_fails_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even by asyncio, as an exception that was never retrieved."""
    opening, go_on = threading.Event(), threading.Event()

    class Failing(VirtualLink):
        def __init__(self, channel: str) -> None:
            opening.set()
            go_on.wait(PATIENCE)
            raise can.CanInitializationError("gone meanwhile")

    monkeypatch.setattr(backend, "VirtualLink", Failing)
    async with Recorder("a").running():
        assert await asyncio.to_thread(opening.wait, PATIENCE)
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    gc.collect()
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_port_that_is_cancelled_while_it_closes_a_lost_bus_closes_it_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long that takes: otherwise the bus would stay open."""
    closing, go_on = threading.Event(), threading.Event()

    class SlowToClose(VirtualLink):
        @override
        def recv(self, timeout: float | None = None) -> can.Message | None:
            raise OSError("gone")

        @override
        def shutdown(self) -> None:
            closing.set()
            go_on.wait(PATIENCE)
            super().shutdown()

    monkeypatch.setattr(backend, "VirtualLink", SlowToClose)
    near = Recorder("a")
    task = asyncio.create_task(near.port.run())
    await near.becomes(PortStatus.OPEN)
    wake_port("a")
    assert await asyncio.to_thread(closing.wait, PATIENCE)
    task.cancel()
    for _ in range(3):  # turns of the loop, in which it would end
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not virtual.channels
