"""A port that records what it reports, and the other nodes on its channel."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
import time

import can

from custom_components.bms_gateway.engine.can.backend import open_bus
from custom_components.bms_gateway.engine.can.interface.state import PortError
from custom_components.bms_gateway.engine.can.port import Port
from custom_components.bms_gateway.engine.config import Interface, PortConfig
from custom_components.bms_gateway.engine.model import (
    Clock,
    Frame,
    PortFault,
    PortState,
    PortStatus,
)

from ..waiting import until


class Recorder:
    """A port and everything it has reported."""

    def __init__(
        self,
        channel: str,
        interface: Interface = Interface.VIRTUAL,
        *,
        bitrate: int = 500_000,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        each: Callable[[], None] = lambda: None,
    ) -> None:
        """Create the port; `running` opens it. `each`: called with every frame."""
        self._each = each
        self.frames: list[Frame] = []
        self.echoes: list[Frame] = []
        self.changes: list[PortState] = []
        self._news = asyncio.Event()
        self.port = Port(
            PortConfig(interface, channel, bitrate),
            on_frame=self._on_frame,
            on_echo=self._on_echo,
            on_change=self._on_change,
            clock=clock,
            wall=wall,
        )

    @property
    def statuses(self) -> list[tuple[PortStatus, PortFault | None]]:
        """Status and fault of each change."""
        return [(state.status, state.fault) for state in self.changes]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Port]:
        """Run the port; at the end it is cancelled and closed."""
        task = asyncio.create_task(self.port.run())
        try:
            yield self.port
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Port]:
        """Run the port and wait until it is open."""
        async with self.running() as port:
            await self.becomes(PortStatus.OPEN)
            yield port

    async def becomes(self, status: PortStatus, fault: PortFault | None = None) -> None:
        """Wait for a status."""
        wanted = (status, fault)
        await until(
            lambda: (self.port.state.status, self.port.state.fault) == wanted,
            lambda: f"the port is {status} ({fault}), not {self.port.state}",
            news=self._news,
        )

    async def receives(self, count: int) -> None:
        """Wait until `count` frames were received."""
        await self.until(lambda: len(self.frames) >= count)

    async def sees_echoes(self, count: int) -> None:
        """Wait until `count` own frames have come back.

        Drain before each look, as the gateway does before each step: a port withholds
        an echo that proves nothing yet, and looks at that by itself but once more.
        """

        def look() -> bool:
            self.port.drain()
            return len(self.echoes) >= count

        await until(look, lambda: f"{count} echoes, not {self.echoes}", news=self._news)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, checked at every callback of the port."""
        await until(condition, news=self._news)

    def _on_frame(self, frame: Frame) -> None:
        self._each()
        self.frames.append(frame)
        self._news.set()

    def _on_echo(self, frame: Frame) -> None:
        self.echoes.append(frame)
        self._news.set()

    def _on_change(self, state: PortState) -> None:
        self.changes.append(state)
        self._news.set()


async def probe(config: PortConfig) -> PortFault | None:
    """Return why a port cannot be opened, None if it can; nothing is sent."""
    try:
        bus = await open_bus(config)
    except PortError as error:
        return error.fault
    await bus.close()
    return None


def one_clock(late: Clock = lambda: 0.0) -> tuple[Clock, Clock]:
    """Return a port's clock and its wall clock, which run late by `late` seconds.

    They agree although they are read one after the other, on a busy machine even much
    later: so both show the time of day as it was for the first.
    """
    shown = 0.0

    def clock() -> float:
        nonlocal shown
        shown = time.time() + late()
        return shown

    return clock, lambda: shown


@contextmanager
def other_node(
    channel: str, interface: Interface = Interface.VIRTUAL
) -> Iterator[can.BusABC]:
    """Open another node on the channel, which may choose a frame's time stamp."""
    with can.Bus(
        interface=interface.value,
        channel=channel,
        ignore_config=True,
        preserve_timestamps=True,  # unknown to SocketCAN, which ignores it
    ) as bus:
        yield bus


def content(frame: Frame) -> tuple[int, bytes]:
    """Return identifier and data of a frame, without its time."""
    return frame.can_id, frame.data
