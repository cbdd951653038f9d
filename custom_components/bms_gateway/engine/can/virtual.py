"""An open python-can bus without a descriptor, read by a thread."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
import errno
import time
from typing import Final, override

import can

from ..model import NO_CONTROLLER, Controller, Frame
from .stream import as_message

ERRORS: Final = (can.CanError, OSError, ValueError, AssertionError)
"""What python-can raises of a bus that failed; it asserts what its peers send."""

READ_TIMEOUT: Final = 0.1
"""Seconds that a reader thread may need to notice its end."""

_FULL: Final = frozenset({errno.ENOBUFS, errno.EAGAIN})


def is_full(error: Exception) -> bool:
    """Return whether only the queue is full: the link is up, its peer takes nothing."""
    code = getattr(error, "error_code", None) or getattr(error, "errno", None)
    return code in _FULL or str(error) == "Transmit buffer full"


class OpenBus:
    """An open bus and its reader."""

    has_echo = True
    echo_is_proof = True
    """A virtual bus delivers at once."""
    link: str | None = None
    controller = NO_CONTROLLER
    owns_error_frames = False
    """Any node can send them on a virtual bus."""

    def __init__(self, bus: can.BusABC) -> None:
        """Take over an open bus."""
        self._bus = bus
        self._waiting: deque[can.Message] = deque()
        self._notifier: can.Notifier | None = None

    def read(
        self,
        *,
        on_waiting: Callable[[], None],
        on_error: Callable[[Exception], None],
        on_controller: Callable[[Controller], None],
    ) -> None:
        """Start reading; both callbacks come in the running loop.

        `on_waiting`: messages can be taken. `on_error`: the bus failed, once; it is
        not read any more and has to be closed.
        """
        self._on_waiting = on_waiting
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._guard = _Guard(self._bus, self._fail)
        self._notifier = can.Notifier(
            self._guard, [self._receive], timeout=READ_TIMEOUT
        )

    def take(self) -> Iterator[can.Message]:
        """Yield the messages that wait, until none does."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            # What the reader's thread has not come to yet, on a busy machine
            if (message := self._guard.recv(0)) is None:
                return
            self._waiting.append(message)

    def doubt(self) -> None:
        """Do nothing: there is no controller that could give up."""

    def send(self, frame: Frame) -> None:
        """Queue a frame without blocking; raises one of ERRORS."""
        self._bus.send(as_message(frame))

    async def close(self) -> None:
        """Stop reading and close the bus."""
        await asyncio.get_running_loop().run_in_executor(None, self.shutdown)

    def shutdown(self) -> None:
        """Close the bus at once; blocks until its reader has ended."""
        if self._notifier:
            self._notifier.stop()
        self._bus.shutdown()

    # In the reader's thread

    def _receive(self, message: can.Message) -> None:
        self._waiting.append(message)
        self._loop.call_soon_threadsafe(self._on_waiting)

    def _fail(self, error: Exception) -> None:
        self._loop.call_soon_threadsafe(self._on_error, error)


class _Guard(can.BusABC):
    """What the Notifier reads: a bus whose first error ends the reading.

    An error from `recv` would kill the Notifier's thread.
    """

    def __init__(self, bus: can.BusABC, on_error: Callable[[Exception], None]) -> None:
        """Stand in for `bus`, which is set up already."""
        self.channel_info = bus.channel_info
        self._bus = bus
        self._on_error = on_error
        self._failed = False

    @override
    def recv(self, timeout: float | None = None) -> can.Message | None:
        if self._failed:
            # The thread comes here until it is stopped; it must not spin
            time.sleep(timeout or 0)
            return None
        try:
            return self._bus.recv(timeout)
        except ERRORS as error:
            self._failed = True
            self._on_error(error)
            return None

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        self._bus.send(msg, timeout)
