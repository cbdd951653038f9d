"""Listens to one port during a scan: reports changes, and ends once the result is clear."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
import logging

from ..can.port import Port
from ..config import PortConfig
from ..model import Clock, Frame, PortState, PortStatus
from ..protocol import POLL
from ..topology.comparison import Comparison
from .classify import Classifier, ScanResult

type Tap = Callable[[Callable[[Frame], None]], Callable[[], None]]
"""Calls back with each frame of a port that is in use; returns a function that ends
it."""


class Listener:
    """One scan: reports changes of its result, and ends early once it is clear."""

    def __init__(
        self,
        on_change: Callable[[ScanResult], None],
        settle: float,
        clock: Clock,
        comparison: Comparison | None = None,
    ) -> None:
        """Create a scan that has received nothing.

        `settle`: seconds to continue once the result is clear. `comparison`: takes all
        received frames, and keeps the scan going until it is settled.
        """
        self._on_change = on_change
        self._settle = settle
        self._clock = clock
        self._classifier = Classifier()
        self._comparison = comparison or Comparison()
        self._acknowledges: bool | None = None
        self._reported = ScanResult()
        self._changed = asyncio.Event()
        self._limit: asyncio.Timeout | None = None
        self._is_clear = False

    @property
    def result(self) -> ScanResult:
        """The result until now."""
        result = self._classifier.result(self._clock())
        return replace(result, acknowledges=self._acknowledges)

    def on_frame(self, frame: Frame) -> None:
        """Take a frame, and report a changed result."""
        self._classifier.on_frame(frame)
        self._comparison.on_frame(frame)
        result = self.result
        if result != self._reported:
            self._reported = result
            self._on_change(result)
        is_clear = result.is_clear and not self._comparison.is_open
        if is_clear and not self._is_clear:
            self._is_clear = True
            self._end_soon()

    async def listen_in(self, tap: Tap, seconds: float) -> ScanResult:
        """Listen to a port that is in use."""
        undo = tap(self.on_frame)
        try:
            async with self._limited(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        finally:
            undo()
        return self.result

    async def listen(
        self, config: PortConfig, seconds: float, *, poll: bool
    ) -> ScanResult:
        """Open a port and listen to it."""
        port = Port(
            config,
            on_frame=self.on_frame,
            on_echo=lambda _: None,
            on_change=lambda _: self._changed.set(),
            clock=self._clock,
            loss_level=logging.DEBUG,  # the form shows it
        )
        running = asyncio.create_task(port.run(), name="listening")
        try:
            state = await self._leaves(port, PortStatus.CLOSED, PortStatus.OPENING)
            if state.status is PortStatus.OPEN:
                self._acknowledges = port.has_echo
                if poll:
                    port.send(POLL)
                state = await self._stays_open(port, seconds)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return replace(
            self.result, fault=state.fault, reason=state.reason, detail=state.detail
        )

    async def _stays_open(self, port: Port, seconds: float) -> PortState:
        try:
            async with self._limited(seconds):
                return await self._leaves(port, PortStatus.OPEN)
        except TimeoutError:
            port.drain()
            return port.state

    @asynccontextmanager
    async def _limited(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds) as self._limit:
                if self._is_clear:
                    self._end_soon()
                yield
        finally:
            self._limit = None

    def _end_soon(self) -> None:
        # Not once it has expired: frames of that time are received in any case
        limit = self._limit
        if limit and not limit.expired() and (end := limit.when()):
            now = asyncio.get_running_loop().time()
            limit.reschedule(min(end, now + self._settle))

    async def _leaves(self, port: Port, *statuses: PortStatus) -> PortState:
        """Wait until a port has another status than these."""
        while (state := port.state).status in statuses:
            self._changed.clear()
            await self._changed.wait()
        return state
