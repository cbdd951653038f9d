"""A running port: the coroutines that serve it, and what wakes them."""

import asyncio
from collections.abc import Callable, Coroutine
import contextlib
import logging
from typing import Any, Protocol

from ..config import PortConfig
from ..model import Clock, Frame, PortState
from .sender import Sender

_LOGGER = logging.getLogger(__name__)


class RunningPort(Sender, Protocol):
    """A port as the gateway uses it: sending, and the life of the port."""

    config: PortConfig

    @property
    def read_until(self) -> float:
        """Time up to which all received frames are dispatched; now if none can come."""

    def drain(self) -> None:
        """Dispatch the frames that wait, including echoes of sent ones."""

    async def run(self) -> None:
        """Keep the port open until cancelled."""


class PortFactory(Protocol):
    """Makes ports; tests use simulated ports instead of `Port`."""

    def __call__(
        self,
        config: PortConfig,
        *,
        on_frame: Callable[[Frame], None],
        on_echo: Callable[[Frame], None],
        on_change: Callable[[PortState], None],
        clock: Clock,
        wall: Clock,
    ) -> RunningPort:
        """Return a port that is not open yet."""


class Wake:
    """Wakes a coroutine on a change, or at a deadline by the gateway's clock."""

    def __init__(self, clock: Clock) -> None:
        """Create it with the clock of the deadlines."""
        self._clock = clock
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the coroutine: something has changed."""
        self._event.set()

    async def until(self, deadline: float | None) -> None:
        """Wait for a change, at most until the deadline; yields to other tasks first.

        On a flooded bus something changes all the time.
        """
        if self._event.is_set():
            await asyncio.sleep(0)
        delay = None if deadline is None else max(0.0, deadline - self._clock())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._event.wait()
        self._event.clear()


class PortService:
    """A port and the coroutine that serves it: `serve` does what is due.

    `serve` returns the time of its next call; a change calls it earlier.
    """

    def __init__(
        self, port: RunningPort, serve: Callable[[], float | None], clock: Clock
    ) -> None:
        """Create a service that is not running."""
        self.port = port
        self._serve = serve
        self._wake = Wake(clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    def start(self, name: str) -> None:
        """Open the port and serve it in the running loop; repeated calls do nothing."""
        if self._tasks:
            return
        self._tasks = [
            spawn(self.port.run(), f"{name} port"),
            spawn(self._run(), f"{name} service"),
        ]

    def wake(self) -> None:
        """Serve the port soon: something has changed."""
        self._wake.set()

    def cancel(self) -> None:
        """Stop serving; `stop` waits until the port is closed."""
        if self._ending:
            return  # cancelling twice would interrupt the closing itself
        self._ending = True
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """End the service and close the port."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._ending = False

    async def _run(self) -> None:
        while True:
            await self._wake.until(self._serve())


def spawn(coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run a coroutine as a task of the running loop; log an exception that ends it."""
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    """Log the exception that ended a permanent task: its device is now silent."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOGGER.error(
            "%s ended by an unexpected error", task.get_name(), exc_info=error
        )
